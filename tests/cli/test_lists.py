"""`darkroom models`, `engines`, `queue` and `keys`: tables from what the gateway answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import Result
from standin import KEY

from gateway.cli.gateway import Gateway

Darkroom = Callable[..., Result]
MODEL = {
    "id": "shapes", "title": "Shapes [tiny]", "engine": "local", "capabilities": ["text_to_image", "inpaint"], "reason": None,
    "native_sizes": [{"width": 128, "height": 128}],
}  # fmt: skip
UNWELL = {"name": "far/far:8188", "state": "resting", "healthy": False, "breaker": "open", "reason": "it cannot be reached"}
ENGINES = {
    "data": [
        {
            "name": "local",
            "plugin": "diffusers",
            "models": ["shapes"],
            "lanes": [],
            "problem": None,
            "health": [],
            "discovered": [],
        },
        {
            "name": "far",
            "plugin": "comfyui",
            "models": [],
            "lanes": ["far:8188"],
            "problem": "it does not answer",
            "health": [UNWELL],
            "discovered": [],
        },
    ],
    "plugins": [
        {"name": "diffusers", "loaded": True, "problem": None},
        {"name": "strange", "loaded": False, "problem": "ImportError: no"},
    ],
}
LANE = {
    "name": "cpu", "state": "running", "reason": None, "jobs": ["task-1"], "budget_bytes": 1 << 30, "healthy": True,
    "residents": [{"model": "shapes", "bytes": 13_000_000}],
}  # fmt: skip
WAITING = {"queue_position": 1, "task_id": "task-2", "model": "shapes", "eta_seconds": 2.6, "reason": "the lane is busy"}


def key(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"id-{name}", "name": name, "prefix": "dk_abc", "permissions": ["gallery.read", "admin"], "last_used_at": None,
        "expires_at": None, "revoked_at": None, **fields,
    }  # fmt: skip


def test_models(darkroom: Darkroom, running: Any) -> None:
    running.app.answers["/v1/models"] = {
        "data": [MODEL, {**MODEL, "id": "big", "reason": "its weights are missing"}, {**MODEL, "to_download": True}]
    }
    lines = darkroom("models").stdout.splitlines()
    assert lines[0].split() == ["id", "title", "engine", "does", "size", "state"]
    assert "Shapes [tiny]" in lines[1]
    assert "text_to_image, inpaint" in lines[1]
    assert "128x128" in lines[1]
    assert lines[1].rstrip().endswith("ready")
    assert lines[2].rstrip().endswith("its weights are missing")
    assert lines[3].rstrip().endswith("downloaded when first asked for")


def test_no_models(darkroom: Darkroom, running: Any) -> None:
    running.app.answers["/v1/models"] = {"data": []}
    assert "darkroom doctor" in darkroom("models").stdout


def test_engines(darkroom: Darkroom, running: Any) -> None:
    running.app.answers["/admin/engines"] = ENGINES
    lines = [line.split() for line in darkroom("engines").stdout.splitlines()]
    assert lines[1] == ["local", "diffusers", "shapes", "devices", "runs"]
    assert lines[2][:3] == ["far", "comfyui", "far/far:8188"]
    assert "(unwell: it cannot be reached)" in " ".join(lines[2])
    assert lines[3][0] == "strange"
    assert len(lines) == 4


def test_queue(darkroom: Darkroom, running: Any) -> None:
    running.app.answers["/admin/devices"] = {"data": [LANE]}
    queue = {"data": [WAITING], "total": 7, "running": ["task-1"], "blocked": "the disk is full"}
    running.app.answers["/admin/queue"] = queue
    said = darkroom("queue").stdout
    for word in ("cpu", "shapes (12.4 MiB)", "task-1", "the disk is full", "task-2", "3 s", "the lane is busy", "and 6 more"):
        assert word in said
    running.app.answers["/admin/queue"] = {**queue, "data": [], "total": 0, "blocked": None}
    assert "Nothing waits." in darkroom("queue").stdout


@pytest.mark.parametrize(
    ("command", "paths"),
    [("models", ["/v1/models"]), ("engines", ["/admin/engines"]), ("queue", ["/admin/devices", "/admin/queue"])],
)
def test_json_is_the_gateways_answer(command: str, paths: list[str], darkroom: Darkroom, running: Any) -> None:
    for path in paths:
        running.app.answers[path] = {"data": [path]}
    said = json.loads(darkroom(command, "--json").stdout)
    assert said == ({"data": paths} if len(paths) == 1 else {"lanes": [paths[0]], "queue": {"data": [paths[1]]}})


@pytest.mark.parametrize("command", ["models", "engines", "queue", "keys", "teams", "users", "audit"])
def test_without_a_gateway_it_is_said_how_to_start_one(command: str, darkroom: Darkroom) -> None:
    result = darkroom(command)
    assert result.exit_code == 1
    assert "darkroom serve" in result.stderr


def test_a_file_that_a_killed_gateway_left_is_not_believed(darkroom: Darkroom, data: Any) -> None:
    (data / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:9", "key": KEY, "pid": 2**22 + 1}))
    assert "No gateway runs" in darkroom("models").stderr
    (data / "server.json").write_text("{half")
    assert "No gateway runs" in darkroom("models").stderr


def test_keys_that_still_open_are_listed(darkroom: Darkroom, running: Any) -> None:
    day = "2026-11-20T08:00:00Z"
    running.app.answers["/admin/keys"] = {
        "data": [key("shop", last_used_at=day), key("old", revoked_at=day), key("gone", expires_at="2020-01-01T00:00:00Z")],
        "next": None,
    }
    for arguments in (("keys",), ("keys", "list")):
        lines = darkroom(*arguments).stdout.splitlines()
        assert len(lines) == 2
        assert lines[1].split() == ["shop", "dk_abc…", "gallery.read,", "admin", "2026-11-20", "open", "id-shop"]
    said = darkroom("keys", "list", "--all").stdout
    assert "revoked" in said
    assert "expired" in said


def act(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"id-{number}", "created_at": "2026-11-20T08:00:07.123456Z", "user_id": "u-1", "user_name": "Ann", "key_id": None,
        "address": None, "action": "key.revoke", "target": f"k-{number}", "details": {}, **fields,
    }  # fmt: skip


def test_what_was_done_is_listed(darkroom: Darkroom, running: Any) -> None:
    details = {"name": "shop", "bulk": True}
    changed = act(2, action="key.change", details=details, address="192.0.2.7")
    running.app.answers["/admin/audit"] = {"data": [changed, act(1, user_name="")], "next": None}
    lines = darkroom("audit").stdout.splitlines()
    assert lines[0].split() == ["when", "who", "what", "to", "details"]
    seen = "2026-11-20 08:00:07 Ann key.change k-2 name: shop, bulk: true, from: 192.0.2.7"
    assert lines[1].split() == seen.split()
    assert lines[2].split() == ["2026-11-20", "08:00:07", "u-1", "key.revoke", "k-1"]
    assert json.loads(darkroom("audit", "--json").stdout)[0] == changed
    result = darkroom("audit", "--limit", 1)
    assert len(result.stdout.splitlines()) == 2
    assert "There are older ones" in result.stderr
    running.app.answers["/admin/audit"] = {"data": [], "next": None}
    assert "Nothing that fits" in darkroom("audit", "--action", "team.create").stdout


def test_the_filters_are_the_gateways(darkroom: Darkroom, running: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def every(_: Gateway, path: str, **filters: Any) -> Iterator[dict[str, Any]]:
        asked.append((path, filters))
        return iter(())

    monkeypatch.setattr(Gateway, "every", every)
    running.app.answers["/admin/users"] = {"data": [{"id": "u-1"}]}
    assert darkroom("audit", "--user", "ann@example.org", "--action", "key.revoke", "--target", "k-1").exit_code == 0
    assert asked == [("/admin/audit", {"user_id": "u-1", "action": "key.revoke", "target": "k-1"})]


def test_a_key_is_made_and_only_its_text_is_on_standard_output(darkroom: Darkroom, running: Any) -> None:
    running.app.answers |= {"/admin/teams": {"data": [{"id": "t-1"}]}, "/admin/users": {"data": [{"id": "u-1"}]}}
    result = darkroom("keys", "create", "shop", "--days", 90, "--bulk", "-p", "gallery.read", "--team", "t", "--user", "u@y")
    assert result.stdout == "dk_new\n"
    assert "shown this once" in result.stderr
    body = running.app.keys[0]
    expires = datetime.fromisoformat(body.pop("expires_at"))
    assert 89 <= (expires - datetime.now(UTC)).days <= 90
    assert body == {"name": "shop", "permissions": ["gallery.read"], "bulk": True, "team_id": "t-1", "user_id": "u-1"}


def test_a_key_is_for_daily_work_unless_said_otherwise(darkroom: Darkroom, running: Any) -> None:
    darkroom("keys", "create", "me")
    permissions = ["features.image_generation", "gallery.read", "gallery.write"]
    assert running.app.keys == [{"name": "me", "permissions": permissions}]


def test_a_permission_that_is_none_is_a_usage_error(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("keys", "create", "me", "-p", "root")
    assert result.exit_code == 2
    assert "gallery.read" in result.stderr


def test_a_key_is_revoked(darkroom: Darkroom, running: Any) -> None:
    assert darkroom("keys", "revoke", "key-7").exit_code == 0
    assert running.app.keys == [{"revoked": "key-7"}]
