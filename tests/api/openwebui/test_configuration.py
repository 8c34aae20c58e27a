"""The configuration over HTTP: what reaches models.toml and secrets.toml, and what holds for requests then."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar

from engines.a1111.engine import A1111Engine
from engines.contract import Engine
from engines.openai.engine import OpenAIEngine
from gateway.registry import Registry
from gateway.wiring import Wiring
from tests.api.house import create_app
from tests.api.openwebui.asking import CONFIG, EDIT, MAKE, UPDATE, VERIFY, file, made, refused
from tests.fakes.fake_engine import FakeEngine, FakeRemoteEngine
from tests.fakes.web import Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MASK = "********"
MORE = """
# the cloud account
[engines.cloud]
plugin = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key = "CLOUD_KEY"
# how long it may take
timeout_seconds = 30

[engines.theirs]
plugin = "openai"
base_url = "http://127.0.0.1:9/v1"
api_key = "THEIRS"

[[models]]
id = "far-away"
engine = "cloud"
source = "gpt-image-2"
"""


@pytest.fixture
def more() -> str:
    return MORE


@pytest.fixture
def make_app(wiring: Wiring, web: Web) -> Callable[[], Litestar]:
    """With engines that Open WebUI knows, too."""
    plugins: dict[str, type[Engine]] = {
        "fake": FakeEngine,
        "fake-remote": FakeRemoteEngine,
        "openai": OpenAIEngine,
        "a1111": A1111Engine,
    }
    (wiring.data / "secrets.toml").write_text('CLOUD_KEY = "old-secret"\nOTHER = "kept"\n')
    wiring = msgspec.structs.replace(wiring, environment={"THEIRS": "the-operators"})
    return lambda: create_app(wiring, registry=Registry(plugins), internet=web)


def kept(wiring: Wiring) -> dict[str, Any]:
    return tomllib.loads((wiring.data / "secrets.toml").read_text())


async def update(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await client.post(UPDATE, json=fields)
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def test_an_address_and_its_key_change_together(client: httpx.AsyncClient, wiring: Wiring) -> None:
    before = (await client.get(CONFIG)).json()
    assert (before["IMAGES_OPENAI_API_BASE_URL"], before["IMAGES_OPENAI_API_KEY"]) == ("http://127.0.0.1:9/v1", MASK)
    assert await update(client, **before) == before
    text = wiring.models_path.read_text()

    told = refused(
        await client.post(UPDATE, json={**before, "IMAGES_OPENAI_API_BASE_URL": "http://127.0.0.1:8/v1"}),
        400,
        "invalid_request",
    )
    assert [each["field"] for each in told["errors"]] == ["IMAGES_OPENAI_API_KEY"]
    assert (wiring.models_path.read_text(), kept(wiring)) == (text, {"CLOUD_KEY": "old-secret", "OTHER": "kept"})

    new = {"IMAGES_OPENAI_API_BASE_URL": "http://127.0.0.1:8/v1", "IMAGES_OPENAI_API_KEY": "new-secret"}
    answer = await client.post(UPDATE, json=new)
    assert answer.json()["IMAGES_OPENAI_API_BASE_URL"] == "http://127.0.0.1:8/v1"
    assert answer.json()["IMAGES_OPENAI_API_KEY"] == MASK
    after = wiring.models_path.read_text()
    table = tomllib.loads(after)["engines"]["cloud"]
    name = table["api_key"]
    assert table == {"plugin": "openai", "base_url": "http://127.0.0.1:8/v1", "api_key": name, "timeout_seconds": 30}
    assert "# the cloud account" in after
    assert kept(wiring) == {"OTHER": "kept", name: "new-secret"}
    for shown in (answer, await client.get(CONFIG), await client.get("/admin/audit"), await client.get("/admin/settings")):
        assert "secret" not in shown.text.replace("secrets", "").replace('"secret"', "")
    (act,) = (await client.get("/admin/audit?action=settings.update")).json()["data"]
    assert (act["target"], list(act["details"]["engines"])) == ("openwebui", ["cloud"])


async def test_a_key_alone(client: httpx.AsyncClient, wiring: Wiring) -> None:
    await update(client, IMAGES_OPENAI_API_KEY="another")
    name = tomllib.loads(wiring.models_path.read_text())["engines"]["cloud"]["api_key"]
    assert kept(wiring) == {"OTHER": "kept", name: "another"}
    assert (await update(client, IMAGES_OPENAI_API_KEY=""))["IMAGES_OPENAI_API_KEY"] == ""
    assert "api_key" not in tomllib.loads(wiring.models_path.read_text())["engines"]["cloud"]
    assert kept(wiring) == {"OTHER": "kept"}


async def test_what_the_environment_has_is_the_operators(client: httpx.AsyncClient) -> None:
    await update(client, IMAGE_GENERATION_ENGINE="theirs")
    for fields in ({"IMAGES_OPENAI_API_KEY": "mine"}, {"IMAGES_OPENAI_API_BASE_URL": "http://evil.example/v1"}):
        told = refused(await client.post(UPDATE, json=fields), 400, "invalid_request")
        assert "environment" in told["detail"]
        assert "the-operators" not in told["detail"]


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"IMAGE_GENERATION_ENGINE": "automatic1111"}, "IMAGE_GENERATION_ENGINE", 'plugin = "a1111"'),
        ({"IMAGE_EDIT_ENGINE": "comfyui"}, "IMAGE_EDIT_ENGINE", 'plugin = "comfyui"'),
        ({"IMAGE_GENERATION_MODEL": "gone"}, "IMAGE_GENERATION_MODEL", '"quick"'),
        ({"IMAGE_SIZE": "huge"}, "IMAGE_SIZE", "1024x768"),
        ({"IMAGE_STEPS": -1}, "IMAGE_STEPS", "0 to 1000"),
        ({"IMAGE_STEPS": "many"}, "IMAGE_STEPS", "whole number"),
        ({"ENABLE_IMAGE_EDIT": "yes"}, "ENABLE_IMAGE_EDIT", "true or false"),
        ({"IMAGE_SIZES": "64x64"}, "IMAGE_SIZES", "IMAGE_SIZE"),
        ({"IMAGES_OPENAI_API_BASE_URL": "nonsense", "IMAGES_OPENAI_API_KEY": "k"}, "base_url", "address"),
        ({"IMAGES_OPENAI_API_BASE_URL": "http://u:p@x/v1", "IMAGES_OPENAI_API_KEY": "k"}, "base_url", "password"),
    ],
)
async def test_a_wrong_update_is_refused_whole(
    client: httpx.AsyncClient, wiring: Wiring, fields: dict[str, Any], field: str, words: str
) -> None:
    before = wiring.models_path.read_text()
    response = await client.post(UPDATE, json={"ENABLE_IMAGE_GENERATION": False, **fields})
    told = refused(response, 400, "model_retired" if words == '"quick"' else "invalid_request")
    assert words in told["detail"]
    assert field in told["detail"] or [each["field"] for each in told["errors"]] == [field]
    assert wiring.models_path.read_text() == before
    assert kept(wiring) == {"CLOUD_KEY": "old-secret", "OTHER": "kept"}, "no key is left behind"
    assert (await client.post(MAKE, json={"prompt": "a"})).status_code == 200


async def test_a_file_that_is_wrong_already(client: httpx.AsyncClient, wiring: Wiring) -> None:
    wiring.models_path.write_text("[settings.nothing]\n")
    told = refused(await client.post(UPDATE, json={"IMAGE_STEPS": 3}), 400, "wrong_state")
    assert "mend it first" in told["detail"]
    refused(await client.post(UPDATE, json={"IMAGES_OPENAI_API_KEY": "k"}), 400, "invalid_request")
    assert kept(wiring) == {"CLOUD_KEY": "old-secret", "OTHER": "kept"}


async def test_the_defaults_hold_for_requests_that_say_nothing(client: httpx.AsyncClient) -> None:
    async def came(path: str = MAKE, **body: Any) -> tuple[str, str, int]:
        (one,) = await made(client, path, **body)
        data = (await file(client, one))["meta"]["data"]
        return data["model"], data["size"], data["steps"]

    model, size, usual = await came()
    assert (model, size) == ("quick", "128x128")
    await update(client, IMAGE_GENERATION_MODEL="free", IMAGE_SIZE="128x64", IMAGE_STEPS=3)
    assert await came() == ("free", "128x64", 3)
    assert await came(size="64x64", steps=4) == ("free", "64x64", 4)
    assert await came(model="quick") == ("quick", "128x128", usual), "another model's own, where a request names one"
    await update(client, IMAGE_SIZE="512x512", IMAGE_STEPS=50)
    assert await came() == ("free", "64x64", usual), "what the model cannot do was asked for by nobody here"
    await update(client, IMAGE_GENERATION_MODEL="", IMAGE_GENERATION_ENGINE="far", IMAGE_SIZE="auto", IMAGE_STEPS=0)
    assert await came() == ("afar", "128x128", usual)
    assert (await came(model="auto"))[0] == "quick"
    await update(client, IMAGE_EDIT_MODEL="afar", IMAGE_EDIT_SIZE="256x128")
    picture = {"image": "http://pictures.example/red.png"}
    assert (await came(EDIT, **picture))[:2] == ("afar", "256x128")
    assert (await came(EDIT, **picture, model="edit"))[:2] == ("edit", "128x128")
    await update(client, IMAGE_EDIT_MODEL="", IMAGE_EDIT_SIZE="", IMAGE_EDIT_ENGINE="fake")
    assert (await came(EDIT, **picture))[0] in ("edit", "quick")


async def test_a_default_that_a_team_does_not_see_is_not_its_own(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient, wiring: Wiring
) -> None:
    await client.patch("/admin/models/quick", json={"teams": ["nobody"]})
    await update(client, IMAGE_GENERATION_MODEL="quick")
    (one,) = await made(other_team)
    assert (await file(other_team, one))["meta"]["data"]["model"] != "quick"


async def test_an_engine_without_a_model_that_can(client: httpx.AsyncClient) -> None:
    await update(client, IMAGE_GENERATION_ENGINE="theirs")
    told = refused(await client.post(MAKE, json={"prompt": "a"}), 400, "invalid_request", "model")
    assert 'The engine "theirs"' in told["detail"]
    assert (await client.post(MAKE, json={"prompt": "a", "model": "quick"})).status_code == 200


async def test_it_is_switched_off_and_on(client: httpx.AsyncClient) -> None:
    told = await update(client, ENABLE_IMAGE_GENERATION=False, ENABLE_IMAGE_EDIT=False)
    assert (told["ENABLE_IMAGE_GENERATION"], told["ENABLE_IMAGE_EDIT"]) == (False, False)
    refused(await client.post(MAKE, json={"prompt": "a"}), 403, "disabled")
    refused(await client.post(EDIT, json={"prompt": "a", "image": "b"}), 403, "disabled")
    await update(client, ENABLE_IMAGE_GENERATION=True)
    assert (await client.post(MAKE, json={"prompt": "a"})).status_code == 200


async def test_whether_the_engine_answers(client: httpx.AsyncClient) -> None:
    assert (await client.get(VERIFY)).json() is True
    await update(client, IMAGE_GENERATION_ENGINE="openai")
    told = refused(await client.get(VERIFY), 400, "engine_unavailable")
    assert 'The engine "cloud" does not answer' in told["detail"]
    await update(client, IMAGE_GENERATION_ENGINE="fake")
    assert (await client.get(VERIFY)).json() is True
    await update(client, IMAGE_GENERATION_ENGINE="", IMAGE_GENERATION_MODEL="far-away")
    refused(await client.get(VERIFY), 400, "engine_unavailable")


async def test_an_engine_is_asked_at_the_address_that_it_has(client: httpx.AsyncClient) -> None:
    path, asked = "/api/images/verify", {"engine": "openai", "url": "http://127.0.0.1:9/v1/", "key": MASK}
    told = refused(await client.post(path, json=asked), 400, "engine_unavailable")
    assert 'The engine "cloud" does not answer' in told["detail"]
    for change, field in (
        ({"url": "http://evil.example/v1"}, "url"),
        ({"key": "another"}, "key"),
        ({"engine": "fake"}, "url"),
        ({"engine": "comfyui"}, "engine"),
        ({"engine": "nothing"}, "engine"),
        ({"engine": ""}, "engine"),
    ):
        refused(await client.post(path, json={**asked, **change}), 400, "invalid_request", field)


async def test_what_a_name_means_that_nobody_here_has(client: httpx.AsyncClient) -> None:
    refused(await client.post(MAKE, json={"prompt": "a", "model": "nobodys"}), 400, "unknown_model", "model")
    await client.patch("/admin/settings", json={"clients": {"unknown_model": "default"}})
    await update(client, IMAGE_GENERATION_MODEL="free")
    (one,) = await made(client, model="nobodys")
    assert (await file(client, one))["meta"]["data"]["model"] == "free"
    assert (
        refused(await client.post(MAKE, json={"prompt": "a", "model": "gone"}), 400, "model_retired")["replacement"] == "quick"
    )


async def test_only_administrators(other_team: httpx.AsyncClient) -> None:
    refused(await other_team.get(CONFIG), 403, "forbidden")
    refused(await other_team.get(VERIFY), 403, "forbidden")
    refused(await other_team.post("/api/images/verify", json={"engine": "openai", "url": ""}), 403, "forbidden")
    refused(await other_team.post(UPDATE, json={"IMAGE_STEPS": 3}), 403, "forbidden")
