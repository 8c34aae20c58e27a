"""Signing in and out, and what a session's cookie may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from litestar import Litestar

from gateway.accounts import passwords
from gateway.accounts.brake import PAIR
from gateway.api.door import CSRF_HEADER, Door, cookie_name
from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, URL, anyone, bearer, generate, problem

GOOD, NEW = "correct horse battery", "another one altogether"
BOSS = {"email": "boss@example.org", "password": GOOD}


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys.cache_clear()


@pytest.fixture
async def page(app: Litestar, stranger: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator's web page: signed in by the console's token, it sends cookie and CSRF token."""
    body = {"token": app.state.first_token, "name": "Boss", **BOSS}
    answer = await stranger.post("/v1/first-start", json=body)
    assert answer.status_code == 201, answer.text
    async with anyone(app, {CSRF_HEADER: answer.json()["csrf_token"]}) as client:
        client.cookies.update(stranger.cookies)
        stranger.cookies.clear()
        yield client


async def test_the_consoles_token_makes_the_administrators_session(page: httpx.AsyncClient) -> None:
    me = (await page.get("/v1/me")).json()
    assert (me["user"]["name"], me["email"], me["team"]["name"]) == ("Boss", "boss@example.org", "default")
    assert (me["key"], me["is_admin"], me["role"]) == (None, True, "owner")
    assert (await page.get("/admin/keys")).status_code == 200


