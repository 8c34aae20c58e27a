"""The remote engines' client: limits, what is asked again, whose words are told and what is left out of them, pictures."""

from __future__ import annotations

import asyncio
import gzip
import io
import struct
import time
import zlib
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from engines import http as engines_http
from engines.contract import (
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    InvalidRequest,
    ModelUnusable,
    Picture,
    Size,
    UpstreamOutcomeUnknown,
    UpstreamRateLimited,
)
from engines.http import (
    Left,
    Limits,
    Pace,
    Server,
    clean,
    decode,
    from_status,
    media_type,
    png,
    preview,
    ready,
    retry_after,
    said,
    size_of,
    unless_canceled,
)
from engines.http.pace import duration
from engines.suite import SuiteBatch
from tests.fakes.pictures import png as plain_png
from tests.fakes.serving import Fault, Proxy, http, served

RED = np.full((32, 48, 3), (200, 10, 10), np.uint8)
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


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest), (401, ModelUnusable), (402, ModelUnusable), (403, ModelUnusable), (404, ModelUnusable),
        (405, ModelUnusable), (408, EngineUnavailable), (409, EngineUnavailable), (413, InvalidRequest),
        (422, InvalidRequest), (429, UpstreamRateLimited), (500, EngineCrashed), (502, EngineUnavailable),
        (503, EngineUnavailable), (504, EngineUnavailable), (524, EngineUnavailable), (302, ModelUnusable),
    ],
)  # fmt: skip
def test_who_must_act(status: int, kind: type[EngineError]) -> None:
    error = from_status(status, {}, b'{"detail": "because"}', "the box")
    assert type(error) is kind
    assert error.message.startswith(f"the box answered {status}: because.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "bad size", "type": "x", "code": 3}}', "bad size"),
        (b'{"error": "RuntimeError", "detail": "", "body": "", "errors": "no such model"}', "RuntimeError: no such model"),
        (b'{"detail": "Sampler not found"}', "Sampler not found"),
        (b'{"detail": [{"loc": ["body", "steps"], "msg": "too many", "type": "v"}]}', "steps: too many"),
        (b'{"message": "a"}', "a"),
        (b"plain words", "plain words"),
        (b"<html><head><title>502 Bad Gateway</title></head>", "502 Bad Gateway"),
        (b"<html><body>x</body>", ""),
        (b'{"unknown": 1}', ""),
        (b"{broken", ""),
        (b"[" * 100_000, ""),
        (b"\xff\xfe\x00bad", "��bad"),
        (b"", ""),
    ],
)
def test_what_a_server_says(body: bytes, words: str) -> None:
    assert said(body).replace(" bad", "bad") == words


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("no file '/home/ann b/models/x.safetensors' here", "no file '…/x.safetensors' here"),
        ("at /srv/app/webui/modules/api.py, line 3", "at …/api.py, line 3"),
        (r'in "C:\Users\Ann\forge\x.ckpt"', 'in "…/x.ckpt"'),
        (r"in D:\forge\models\x.ckpt now", "in …/x.ckpt now"),
        ("see https://platform.openai.com/docs/guides/x", "see https://platform.openai.com/docs/guides/x"),
        ("512/768 and 1/2", "512/768 and 1/2"),
        ("key sk-proj-abcdef123456 is wrong", "key ••• is wrong"),
        ("Incorrect API key provided: sk-ab****wxyz.", "Incorrect API key provided: •••"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer •••"),
        ("GET /x?key=AIzaSyA1234567890&n=1", "GET /x?key=•••&n=1"),
        ("at http://user:pass@host/x", "at http://•••host/x"),
        ("the word hush-hush is ours", "the word ••• is ours"),
        ("two\nlines\x1b[31m\x00", "two lines [31m"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_words_are_cleaned(text: str, cleaned: str) -> None:
    assert clean(text, ["hush-hush", ""]) == cleaned


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e9"}, 3600.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    seconds = retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert seconds is not None
    assert 27 < seconds <= 31


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("2h3m0.5s", 7380.5), ("120ms", 0.12), ("1d", 86_400), ("3", 3), ("", None), ("soon", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_an_account_is_left_alone_until_its_time() -> None:
    now = [100.0]
    pace = Pace("Cloud", clock=lambda: now[0])
    pace.check()
    pace.note({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "9s"})
    pace.check()
    pace.note({"x-ratelimit-remaining-images": "0", "x-ratelimit-reset-images": "2s"})
    with pytest.raises(UpstreamRateLimited, match="Cloud has no images left"):
        pace.check()
    pace.hold(UpstreamRateLimited("Slow down.", 10))
    pace.hold(UpstreamRateLimited("A little.", 1))
    now[0] += 9
    with pytest.raises(UpstreamRateLimited, match="Slow down") as raised:
        pace.check()
    assert raised.value.retry_after == 1
    now[0] += 1
    pace.check()


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


# ---------------------------------------------------------------------------------------------- pictures


def encoded(form: str, mode: str = "RGB", **options: Any) -> bytes:
    kept = io.BytesIO()
    Image.new(mode, (48, 32), 7).save(kept, form, **options)
    return kept.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded("PNG"), "image/png"), (encoded("JPEG"), "image/jpeg"), (encoded("WEBP"), "image/webp"),
        (encoded("GIF", "L"), None), (b"", None), (b"<html>", None), (b"RIFF1234WAVE", None),
    ],
)  # fmt: skip
def test_a_picture_is_known_by_its_bytes(data: bytes, kind: str | None) -> None:
    assert media_type(data) == kind
    if kind:
        assert size_of(data) == Size(48, 32)
        assert decode(data).shape == (32, 48, 3)
    else:
        with pytest.raises(EngineCrashed, match=r"the box delivered .* bytes that are no PNG, JPEG or WebP"):
            size_of(data, "the box")


