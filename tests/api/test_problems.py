"""Errors, request ids and the log, whatever the surface."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import httpx
import pytest
from litestar import Litestar, get

from engines.contract import EngineUnavailable, InvalidRequest
from gateway.api.bodies import JsonRequest
from gateway.api.problems import HANDLERS
from gateway.api.requests import Requests, scrubbed
from gateway.errors import CatalogError, StorageFull, TooManyRequests
from tests.api.house import ADMIN_KEY, URL, generate, problem

SECRET = "/home/operator/secret-path"


class Nobody:
    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        pass


def failing(error: Exception) -> httpx.AsyncClient:
    @get("/")
    async def fail() -> None:
        raise error

    app = Litestar([fail], exception_handlers=HANDLERS, logging_config=None, request_class=JsonRequest, openapi_config=None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(Requests(app, Nobody)), base_url=URL)  # type: ignore[arg-type]


async def test_what_is_our_fault_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    async with failing(ZeroDivisionError(SECRET)) as client:
        response = await client.get("/", headers={"X-Request-Id": "abc-1"})
    told = problem(response, 500, "internal_error")
    assert told["request_id"] == "abc-1"
    assert SECRET not in response.text
    assert "Traceback" not in response.text
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "abc-1" in record.getMessage()
    assert SECRET in str(record.exc_info)


async def test_the_operators_files_are_told_to_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    async with failing(CatalogError([SECRET])) as client:
        response = await client.get("/")
    problem(response, 503, "configuration")
    assert SECRET not in response.text
    assert SECRET in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "code", "field"),
    [
        (InvalidRequest("no", "steps"), 422, "invalid_request", "steps"),
        (EngineUnavailable("it sleeps"), 503, "engine_unavailable", None),
        (StorageFull("no space"), 503, "storage_full", None),
    ],
)
async def test_each_tree_has_its_place(error: Exception, status: int, code: str, field: str | None) -> None:
    async with failing(error) as client:
        told = problem(await client.get("/"), status, code)
    assert [each["field"] for each in told["errors"]] == ([field] if field else [])


async def test_headers_of_an_error_are_sent() -> None:
    async with failing(TooManyRequests("slowly", retry_after=7)) as client:
        response = await client.get("/")
    problem(response, 429, "too_many_requests")
    assert response.headers["retry-after"] == "7"


async def test_no_such_path_and_no_such_method(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v1/nothing"), 404, "not_found")
    problem(await client.get("/nothing"), 404, "not_found")
    response = await client.delete("/v1/tasks")
    problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["allow"]


async def test_every_answer_has_a_request_id(client: httpx.AsyncClient) -> None:
    for path in ("/health/live", "/v1/me", "/v1/nothing", "/v1/images/x/content", "/schema"):
        made = (await client.get(path)).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", made), path
        kept = await client.get(path, headers={"X-Request-Id": "from-the-proxy.1"})
        assert kept.headers.get_list("x-request-id") == ["from-the-proxy.1"], path


async def test_an_id_that_could_spoil_a_log_is_replaced(client: httpx.AsyncClient) -> None:
    for given in ("", " ", "a b", "x" * 129, "a\tb", '"', "é", "-x"):
        answer = await client.get("/health/live", headers={b"X-Request-Id": given.encode()})
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"]), given


async def test_the_log_has_a_line_for_each_request_and_no_secret(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    task = await generate(client)
    url = task["output"]["images"][0]["url"]
    with caplog.at_level(logging.DEBUG):
        await client.get(url)
        await client.get(url + "x", headers={"Authorization": "Bearer dk_a-secret"})
        await client.get("/v1/tasks?key=dk_a-secret&limit=5")
        await client.get("/v1/me", headers={"Authorization": "Bearer dk_a-secret"})
    own = [record.getMessage() for record in caplog.records if record.name == "gateway.access"]
    assert len(own) == 4
    assert re.match(r"GET /v1/images/\S+/content/\S+\.png\?e=\d+&s=live&sig=… 200 \d+\.\d ms \S+", own[0])
    assert "limit=5" in own[2]
    text = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    assert "dk_a-secret" not in text
    assert url.partition("sig=")[2] not in text


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a", "/a"),
        ("/a?sig=x&e=1", "/a?sig=…&e=1"),
        ("/a?e=1&SIG=x", "/a?e=1&SIG=…"),
        ("/a?token=x&key=y&api_key=z", "/a?token=…&key=…&api_key=…"),
        ("/a?design=x&monkey=y", "/a?design=x&monkey=y"),
        ("/s/0a1B", "/s/…"),
        ("/room/s/%30a1B/?sig=x", "/room/s/…/?sig=…"),
        ("/s/", "/s/"),
    ],
)
def test_scrubbing(target: str, expected: str) -> None:
    assert scrubbed(target) == expected


async def test_a_path_cannot_forge_a_line_of_the_log(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await client.get("/v1/tasks/x%0AGET /admin 200")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "gateway.access"]
    assert "\n" not in line


async def test_a_client_that_leaves_while_it_sends_is_no_fault_of_ours(app: Litestar, caplog: pytest.LogCaptureFixture) -> None:
    messages: list[Any] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        await asyncio.sleep(0)
        return messages.pop(0)

    async def send(_: Any) -> None:
        pass

    headers = [(b"authorization", f"Bearer {ADMIN_KEY}".encode()), (b"content-type", b"application/json"), (b"host", b"x")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/images/generations",
        "raw_path": b"/v1/images/generations",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("x", 80),
        "root_path": "",
    }
    with caplog.at_level(logging.WARNING):
        await app(scope, receive, send)  # type: ignore[arg-type]
    assert not caplog.records