async def test_the_token_is_void_after_use(app: Litestar, page: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    again = await stranger.post("/v1/first-start", json={"token": app.state.first_token, **BOSS})
    problem(again, 401, "not_authenticated")
    assert not stranger.cookies


async def test_sign_in_and_out(page: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/v1/session", json=BOSS)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["user"]["name"], told["email"], told["team"]["name"]) == ("Boss", "boss@example.org", "default")
    assert [(team["name"], team["role"]) for team in told["teams"]] == [("default", "owner")]
    assert told["expires_at"].endswith("Z")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("darkroom=")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "Path=/" in cookie
    assert "Max-Age=1209" in cookie
    seen = await stranger.get("/v1/session")
    assert seen.json() == told
    assert seen.headers["cache-control"] == "no-store"
    gone = await stranger.delete("/v1/session", headers={CSRF_HEADER: told["csrf_token"]})
    assert gone.status_code == 204
    assert "Max-Age=0" in gone.headers["set-cookie"]
    stranger.cookies.set("darkroom", cookie.partition("=")[2].partition(";")[0])
    problem(await stranger.get("/v1/session"), 401, "not_authenticated")
    assert (await page.get("/v1/session")).status_code == 200


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({**BOSS, "password": "wrong"}, 401, "not_authenticated"),
    ({"email": "nobody@example.org", "password": GOOD}, 401, "not_authenticated"),
    ({"email": "boss@example.org"}, 422, "invalid_request"),
    ({**BOSS, "remember": True}, 422, "invalid_request"),
    ({**BOSS, "password": "x" * 1025}, 422, "invalid_request"),
    ({**BOSS, "password": 12345678}, 422, "invalid_request"),
]


async def test_what_does_not_sign_in(page: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    for body, status, code in REFUSED:
        answer = await stranger.post("/v1/session", json=body)
        problem(answer, status, code)
        assert "set-cookie" not in answer.headers
        assert GOOD not in answer.text


async def test_guessing_is_braked(page: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    for _ in range(PAIR.amount):
        assert (await stranger.post("/v1/session", json={**BOSS, "password": "wrong"})).status_code == 401
    answer = await stranger.post("/v1/session", json=BOSS)
    problem(answer, 429, "too_many_requests")
    assert int(answer.headers["retry-after"]) >= 1
    # The browser that signed in before is not in their way, nor they in its.
    for name in ("darkroom", "darkroom-device"):
        assert page.cookies.get(name)
    page.cookies.delete("darkroom")
    again = await page.post("/v1/session", json=BOSS)
    assert again.status_code == 201
    session, device = again.headers.get_list("set-cookie")
    assert session.startswith("darkroom=")
    assert device.startswith("darkroom-device=")
    assert "HttpOnly" in device
    assert "boss" not in device


CHANGING = [
    ("DELETE", "/v1/session", None),
    ("PATCH", "/v1/me", {"name": "Mallory"}),
    ("POST", "/v1/images/generations", {"prompt": "a red circle"}),
    ("POST", "/admin/keys", {"name": "mine", "permissions": ["admin"]}),
]


FOREIGN = [
    {CSRF_HEADER: ""},
    {CSRF_HEADER: "x" * 43},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://darkroom.test.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


async def test_another_sites_page_changes_nothing(page: httpx.AsyncClient) -> None:
    for headers in FOREIGN:
        for method, path, body in CHANGING:
            problem(await page.request(method, path, json=body, headers=headers), 403, "csrf")
    assert (await page.get("/v1/me")).json()["user"]["name"] == "Boss"


async def test_our_own_pages_may(page: httpx.AsyncClient) -> None:
    for headers in ({"Origin": URL}, {"Origin": URL, "Sec-Fetch-Site": "same-origin"}, {}):
        changed = await page.patch("/v1/me", json={"name": "Boss of all"}, headers=headers)
        assert changed.status_code == 200, changed.text
        assert changed.json()["user"]["name"] == "Boss of all"
    made = await page.post("/v1/images/generations", json={"prompt": "a red circle"})
    assert made.status_code == 202


async def test_another_sites_page_signs_nobody_in(app: Litestar, stranger: httpx.AsyncClient) -> None:
    first = {"token": app.state.first_token, **BOSS}
    for path, body in (("/v1/session", BOSS), ("/v1/first-start", first)):
        problem(await stranger.post(path, json=body, headers={"Origin": "https://evil.example"}), 403, "csrf")


async def test_a_key_needs_no_token_and_goes_before_the_cookie(page: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    key = other_team.headers["authorization"]
    me = await page.get("/v1/me", headers={"Authorization": key})
    assert me.json()["team"]["name"] == "others"
    made = await page.post("/v1/images/generations", json={"prompt": "x"}, headers={"Authorization": key, CSRF_HEADER: ""})
    assert made.status_code == 202


async def test_a_key_is_no_session(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v1/session"), 404, "not_found")
    problem(await client.delete("/v1/session"), 404, "not_found")
    problem(await client.patch("/v1/me", json={"name": "x"}), 403, "forbidden")


async def test_the_cookie_opens_bytes_too(page: httpx.AsyncClient) -> None:
    task = await generate(page)
    image_id = task["output"]["images"][0]["artifact_id"]
    for part in ("content", "thumbnail"):
        assert (await page.get(f"/v1/images/{image_id}/{part}")).status_code == 200


async def test_made_up_cookies_open_nothing(stranger: httpx.AsyncClient) -> None:
    problem(await stranger.get("/v1/me"), 401, "not_authenticated")
    stranger.cookies.set("darkroom", "made.up")
    problem(await stranger.get("/v1/me"), 401, "not_authenticated")


async def test_one_changes_ones_password(page: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    wrong = await page.patch("/v1/me", json={"password": NEW, "current_password": "no"})
    assert problem(wrong, 422, "invalid_request")["errors"][0]["field"] == "current_password"
    assert (await page.patch("/v1/me", json={"password": NEW, "current_password": GOOD})).status_code == 200
    problem(await stranger.post("/v1/session", json=BOSS), 401, "not_authenticated")
    assert (await stranger.post("/v1/session", json={**BOSS, "password": NEW})).status_code == 201
    assert (await page.get("/v1/me")).status_code == 200


async def test_one_changes_to_another_team(page: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    teams = {team["name"]: team["id"] for team in (await page.get("/v1/session")).json()["teams"]}
    assert set(teams) == {"default", "others"}
    me = await page.patch("/v1/me", json={"team_id": teams["others"]})
    assert me.status_code == 200
    assert me.json()["team"]["name"] == "others"
    assert (await page.get("/v1/session")).json()["team"]["name"] == "others"
    gone = await page.patch("/v1/me", json={"team_id": "nothing"})
    assert problem(gone, 404, "not_found")["errors"][0]["field"] == "team_id"


async def test_too_many_requests(app: Litestar, wiring: Wiring, client: httpx.AsyncClient) -> None:
    with wiring.models_path.open("a") as file:
        file.write("\n[settings.limits.key]\nrequests_per_minute = 3\n")
    limited = False
    for _ in range(200):
        answer = await client.get("/v1/me")
        if answer.status_code == 429:
            told = problem(answer, 429, "too_many_requests")
            assert (told["whose"], told["limit"]) == ("key", 3)
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            limited = True
            break
        await asyncio.sleep(0.02)
    assert limited
    async with anyone(app) as stranger:
        assert (await stranger.get("/health/live")).status_code == 200


async def test_too_many_jobs(wiring: Wiring, make_app: Any) -> None:
    with wiring.models_path.open("a") as file:
        file.write("\n[settings.limits.user]\ninteractive_jobs = 1\n")
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        ask = {"prompt": "x", "model": "stuck"}
        first = await client.post("/v1/images/generations", json=ask)
        assert first.status_code == 202
        refused = await client.post("/v1/images/generations", json=ask)
        problem(refused, 429, "too_many_jobs")
        assert refused.headers["retry-after"]
        bulk = await client.post("/v1/images/generations", json={**ask, "priority": "bulk"})
        assert bulk.status_code == 202
        for answer in (first, bulk):
            await client.post(f"/v1/tasks/{answer.json()['task_id']}/cancel")


def test_browsers_guard_the_cookie_where_they_can() -> None:
    assert cookie_name("https://pictures.example.org") == "__Host-darkroom"
    door = Door(None, None, None, "https://pictures.example.org")  # type: ignore[arg-type]
    cookie = door.set_cookie("value", 2_000_000, 0)
    assert door.device_cookie("value").key == "__Host-darkroom-device"
    assert (cookie.key, cookie.secure, cookie.path, cookie.domain, cookie.max_age) == ("__Host-darkroom", True, "/", None, 2)


async def test_the_schema_tells_of_sessions(stranger: httpx.AsyncClient) -> None:
    document = (await stranger.get("/schema/openapi.json")).json()
    assert document["components"]["securitySchemes"]["Session"]["in"] == "cookie"
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    for operation in operations:
        if "401" in operation["responses"]:
            assert "429" in operation["responses"], operation["operationId"]
    assert not document["paths"]["/v1/session"]["post"].get("security")
    assert document["paths"]["/v1/session"]["get"]["security"] == [{"BearerToken": []}, {"Session": []}]
