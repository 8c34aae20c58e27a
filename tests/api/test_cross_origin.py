"""Pages of other origins: which may read answers, and that cookies open nothing to them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

import gateway.api
from gateway.api.cross_origin import EXPOSED
from gateway.wiring import Wiring
from tests.api.conftest import MODELS
from tests.api.house import ADMIN_KEY, anyone, bearer, generate

PAGE, OTHER = "https://chat.example.org", "https://evil.example.net"
ORIGIN = "access-control-allow-origin"
CREDENTIALS = "access-control-allow-credentials"


@pytest.fixture
def origins() -> str:
    return f'["{PAGE}", "http://192.0.2.7:3000"]'


@pytest.fixture
def models_toml(origins: str) -> str:
    return f"{MODELS}\n[settings.http]\ncors_origins = {origins}\n"


@pytest.fixture
async def page(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """What a page of the named origin asks, with a key."""
    async with anyone(app, {**bearer(ADMIN_KEY), "Origin": PAGE}) as client:
        yield client


def preflight(method: str = "POST", headers: str = "authorization,content-type", origin: str = PAGE) -> dict[str, str]:
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


PATHS = {
    "Tasks": "/v1/images/generations",
    "Studio": "/v0/images/generations",
    "OpenAI": "/openai/v1/chat/completions",
    "A1111": "/sdapi/v1/txt2img",
    "Open WebUI": "/api/images/generations",
    "MCP": "/mcp",
    "admin": "/admin/teams",
    "bytes": "/v1/images/0/content/0.png",
    "nothing": "/nothing/here",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_a_browser_that_asks_first_is_answered(path: str, app: Litestar) -> None:
    async with anyone(app) as client:
        answer = await client.options(path, headers=preflight(headers="authorization,x-stainless-os"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers[ORIGIN] == PAGE
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    assert {"POST", "PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert CREDENTIALS not in answer.headers


@pytest.mark.parametrize("origin", [OTHER, "null", f"{PAGE}.evil.example.net", PAGE.replace(".", "x", 1), PAGE.upper()])
async def test_other_origins_are_told_nothing(origin: str, app: Litestar) -> None:
    async with anyone(app, bearer(ADMIN_KEY)) as client:
        first = await client.options("/v1/images/generations", headers=preflight(origin=origin))
        answer = await client.get("/v1/images", headers={"Origin": origin})
    assert answer.status_code == 200
    for each in (first, answer):
        assert not [name for name in each.headers if name.startswith("access-control-")]
        assert "Origin" in each.headers["vary"]


async def test_what_asks_from_nowhere_is_told_that_others_are_told_more(app: Litestar) -> None:
    async with anyone(app) as client:
        answer = await client.get("/health/live")
    assert answer.headers["vary"] == "Origin"
    assert ORIGIN not in answer.headers


async def test_errors_can_be_read_too(app: Litestar, page: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async with anyone(app, {"Origin": PAGE}) as stranger:
        answers = {
            401: await stranger.get("/v1/images"),
            403: await stranger.get("/v1/images/0/content/0.png"),
            404: await page.get("/v1/tasks/nothing"),
            405: await page.put("/v1/images/0/content"),
            413: await page.post("/v1/images/generations", content=b" " * 5000),
            422: await page.post("/v1/images/generations", json={"prompt": ""}),
        }
    monkeypatch.setattr("gateway.api.common.routes.wire", None)
    answers[500] = await page.get("/v1/me")
    for status, answer in answers.items():
        assert (answer.status_code, answer.headers.get(ORIGIN)) == (status, PAGE), answer.text


async def test_one_too_many_can_be_read(page: httpx.AsyncClient, wiring: Wiring) -> None:
    with wiring.models_path.open("a") as file:
        file.write("[settings.limits.key]\nrequests_per_minute = 1\n")
    for _ in range(200):
        answer = await page.get("/v1/me")
        if answer.status_code == 429:
            break
        await asyncio.sleep(0.02)
    assert (answer.status_code, answer.headers[ORIGIN]) == (429, PAGE)
    assert "Retry-After" in answer.headers["access-control-expose-headers"]


async def test_pictures_can_be_read(app: Litestar, page: httpx.AsyncClient) -> None:
    task = await generate(page, model="quick")
    url = task["output"]["images"][0]["url"]
    async with anyone(app, {"Origin": PAGE}) as stranger:
        answer = await stranger.get(url)
        again = await stranger.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert (answer.status_code, again.status_code) == (200, 304)
    assert answer.headers[ORIGIN] == again.headers[ORIGIN] == PAGE
    assert "ETag" in answer.headers["access-control-expose-headers"]


async def test_a_page_that_may_ask_may_use_the_tools(page: httpx.AsyncClient, app: Litestar) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream"}
    answer = await page.post("/mcp", json=message, headers=headers)
    assert (answer.status_code, answer.headers[ORIGIN]) == (200, PAGE), answer.text
    assert "Mcp-Session-Id" in answer.headers["access-control-expose-headers"]
    other = await page.post("/mcp", json=message, headers={**headers, "Origin": OTHER})
    assert (other.status_code, ORIGIN in other.headers) == (403, False)


class TestCookies:
    """What stands in the file is for keys: a session is for our own pages only."""

    @pytest.mark.parametrize("origins", [f'["{PAGE}"]', '["*"]'])
    async def test_nobody_signs_in_from_elsewhere(self, app: Litestar) -> None:
        async with anyone(app, {"Origin": PAGE}) as client:
            answer = await client.post("/v1/session", json={"email": "a@example.org", "password": "x" * 12})
            first = await client.options("/v1/session", headers=preflight())
        assert answer.status_code == 403
        assert ORIGIN not in answer.headers
        assert ORIGIN not in first.headers

    @pytest.mark.parametrize("origins", [f'["{PAGE}"]', '["*"]'])
    async def test_an_answer_to_a_cookie_cannot_be_read(self, app: Litestar) -> None:
        person = {"email": "ada@example.org", "password": "correct horse battery"}
        async with anyone(app, bearer(ADMIN_KEY)) as admin:
            made = await admin.post("/admin/users", json={"name": "Ada", **person})
            team = (await admin.post("/admin/teams", json={"name": "one"})).json()["id"]
            member = {"user_id": made.json()["id"], "role": "member"}
            assert (await admin.post(f"/admin/teams/{team}/members", json=member)).status_code == 201
        async with anyone(app) as browser:
            assert (await browser.post("/v1/session", json=person)).status_code in (200, 201)
            assert browser.cookies
            seen = await browser.get("/v1/images", headers={"Origin": PAGE})
            token = await browser.get("/v1/session", headers={"Origin": PAGE})
            changed = await browser.patch("/v1/me", json={"name": "Eve"}, headers={"Origin": PAGE})
        assert seen.status_code == token.status_code == 200
        # Without this a browser shows a page nothing of what it asked for with a cookie.
        assert CREDENTIALS not in seen.headers
        assert ORIGIN not in token.headers
        assert changed.status_code == 403


class TestAny:
    @pytest.fixture
    def origins(self) -> str:
        return '["*"]'

    @pytest.mark.parametrize("origin", [PAGE, OTHER, "null"])
    async def test_every_page_may_ask_with_a_key(self, origin: str, app: Litestar) -> None:
        async with anyone(app, bearer(ADMIN_KEY)) as client:
            first = await client.options("/mcp", headers=preflight(origin=origin))
            answer = await client.get("/v1/images", headers={"Origin": origin})
        for each in (first, answer):
            assert each.headers[ORIGIN] == "*"
            assert "vary" not in each.headers
            assert CREDENTIALS not in each.headers


class TestNone:
    @pytest.fixture
    def origins(self) -> str:
        return "[]"

    async def test_nobody_is_told_anything(self, app: Litestar) -> None:
        async with anyone(app, bearer(ADMIN_KEY)) as client:
            first = await client.options("/v1/images/generations", headers=preflight())
            answer = await client.get("/v1/images", headers={"Origin": PAGE})
        for each in (first, answer):
            assert not [name for name in each.headers if name.startswith("access-control-") or name == "vary"]


async def test_it_holds_as_soon_as_it_stands_in_the_file(page: httpx.AsyncClient, wiring: Wiring, models_toml: str) -> None:
    wiring.models_path.write_text(models_toml.replace(PAGE, OTHER))
    for _ in range(200):
        if ORIGIN not in (await page.get("/health/live")).headers:
            break
        await asyncio.sleep(0.02)
    answer = await page.get("/health/live", headers={"Origin": OTHER})
    assert answer.headers[ORIGIN] == OTHER


def test_pages_may_read_every_header_of_ours() -> None:
    source = "".join(path.read_text() for path in Path(gateway.api.__file__).parent.rglob("*.py"))
    told = set(re.findall(r'"(X-Darkroom-[A-Za-z-]+)"', source)) - {"X-Darkroom-Priority"}
    assert told <= set(EXPOSED)
