"""Fail-over as the caller sees it: the job names the model that made it, those that did not, and the price it had."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.conftest import MODELS, PLUGINS
from tests.api.house import ADMIN_KEY, anyone, bearer, create_app, finished, generate
from tests.api.pictures import flat
from tests.fakes.web import Web

ON = MODELS.replace('text_to_image = "quick"', 'text_to_image = "broken"') + '\n[settings.jobs]\nfail_over = ["free"]\n'
PRICES = "\n[tariffs.broken]\notherwise = 7\n[tariffs.free]\notherwise = 1\n"


@pytest.fixture
def make_app(wiring: Wiring, web: Web) -> Callable[[], Litestar]:
    """Of a gateway whose preferred model is broken."""
    wiring.models_path.write_text(ON + PRICES)
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


async def test_the_task_says_who_made_it_and_who_did_not(client: httpx.AsyncClient) -> None:
    done = await generate(client, n=2, seed=11)
    assert (done["status"], done["model"]) == ("succeeded", "free")
    (left,) = done["moved_from"]
    assert (left["model"], left["code"]) == ("broken", "model_unusable")
    assert "ModelUnusable" in left["message"]
    assert left["at"].endswith("Z")
    assert done["billing"] == {"charged_credits": "14.0000", "refunded_credits": "0.0000"}, "the charged price stands"
    image = (await client.get(f"/v1/images/{done['output']['images'][0]['artifact_id']}")).json()
    assert (image["model"], image["engine"], image["seed"]) == ("free", "fake", 11)
    picture = (await client.get(f"/v1/images/{image['id']}/content")).content
    assert b"free" in picture, "the file itself names the model that made it"
    assert b"broken" not in picture
    usage = {row["model"]: row for row in (await client.get("/admin/usage", params={"by": "model"})).json()["data"]}
    assert (usage["free"]["jobs"], usage["free"]["pictures"]) == (1, 2)


@pytest.mark.parametrize("body", [{"model": "broken"}, {"model": "broken", "n": 2}])
async def test_a_model_that_is_named_is_not_replaced(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    done = await generate(client, **body)  # type: ignore[arg-type]
    assert (done["status"], done["model"]) == ("failed", "broken")
    assert "moved_from" not in done
    assert done["error"]["code"] == "model_unusable"


async def test_every_surface_lets_another_step_in(client: httpx.AsyncClient) -> None:
    gallery = (await client.post("/v1/generate/image", json={"prompt": "a cat"})).json()
    assert (await finished(client, gallery["job_id"]))["model"] == "free"
    studio = await client.post("/v0/images/generations", json={"prompt": "a cat", "resolution": "low"})
    assert studio.json()["data"]["model"] == "free", studio.text


async def test_an_edit_by_the_default_editor_too(make_app: Callable[[], Litestar], wiring: Wiring) -> None:
    wiring.models_path.write_text(f'{ON}\n[settings.gallery]\nedit_model = "broken"\n')
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        source = (await client.post("/v1/uploads", files={"file": ("p.png", flat())})).json()["artifact_id"]
        path = f"/v1/images/{source}/edit"
        edited = (await client.post(path, json={"prompt": "bluer", "title": "x"})).json()
        done = await finished(client, edited["job_id"])
        assert (done["status"], done["model"]) == ("succeeded", "free")
        named = (await client.post(path, json={"prompt": "bluer", "model": "broken"})).json()
        assert (await finished(client, named["job_id"]))["status"] == "failed"
