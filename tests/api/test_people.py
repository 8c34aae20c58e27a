"""/admin/teams, /admin/users, /admin/keys and /admin/audit, and /v1/team as an owner and the others see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.api.house import anyone, bearer, problem

Row = dict[str, Any]


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> Row:
    response = await client.post(path, json=body)
    assert response.status_code == 201, response.text
    row: Row = response.json()
    return row


class Studio:
    """A team, its owner and a viewer, and clients with their keys."""

    def __init__(self, team: Row, owner: Row, viewer: Row) -> None:
        self.team, self.owner, self.viewer = team, owner, viewer


@pytest.fixture
async def studio(client: httpx.AsyncClient) -> Studio:
    team = await made(client, "/admin/teams", name="studio")
    people = []
    for name, role in (("ann", "owner"), ("bob", "viewer")):
        user = await made(client, "/admin/users", name=name, email=f"{name}@example.org")
        await made(client, f"/admin/teams/{team['id']}/members", user_id=user["id"], role=role)
        people.append(user)
    return Studio(team, *people)


async def as_user(client: httpx.AsyncClient, team: Row, user: Row, *permissions: str) -> str:
    carried = list(permissions or ("features.image_generation", "gallery.read", "gallery.write"))
    key = await made(client, "/admin/keys", name="k", team_id=team["id"], user_id=user["id"], permissions=carried)
    return str(key["key"])


@pytest.fixture
async def owner(app: Litestar, client: httpx.AsyncClient, studio: Studio) -> AsyncIterator[httpx.AsyncClient]:
    async with anyone(app, bearer(await as_user(client, studio.team, studio.owner))) as found:
        yield found


@pytest.fixture
async def viewer(app: Litestar, client: httpx.AsyncClient, studio: Studio) -> AsyncIterator[httpx.AsyncClient]:
    async with anyone(app, bearer(await as_user(client, studio.team, studio.viewer, "gallery.read"))) as found:
        yield found


async def test_teams(client: httpx.AsyncClient, studio: Studio) -> None:
    path = f"/admin/teams/{studio.team['id']}"
    assert set(studio.team) == {"id", "name", "members", "created_at", "closed_at", "limits"}
    assert studio.team["created_at"].endswith("Z")
    listed = (await client.get("/admin/teams")).json()
    assert [(team["name"], team["members"]) for team in listed["data"]] == [("studio", 2), ("default", 1)]
    page = (await client.get("/admin/teams?limit=1")).json()
    rest = (await client.get("/admin/teams", params={"limit": 1, "next": page["next"]})).json()
    assert [team["name"] for team in rest["data"]] == ["default"]
    problem(await client.get("/admin/users", params={"next": page["next"]}), 422, "invalid_request")
    assert (await client.get("/admin/teams?name=studio")).json()["data"] == [listed["data"][0]]
    assert (await client.patch(path, json={"name": "Atelier"})).json()["name"] == "Atelier"
    told = problem(await client.post("/admin/teams", json={"name": "Atelier"}), 409, "already_exists")
    assert told["errors"][0]["field"] == "name"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).json()["closed_at"]
    assert (await client.patch(path, json={"closed": False})).json()["closed_at"] is None


async def test_users(client: httpx.AsyncClient, studio: Studio) -> None:
    path = f"/admin/users/{studio.owner['id']}"
    assert set(studio.owner) == {"id", "name", "email", "is_admin", "has_password", "created_at", "closed_at", "limits"}
    assert [user["name"] for user in (await client.get("/admin/users")).json()["data"]] == ["bob", "ann", "admin"]
    assert (await client.get("/admin/users?email=ann@example.org")).json()["data"] == [studio.owner]
    changed = (await client.patch(path, json={"password": "a long enough word", "email": "a@example.org"})).json()
    assert (changed["has_password"], changed["email"], changed["name"]) == (True, "a@example.org", "ann")
    assert (await client.patch(path, json={"email": None})).json()["email"] is None
    problem(await client.patch(path, json={"email": "bob@example.org"}), 409, "already_exists")
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).json()["closed_at"]
    assert (await client.patch(path, json={"closed": False})).json()["closed_at"] is None
    everything = (await client.get("/admin/audit?limit=100")).text + (await client.get("/admin/users")).text
    assert "a long enough word" not in everything
    assert "argon2" not in everything


async def test_the_last_administrator_stays(client: httpx.AsyncClient) -> None:
    me = (await client.get("/v1/me")).json()
    problem(await client.delete(f"/admin/users/{me['user']['id']}"), 409, "wrong_state")
    problem(await client.patch(f"/admin/users/{me['user']['id']}", json={"is_admin": False}), 409, "wrong_state")
    problem(await client.delete(f"/admin/teams/{me['team']['id']}"), 409, "wrong_state")
    problem(await client.delete(f"/admin/teams/{me['team']['id']}/members/{me['user']['id']}"), 409, "wrong_state")


async def test_members(client: httpx.AsyncClient, studio: Studio) -> None:
    path = f"/admin/teams/{studio.team['id']}/members"
    listed = (await client.get(path)).json()["data"]
    assert [(member["name"], member["role"]) for member in listed] == [("bob", "viewer"), ("ann", "owner")]
    assert set(listed[0]) == {"user_id", "name", "email", "role", "created_at", "closed_at"}
    bob = f"{path}/{studio.viewer['id']}"
    assert (await client.patch(bob, json={"role": "member"})).json()["role"] == "member"
    assert (await client.get(bob)).json()["role"] == "member"
    problem(await client.post(path, json={"email": "bob@example.org"}), 409, "already_exists")
    assert (await client.delete(bob)).status_code == 204
    problem(await client.get(bob), 404, "not_found")
    assert (await made(client, path, email="bob@example.org"))["role"] == "member"


async def test_keys_are_narrowed_changed_and_rotated(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, studio: Studio
) -> None:
    text = await as_user(client, studio.team, studio.owner)
    (key,) = (await client.get("/admin/keys", params={"team_id": studio.team["id"]})).json()["data"]
    assert (await client.get("/admin/keys", params={"user_id": studio.viewer["id"]})).json()["data"] == []
    path = f"/admin/keys/{key['id']}"
    assert (await client.get(path)).json()["id"] == key["id"]
    body = {"name": "importer", "bulk": True, "expires_at": "2100-01-01T00:00:00Z", "permissions": ["gallery.read"]}
    changed = (await client.patch(path, json=body)).json()
    assert {field: changed[field] for field in body} == body
    assert (await client.patch(path, json={"expires_at": None})).json()["expires_at"] is None
    rotated = await made(client, f"{path}/rotate", overlap_seconds=3600)
    assert (rotated["name"], rotated["bulk"], rotated["permissions"]) == ("importer", True, ["gallery.read"])
    for each in (text, rotated["key"]):
        assert (await stranger.get("/v1/me", headers=bearer(each))).status_code == 200
    await made(client, f"/admin/keys/{rotated['id']}/rotate")
    problem(await stranger.get("/v1/me", headers=bearer(rotated["key"])), 401, "not_authenticated")


async def test_everything_is_in_the_audit_log(client: httpx.AsyncClient, studio: Studio, owner: httpx.AsyncClient) -> None:
    await owner.patch(f"/v1/team/members/{studio.viewer['id']}", json={"role": "member"})
    log = (await client.get("/admin/audit")).json()
    assert [row["action"] for row in log["data"]] == [
        "member.update", "key.create", "member.add", "user.create", "member.add", "user.create", "team.create",
    ]  # fmt: skip
    newest = log["data"][0]
    assert (newest["user_name"], newest["target"]) == ("ann", studio.viewer["id"])
    assert newest["details"] == {"team_id": studio.team["id"], "role": "member"}
    page = (await client.get("/admin/audit?limit=6")).json()
    rest = (await client.get("/admin/audit", params={"limit": 6, "next": page["next"]})).json()
    assert page["data"] + rest["data"] == log["data"]
    for filters in ({"action": "team.create"}, {"target": studio.team["id"]}):
        (row,) = (await client.get("/admin/audit", params=filters)).json()["data"]
        assert row["details"] == {"name": "studio"}


async def test_an_owner_manages_their_team(owner: httpx.AsyncClient, client: httpx.AsyncClient, studio: Studio) -> None:
    team = (await owner.get("/v1/team")).json()
    assert (team["id"], team["name"], team["members"], team["role"]) == (studio.team["id"], "studio", 2, "owner")
    cat = await made(client, "/admin/users", name="cat", email="cat@example.org")
    await made(owner, "/v1/team/members", email="cat@example.org", role="viewer")
    path = f"/v1/team/members/{cat['id']}"
    assert (await owner.patch(path, json={"role": "member"})).json()["role"] == "member"
    key = await made(owner, "/v1/team/keys", name="cat's", user_id=cat["id"], bulk=True)
    assert (key["team_id"], key["user_id"]) == (studio.team["id"], cat["id"])
    mine = f"/v1/team/keys/{key['id']}"
    assert (await owner.patch(mine, json={"name": "tom"})).json()["name"] == "tom"
    assert (await owner.get(mine)).json()["name"] == "tom"
    rotated = await made(owner, f"{mine}/rotate")
    names = {row["id"]: row["revoked_at"] for row in (await owner.get("/v1/team/keys")).json()["data"]}
    assert names[key["id"]]
    assert names[rotated["id"]] is None
    assert (await owner.delete(f"/v1/team/keys/{rotated['id']}")).status_code == 204
    assert (await owner.delete(path)).status_code == 204
    problem(await owner.get(path), 404, "not_found")


async def test_others_look_and_manage_their_own_keys(
    viewer: httpx.AsyncClient, owner: httpx.AsyncClient, studio: Studio
) -> None:
    assert (await viewer.get("/v1/team")).json()["role"] == "viewer"
    assert len((await viewer.get("/v1/team/members")).json()["data"]) == 2
    (mine,) = (await viewer.get("/v1/team/keys")).json()["data"]
    theirs = next(key for key in (await owner.get("/v1/team/keys")).json()["data"] if key["id"] != mine["id"])
    problem(await viewer.get(f"/v1/team/keys/{theirs['id']}"), 404, "not_found")
    problem(await viewer.post("/v1/team/keys", json={"name": "x", "permissions": ["gallery.read"]}), 403, "forbidden")
    problem(await viewer.patch(f"/v1/team/keys/{mine['id']}", json={"name": "x"}), 403, "forbidden")
    problem(await viewer.post("/v1/team/members", json={"email": "x@y"}), 403, "forbidden")
    problem(await viewer.patch(f"/v1/team/members/{studio.viewer['id']}", json={"role": "owner"}), 403, "forbidden")
    problem(await viewer.delete(f"/v1/team/members/{studio.owner['id']}"), 403, "forbidden")
    await made(viewer, f"/v1/team/keys/{mine['id']}/rotate")
    problem(await viewer.get("/v1/team"), 401, "not_authenticated")


async def test_an_owner_reaches_no_other_team(owner: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    me = (await client.get("/v1/me")).json()
    key, user = me["key"]["id"], me["user"]["id"]
    for method, path, body in (
        ("GET", f"/v1/team/keys/{key}", None),
        ("PATCH", f"/v1/team/keys/{key}", {"name": "mine"}),
        ("POST", f"/v1/team/keys/{key}/rotate", {}),
        ("DELETE", f"/v1/team/keys/{key}", None),
        ("GET", f"/v1/team/members/{user}", None),
        ("PATCH", f"/v1/team/members/{user}", {"role": "viewer"}),
        ("DELETE", f"/v1/team/members/{user}", None),
    ):
        problem(await owner.request(method, path, json=body), 404, "not_found")
    told = problem(await owner.post("/v1/team/keys", json={"name": "x", "user_id": user}), 422, "invalid_request")
    assert told["errors"][0]["field"] == "user_id"
    problem(await owner.post("/v1/team/keys", json={"name": "x", "team_id": me["team"]["id"]}), 422, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/admin/teams", {"name": ""}, "name"),
        ("POST", "/admin/teams", {"name": "two\nlines"}, "name"),
        ("POST", "/admin/teams", {"name": "x", "members": 3}, "members"),
        ("POST", "/admin/users", {"email": "x@y.org"}, "name"),
        ("POST", "/admin/users", {"name": "x", "email": "nothing"}, "email"),
        ("POST", "/admin/users", {"name": "x", "password": "short"}, "password"),
        ("PATCH", "/admin/users/{me}", {"name": None}, "name"),
        ("PATCH", "/admin/users/{me}", {"closed": "yes"}, "closed"),
        ("POST", "/admin/teams/{team}/members", {"user_id": "{me}", "role": "boss"}, "role"),
        ("POST", "/admin/teams/{team}/members", {}, "user_id"),
        ("POST", "/admin/keys/{key}/rotate", {"overlap_seconds": 10**9}, "overlap_seconds"),
        ("PATCH", "/admin/keys/{key}", {"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
async def test_what_cannot_be(client: httpx.AsyncClient, method: str, path: str, body: Row, field: str) -> None:
    me = (await client.get("/v1/me")).json()
    where = path.format(me=me["user"]["id"], team=me["team"]["id"], key=me["key"]["id"])
    told = problem(await client.request(method, where, json=body), 422, "invalid_request")
    assert told["errors"][0]["field"] == field


@pytest.mark.parametrize("name", ["teams", "users", "keys"])
async def test_what_is_not_there(client: httpx.AsyncClient, name: str) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        response = await client.request(method, f"/admin/{name}/nothing", json={} if method == "PATCH" else None)
        problem(response, 404, "not_found")
    problem(await client.get("/admin/teams/nothing/members"), 404, "not_found")
    problem(await client.post("/admin/keys/nothing/rotate", json={}), 404, "not_found")


LIMITS = ("requests_per_minute", "queued_jobs", "interactive_jobs", "running_jobs")


async def test_limits_of_ones_own(client: httpx.AsyncClient, studio: Studio, owner: httpx.AsyncClient) -> None:
    (key,) = (await client.get("/admin/keys", params={"team_id": studio.team["id"]})).json()["data"]
    paths = {"team": f"/admin/teams/{studio.team['id']}", "user": f"/admin/users/{studio.owner['id']}"}
    paths["key"] = f"/admin/keys/{key['id']}"
    none = dict.fromkeys(LIMITS)
    for path in paths.values():
        assert (await client.get(path)).json()["limits"] == none
        changed = (await client.patch(path, json={"limits": {"queued_jobs": 7, "running_jobs": 0}})).json()
        assert changed["limits"] == {**none, "queued_jobs": 7, "running_jobs": 0}
        assert (await client.patch(path, json={"limits": {"queued_jobs": None}})).json()["limits"]["running_jobs"] == 0
        assert (await client.get(path)).json()["limits"] == {**none, "running_jobs": 0}
        for wrong in ({"jobs": 1}, {"queued_jobs": -1}, {"queued_jobs": 1.5}, {"queued_jobs": 10**9}, [], 3):
            problem(await client.patch(path, json={"limits": wrong}), 422, "invalid_request")
        assert (await client.patch(path, json={"limits": None})).json()["limits"] == none
    problem(await owner.patch(f"/v1/team/keys/{key['id']}", json={"limits": {"queued_jobs": 0}}), 422, "invalid_request")

    for whose, path in paths.items():
        await client.patch(path, json={"limits": {"requests_per_minute": 1}})
        asked = [await owner.get("/v1/me") for _ in range(2)]
        told = problem(asked[-1], 429, "too_many_requests")
        assert (told["whose"], told["limit"]) == (whose, 1)
        await client.patch(path, json={"limits": None})
        assert (await owner.get("/v1/me")).status_code == 200