def bomb() -> bytes:
    """A PNG that says it is far too large."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n" + chunk + encoded("PNG")[33:]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (encoded("PNG")[:-12], "cut off"),
        (encoded("WEBP")[:-4], "cut off|damaged"),
        (encoded("PNG")[:20], "damaged"),
        (encoded("JPEG")[:10], "damaged"),
        (bomb(), "60000x60000, which nobody asked for|damaged"),
    ],
)
def test_what_is_damaged_is_told(data: bytes, says: str) -> None:
    with pytest.raises(EngineCrashed, match=says):
        size_of(data)
    assert preview(data) is None or says.startswith("cut off")


def test_a_picture_of_the_right_size_is_kept_as_delivered() -> None:
    data = plain_png(RED)
    made = ready("job", Picture(2, 7), data, Size(48, 32), parameters={"quality": "high"})
    assert (made.encoded, made.pixels, made.ordinal, made.seed) == (data, None, 2, 7)
    assert made.parameters == {"quality": "high"}


@pytest.mark.parametrize("size", [Size(16, 16), Size(48, 16), Size(96, 64), Size(10, 30)])
def test_any_other_is_scaled_to_cover_and_cut_in_the_middle(size: Size) -> None:
    pixels = RED.copy()
    pixels[:, :2] = pixels[:, -2:] = 0
    made = ready("job", Picture(0, None), plain_png(pixels), size)
    assert made.encoded is None
    assert made.pixels is not None
    assert made.pixels.shape == (size.height, size.width, 3)
    assert made.pixels.flags.owndata
    assert made.parameters == {"delivered_size": "48x32"}
    assert tuple(made.pixels[size.height // 2, size.width // 2]) == (200, 10, 10)


def test_previews_are_small_and_what_is_sent_is_png() -> None:
    large = np.zeros((900, 1200, 4), np.uint8)
    frame = preview(png(large))
    assert frame is not None
    assert frame.shape == (384, 512, 3)
    assert preview(b"nothing") is None
    assert (decode(png(large)) == large).all()


def test_the_door_offers_all_that_it_says() -> None:
    assert all(hasattr(engines_http, name) for name in engines_http.__all__)
