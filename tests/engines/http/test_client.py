"""Requests within limits, and what is asked again."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engines import http as engines_http
from engines.contract import (
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    ModelUnusable,
    UpstreamOutcomeUnknown,
)
from engines.http import (
    Left,
    Limits,
    Server,
    unless_canceled,
)
from engines.suite import SuiteBatch
from tests.fakes.serving import Fault, Proxy, http, served

OK = Fault(answer=http(200, b'{"fine": true}'))


LIMITS = Limits(connect_seconds=1, read_seconds=1, max_bytes=10_000)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b'{"path": "' + scope["path"].encode() + b'"}'})


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with served(echo) as url, Proxy(url).open() as proxy:
        yield proxy


@pytest.fixture
async def server(proxy: Proxy) -> AsyncIterator[Server]:
    server = Server("the box", proxy.url, limits=LIMITS, secrets=["hush-hush"], headers={"X-Own": "1"})
    yield server
    await server.aclose()


async def test_an_answer_comes_back(server: Server, proxy: Proxy) -> None:
    assert await server.json("GET", "/status") == {"path": "/status"}
    assert b"x-own: 1" in proxy.requests[0].lower()
    assert b"accept-encoding: identity" in proxy.requests[0].lower()


@pytest.mark.parametrize(("method", "work", "connections"), [("GET", False, 2), ("GET", True, 1), ("POST", False, 1)])
async def test_only_a_look_is_asked_again_once_it_was_sent(
    server: Server, proxy: Proxy, method: str, work: bool, connections: int
) -> None:
    proxy.faults = [Fault(swallow=True), OK]
    asked = server.ask(method, "/x", work=work)
    if connections == 2:
        assert (await asked).ok
    else:
        with pytest.raises(EngineUnavailable, match="the box took the request and broke off"):
            await asked
    assert proxy.connections == connections


async def test_what_never_left_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    async def refuse(request: httpx.Request) -> httpx.Response:
        tries.append(request.method)
        if len(tries) < 3:
            raise httpx.ConnectError("Connection refused")
        return httpx.Response(200, json={})

    server = Server("the box", "http://box", transport=httpx.MockTransport(refuse))
    assert await server.json("POST", "/prompt", work=True) == {}
    assert tries == ["POST"] * 3
    await server.aclose()


@pytest.mark.parametrize(
    ("fault", "lost", "kind", "says"),
    [
        (Fault(swallow=True), UpstreamOutcomeUnknown, UpstreamOutcomeUnknown, "broke off"),
        (Fault(hang=True), UpstreamOutcomeUnknown, UpstreamOutcomeUnknown, "did not answer in time"),
        (Fault(hang=True), EngineUnavailable, EngineUnavailable, "did not answer in time"),
        (Fault(cut_after=60), EngineUnavailable, EngineUnavailable, "broke off"),
        (Fault(answer=http(200, b"x" * 20_000)), EngineUnavailable, EngineUnavailable, "larger than 10000 bytes"),
        (Fault(answer=b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000), EngineUnavailable, EngineUnavailable, "larger than 10000"),
        (
            Fault(answer=http(200, gzip.compress(bytes(50_000_000)), content_encoding="gzip")),
            EngineUnavailable, EngineUnavailable, "packs what it sends|larger than",
        ),
        (Fault(answer=b"SSH-2.0-OpenSSH\r\n"), EngineUnavailable, EngineUnavailable, "broke off"),
        (Fault(answer=http(500, b"boom", "text/plain")), EngineUnavailable, EngineCrashed, "answered 500: boom"),
        (Fault(answer=http(500, b"boom", "text/plain")), UpstreamOutcomeUnknown, UpstreamOutcomeUnknown, "500: boom"),
        (Fault(answer=http(301, location="http://other/")), EngineUnavailable, ModelUnusable, "give its final address"),
    ],
)  # fmt: skip
async def test_faults(
    server: Server, proxy: Proxy, fault: Fault, lost: type[EngineError], kind: type[EngineError], says: str
) -> None:
    proxy.always = fault
    with pytest.raises(EngineError, match=says) as raised:
        await server.checked("POST", "/x", lost=lost, work=True, seconds=0.6)
    assert type(raised.value) is kind
    assert raised.value.message.startswith("the box")
    assert proxy.connections == 1


async def test_a_slow_answer_may_take_its_time_in_pieces_but_not_in_all(server: Server, proxy: Proxy) -> None:
    proxy.always = Fault(delay=0.4)
    assert (await server.ask("GET", "/x")).ok
    with pytest.raises(EngineUnavailable, match="in time"):
        await server.ask("GET", "/x", seconds=0.2)


async def test_a_fresh_connection_serves_one_call(server: Server, proxy: Proxy) -> None:
    await server.ask("GET", "/a")
    await server.ask("GET", "/a")
    assert proxy.connections == 1
    await server.ask("POST", "/b", fresh=True)
    await server.ask("POST", "/b", fresh=True)
    assert proxy.connections == 3


async def test_what_is_no_json_is_the_servers_fault(server: Server, proxy: Proxy) -> None:
    proxy.faults = [Fault(answer=http(200, b"<html>", "text/html"))]
    with pytest.raises(EngineCrashed, match="6 bytes of text/html that are no JSON"):
        await server.json("GET", "/x")


async def test_a_stream_is_limited_too(server: Server, proxy: Proxy) -> None:
    proxy.faults = [Fault(answer=b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000)]
    with pytest.raises(EngineUnavailable, match="larger than 10000"):
        async with server.stream("GET", "/x") as response:
            await response.aread()


async def test_nobody_is_there() -> None:
    server = Server("the box", "http://127.0.0.1:9", limits=LIMITS)
    with pytest.raises(EngineUnavailable, match=r"the box cannot be reached.*is it running") as raised:
        await server.ask("POST", "/x", lost=UpstreamOutcomeUnknown)
    assert type(raised.value) is EngineUnavailable, "it never left"
    await server.aclose()


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Any) -> None:
    import ssl

    from tests.fakes.web import CERTIFICATE

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    server = Server("the box", f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}", limits=LIMITS)
    with pytest.raises(ModelUnusable, match=r"certificate that cannot be trusted.*ca_file"):
        await server.ask("GET", "/x")
    await server.aclose()
    listening.close()


async def test_who_leaves_is_not_waited_for() -> None:
    batch = SuiteBatch([])
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    asyncio.get_running_loop().call_later(0.05, batch.cancel, "a")
    with pytest.raises(Left):
        await unless_canceled(batch, "a", work())
    assert ended.is_set()
    assert await unless_canceled(batch, "b", asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ZeroDivisionError):
        await unless_canceled(batch, "b", asyncio.to_thread(lambda: 1 / 0))


def test_the_door_offers_all_that_it_says() -> None:
    assert all(hasattr(engines_http, name) for name in engines_http.__all__)
