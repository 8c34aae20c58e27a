"""What engines offer that models.toml does not name, as an administrator sees it, and servers that are away for a while."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from litestar import Litestar

from engines.contract import EngineUnavailable, ModelSpec
from gateway.wiring import Wiring
from tests.api.conftest import MODELS
from tests.api.house import ADMIN_KEY, anyone, bearer, finished, problem
from tests.fakes.fake_engine import FakeRemoteEngine, Script

FOUND = (
    ModelSpec("quick", "fake:quick"),
    ModelSpec("big/one", "fake:big", options=Script(max_images=9)),
    ModelSpec("named", "fake:named"),
)
CLOUD = '\n[[models]]\nid = "cloud"\nengine = "far"\nsource = "fake:named"\n'


@pytest.fixture(autouse=True)
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def discover(engine: FakeRemoteEngine) -> Sequence[ModelSpec]:
        return FOUND

    monkeypatch.setattr(FakeRemoteEngine, "discover", discover)


async def test_an_engine_is_asked_and_each_model_comes_with_its_entry(make_app: Callable[[], Litestar], wiring: Wiring) -> None:
    wiring.models_path.write_text(MODELS + CLOUD)
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        before = (await client.get("/admin/models")).json()["discovered"]
        assert before == [], "nobody has asked yet"
        told = (await client.get("/admin/engines/far/discovered")).json()
        assert told["problem"] is None
        assert [(each["id"], each["source"]) for each in told["data"]] == [("quick", "fake:quick"), ("big/one", "fake:big")]
        entries = [tomllib.loads(each["entry"])["models"][0] for each in told["data"]]
        assert entries[0] == {"id": "quick-far", "engine": "far", "source": "fake:quick"}, "another engine has a quick one"
        assert entries[1] == {"id": "big-one", "engine": "far", "source": "fake:big", "max_images": 9}
        rows = {each["name"]: each for each in (await client.get("/admin/engines")).json()["data"]}
        assert rows["far"]["discovered"] == ["quick", "big/one"]
        assert rows["fake"]["discovered"] == []
        shown = (await client.get("/admin/models")).json()["discovered"]
        assert shown[0] == {"engine": "far", "id": "quick", "source": "fake:quick"}
        # Copied into the file as it is, it is on offer.
        wiring.models_path.write_text(MODELS + CLOUD + told["data"][1]["entry"])
        async with asyncio.timeout(20):
            while "big-one" not in [each["id"] for each in (await client.get("/v1/models")).json()["data"]]:
                await asyncio.sleep(0.05)
        assert (await client.get("/admin/models")).json()["discovered"] == [shown[0]]


async def test_who_cannot_be_asked(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(engine: FakeRemoteEngine) -> Sequence[ModelSpec]:
        raise EngineUnavailable("The far server cannot be reached.")

    monkeypatch.setattr(FakeRemoteEngine, "discover", away)
    told = (await client.get("/admin/engines/far/discovered")).json()
    assert told == {"data": [], "problem": "The far server cannot be reached."}
    assert "far" in problem(await client.get("/admin/engines/fra/discovered"), 404, "not_found")["detail"]
    problem(await other_team.get("/admin/engines/far/discovered"), 403, "forbidden")


async def test_an_engine_that_does_not_run_says_why(make_app: Callable[[], Litestar], wiring: Wiring) -> None:
    wiring.models_path.write_text(f'{MODELS}\n[engines.torn]\nplugin = "torn"\n')
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        told = problem(await client.get("/admin/engines/torn/discovered"), 503, "unavailable")
        assert "does not load" in told["detail"]


async def test_a_server_that_is_away_at_the_start(
    make_app: Callable[[], Litestar], wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its models are shown with the reason; when it is back they are on offer, without anybody's doing."""
    away, real = [True], FakeRemoteEngine.card

    async def card(engine: FakeRemoteEngine, model: ModelSpec) -> Any:
        if away[0]:
            raise EngineUnavailable("The far server cannot be reached.")
        return await real(engine, model)

    monkeypatch.setattr(FakeRemoteEngine, "card", card)
    monkeypatch.setattr("gateway.models.patience.SOON", 0.05)
    monkeypatch.setattr("gateway.models.patience.LATEST", 0.05)
    wiring.models_path.write_text(MODELS + CLOUD)
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        row = next(each for each in (await client.get("/v1/models")).json()["data"] if each["id"] == "cloud")
        assert (row["available"], row["reason"]) == (False, "The far server cannot be reached.")
        asked = {"prompt": "a cat", "model": "cloud"}
        problem(await client.post("/v1/images/generations", json=asked), 503, "unavailable")
        away[0] = False
        async with asyncio.timeout(20):
            while (await client.get("/v1/models")).json()["data"][-1]["reason"]:
                await asyncio.sleep(0.02)
        task = (await client.post("/v1/images/generations", json=asked)).json()
        assert (await finished(client, task["task_id"]))["status"] == "succeeded"
