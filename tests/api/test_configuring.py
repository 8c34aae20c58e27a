"""/admin/settings and /admin/models: models.toml by HTTP, and what of it is the file's alone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from gateway.wiring import Wiring
from tests.api.house import generate, problem

NEW = {"id": "new", "engine": "fake", "source": "fake:new", "title": "New"}


async def test_settings_are_shown_whole_and_changed_in_part(client: httpx.AsyncClient, wiring: Wiring) -> None:
    before = (await client.get("/admin/settings")).json()
    assert before["urls"] == {"lifetime_days": 7}
    assert before["limits"]["max_body_bytes"] == 4096
    changed = (await client.patch("/admin/settings", json={"urls": {"lifetime_days": 3}, "credits": {"enabled": True}})).json()
    assert changed == {**before, "urls": {"lifetime_days": 3}, "credits": {**before["credits"], "enabled": True}}
    assert (await client.get("/admin/settings")).json() == changed
    assert "lifetime_days = 3" in wiring.models_path.read_text()
    back = await client.patch("/admin/settings", json={"urls": {"lifetime_days": None}, "credits": {"enabled": None}})
    assert back.json() == before
    newest, _ = (await client.get("/admin/audit?action=settings.update")).json()["data"]
    assert newest["details"] == {"urls": {"lifetime_days": None}, "credits": {"enabled": None}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"urls": {"lifetime_days": -1}}, "urls.lifetime_days"),
        ({"urls": {"lifetime_dayz": 1}}, "urls.lifetime_dayz"),
        ({"nothing": {}}, "nothing"),
        ({"urls": []}, "urls"),
    ],
)
async def test_a_wrong_setting_is_refused_whole(
    client: httpx.AsyncClient, wiring: Wiring, body: dict[str, Any], field: str
) -> None:
    before = wiring.models_path.read_text()
    told = problem(await client.patch("/admin/settings", json={"jobs": {"max_attempts": 5}, **body}), 422, "invalid_request")
    assert told["errors"][0]["field"] == field
    assert wiring.models_path.read_text() == before
    assert (await client.get("/admin/audit")).json()["data"] == []


async def test_a_body_without_a_bottom_is_refused(client: httpx.AsyncClient) -> None:
    body = b'{"urls":' + b"[" * 1500 + b"]" * 1500 + b"}"
    problem(await client.patch("/admin/settings", content=body), 400, "malformed_json")


async def test_a_model_that_was_added_can_be_asked_for_at_once(client: httpx.AsyncClient) -> None:
    made = await client.post("/admin/models", json={**NEW, "defaults": {"steps": 3}})
    assert made.status_code == 201, made.text
    assert made.json()["entry"] == {**NEW, "defaults": {"steps": 3}}
    assert len(made.json()["revision"]) == 16
    task = await generate(client, model="new", size="64x64")
    assert (task["status"], task["model"], task["progress"]["steps"]) == ("succeeded", "new", 3)
    changed = await client.patch("/admin/models/new", json={"title": None, "defaults": {"steps": 4}, "aliases": ["newest"]})
    assert changed.json()["entry"] == {
        "id": "new", "engine": "fake", "source": "fake:new", "defaults": {"steps": 4}, "aliases": ["newest"],
    }  # fmt: skip
    assert (await generate(client, model="newest", size="64x64"))["progress"]["steps"] == 4
    assert (await client.get("/admin/models/new")).json() == changed.json()
    assert (await client.delete("/admin/models/new")).status_code == 204
    problem(await client.post("/v1/images/generations", json={"prompt": "x", "model": "new"}), 422, "unknown_model")
    problem(await client.get("/admin/models/new"), 404, "not_found")
    actions = [row["action"] for row in (await client.get("/admin/audit?target=new")).json()["data"]]
    assert actions == ["model.delete", "model.update", "model.create"]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"id": "quick"}, 409, "id"),
        ({"id": None}, 422, "id"),
        ({"engine": "nothing"}, 422, "engine"),
        ({"source": "/etc/passwd"}, 422, "source"),
        ({"step_seconds": 1}, 422, "step_seconds"),
        ({"plugin": "fake"}, 422, "plugin"),
        ({"defaults": {"steps": "many"}}, 422, "defaults.steps"),
    ],
)
async def test_a_model_that_cannot_be(
    client: httpx.AsyncClient, wiring: Wiring, change: dict[str, Any], status: int, field: str
) -> None:
    before = wiring.models_path.read_text()
    told = problem(
        await client.post("/admin/models", json={**NEW, **change}),
        status,
        "already_exists" if status == 409 else "invalid_request",
    )
    assert told["errors"][0]["field"] == field
    assert wiring.models_path.read_text() == before


async def test_a_model_that_is_needed_or_missing(client: httpx.AsyncClient) -> None:
    told = problem(await client.delete("/admin/models/quick"), 422, "invalid_request")
    assert "text_to_image" in told["detail"]
    problem(await client.delete("/admin/models/nothing"), 404, "not_found")
    problem(await client.patch("/admin/models/nothing", json={}), 404, "not_found")
    # The file made it wait; so nobody hands it another engine from far away.
    problem(await client.patch("/admin/models/slow", json={"engine": "far"}), 422, "invalid_request")


async def test_a_file_that_is_wrong_already(client: httpx.AsyncClient, wiring: Wiring) -> None:
    wiring.models_path.write_text("[settings.nothing]\n")
    told = problem(await client.patch("/admin/settings", json={"urls": {"lifetime_days": 3}}), 409, "wrong_state")
    assert "mend it first" in told["detail"]


async def test_only_administrators(other_team: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/admin/settings"),
        ("PATCH", "/admin/settings"),
        ("POST", "/admin/models"),
        ("GET", "/admin/models/quick"),
        ("PATCH", "/admin/models/quick"),
        ("DELETE", "/admin/models/quick"),
        ("GET", "/admin/teams"),
        ("GET", "/admin/users"),
        ("GET", "/admin/audit"),
    ):
        problem(await other_team.request(method, path), 403, "forbidden")
