"""GET /v1/models and /v1/me."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import Litestar

from engines.contract import ModelCard, ModelSpec
from gateway.api.common.wire import shown
from gateway.catalog import ModelEntry
from gateway.wiring import Wiring
from tests.api.conftest import MODELS
from tests.api.house import anyone, bearer, member_key, problem
from tests.fakes.fake_engine import FakeEngine


async def models(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {model["id"]: model for model in (await client.get("/v1/models")).json()["data"]}


async def test_what_each_model_can_do(client: httpx.AsyncClient) -> None:
    found = await models(client)
    assert list(found) == ["quick", "free", "slow", "stuck", "broken"]
    quick = found["quick"]
    assert (quick["title"], quick["engine"], quick["available"], quick["reason"]) == ("Quick", "fake", True, None)
    assert quick["is_default_for"] == ["text_to_image"]
    assert quick["native_sizes"] == [{"width": 128, "height": 128}]
    assert quick["aliases"] == ["fast", "old"]
    assert quick["upscaler"] == "lanczos"
    assert "text_to_image" in quick["capabilities"]
    assert quick["limits"]["max_images"] == 4
    assert quick["limits"]["steps"]["low"] == 1
    assert quick["defaults"]["sampler"] == quick["samplers"][0]
    assert quick["defaults"]["size"] == {"width": 128, "height": 128}


@pytest.mark.parametrize(("most", "told"), [(10, 4), (2, 2)])
def test_a_model_is_not_said_to_make_more_than_may_be_asked_for(most: int, told: int) -> None:
    card = ModelCard(capabilities=("text_to_image",), max_images=most)
    limits = shown(ModelEntry(id="m", engine="e", source="s"), card, None, ()).limits
    assert limits is not None
    assert limits.max_images == told


async def test_a_model_that_is_still_to_be_downloaded_says_so(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def is_here(_: FakeEngine, model: ModelSpec) -> bool:
        if model.id == "slow":
            raise RuntimeError("a stranger's fault")
        return model.id != "quick"

    monkeypatch.setattr(FakeEngine, "is_here", is_here)
    rows = (await client.get("/admin/models")).json()["data"]
    for found in (await models(client), {row["id"]: row for row in rows}):
        assert (found["quick"]["available"], found["quick"]["reason"]) == (True, None)
        assert [id_ for id_, model in found.items() if model["to_download"]] == ["quick"]
    assert "asked whether slow is here" in caplog.text


async def test_a_model_that_cannot_run_says_why_to_those_who_can_mend_it(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    theirs, mine = (await models(other_team))["bad"], (await models(client))["bad"]
    assert (theirs["available"], mine["available"]) == (False, False)
    assert "/secret/path" not in theirs["reason"]
    assert "/admin/models" in theirs["reason"]
    assert "ModuleNotFoundError" in mine["reason"]
    told = problem(await other_team.post("/v1/images/generations", json={"prompt": "a", "model": "bad"}), 503, "unavailable")
    assert "/secret/path" not in told["detail"]


async def test_a_model_of_one_team_is_not_there_for_the_others(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    assert "theirs" in await models(other_team)
    assert "theirs" not in await models(client)
    body = {"prompt": "a", "model": "theirs"}
    assert (await other_team.post("/v1/images/generations", json=body)).status_code == 202
    problem(await client.post("/v1/images/generations", json=body), 422, "unknown_model")


async def test_me(client: httpx.AsyncClient, stranger: httpx.AsyncClient, app: Litestar, wiring: Wiring) -> None:
    me = (await client.get("/v1/me")).json()
    assert (me["user"]["name"], me["team"]["name"], me["is_admin"], me["role"]) == ("admin", "default", True, "owner")
    assert me["permissions"] == ["admin", "features.image_generation", "gallery.read", "gallery.write"]
    async with anyone(app, bearer(await member_key(wiring, "gallery.read", bulk=True))) as reader:
        me = (await reader.get("/v1/me")).json()
    assert (me["team"]["name"], me["is_admin"], me["permissions"]) == ("others", False, ["gallery.read"])
    assert (me["key"]["name"], me["priority"]) == ("test", "bulk")
    problem(await stranger.get("/v1/me"), 401, "not_authenticated")
    problem(await stranger.get("/v1/models"), 401, "not_authenticated")


TEAMS = """
[[models]]
id = "theirs"
engine = "fake"
source = "fake:theirs"
teams = ["others"]
"""
BAD = """
[engines.bad]
plugin = "torn"

[[models]]
id = "bad"
engine = "bad"
source = "x"
"""


@pytest.fixture(autouse=True)
def more_models(wiring: Wiring, request: pytest.FixtureRequest) -> None:
    assert wiring.models
    if "one_team" in request.node.name or "mend_it" in request.node.name:
        wiring.models.write_text(MODELS + TEAMS + BAD)
