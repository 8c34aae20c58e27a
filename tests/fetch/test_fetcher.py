"""The fetcher against a web of tricks; the guard, the HTTP client and the servers are real."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.catalog.settings import Fetch
from gateway.errors import TooManyRequests
from gateway.fetch import AddressRefused, Fetcher, Unfetchable
from gateway.fetch.fetcher import AT_ONCE
from tests.fakes.web import PUBLIC, Asked, Web, moved, ok

URL = "http://pictures.example/a.png"


async def refused(fetcher: Fetcher, url: str, kind: type[Unfetchable] = Unfetchable, **asked: str) -> str:
    with pytest.raises(kind) as caught:
        await fetcher.fetch(url, field="image.url", **asked)
    assert type(caught.value) is kind
    assert caught.value.field == "image.url"
    return caught.value.message


async def test_a_picture_is_fetched(web: Web, fetcher: Fetcher) -> None:
    await web.serve(ok(b"bytes", "Content-Type: text/html"))
    fetched = await fetcher.fetch("http://pictures.example:8080/a b.png?x=1#y")
    assert fetched.data == b"bytes"
    assert fetched.url == "http://pictures.example:8080/a%20b.png?x=1"
    (asked,) = web.asked
    assert (asked.method, asked.target) == ("GET", "/a%20b.png?x=1")
    assert asked.headers["host"] == "pictures.example:8080"
    assert asked.headers["accept-encoding"] == "identity"
    assert not {"authorization", "cookie", "referer"} & set(asked.headers)


async def test_the_name_is_kept_where_it_is_proved(web: Web, fetcher: Fetcher) -> None:
    """The connection goes to the address, the certificate is checked against the name."""
    await web.serve(ok(b"bytes"), tls=True)
    assert (await fetcher.fetch("https://pictures.example/a")).data == b"bytes"
    assert web.asked[0].headers["host"] == "pictures.example"
    web.lead("other.example", [PUBLIC])
    assert "could not be asked" in await refused(fetcher, "https://other.example/a")
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::169.254.169.254]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00:ec2::254]",
        "nowhere.example",
    ],
)
async def test_however_a_private_place_is_spelled(host: str, web: Web, fetcher: Fetcher) -> None:
    await web.serve(ok(b"secret"), at="127.0.0.1")
    assert "no public address" in await refused(fetcher, f"http://{host}/", AddressRefused)
    assert web.connected == []


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", "2606:4700::1"], ["fe80::1%2"], [PUBLIC, "::ffff:192.168.0.1"]]
)
async def test_a_name_with_one_private_address_is_a_trap(addresses: list[str], web: Web, fetcher: Fetcher) -> None:
    web.lead("trap.example", addresses)
    await refused(fetcher, "http://trap.example/", AddressRefused)
    assert web.connected == []


async def test_what_is_private_and_what_is_nowhere_sound_alike(web: Web, fetcher: Fetcher) -> None:
    web.lead("inside.example", ["10.0.0.1"])
    inside = await refused(fetcher, "http://inside.example/", AddressRefused)
    nowhere = await refused(fetcher, "http://nowhere.example/", AddressRefused)
    assert inside.replace("inside", "nowhere") == nowhere


async def test_a_name_that_changes_its_answer(web: Web, fetcher: Fetcher) -> None:
    """The address that was checked is the one that is gone to: there is no second lookup to lie at."""
    await web.serve(ok(b"public"))
    await web.serve(ok(b"secret"), "localhost.example", at="127.0.0.1")
    web.lead("pictures.example", [PUBLIC], ["127.0.0.1"])
    assert (await fetcher.fetch(URL)).data == b"public"
    await refused(fetcher, URL, AddressRefused)
    assert web.connected == [PUBLIC]


async def test_the_next_address_is_tried_where_one_does_not_answer(web: Web, fetcher: Fetcher) -> None:
    await web.serve(ok(b"bytes"))
    web.lead("pictures.example", ["93.184.216.1", "2606:4700::1", PUBLIC])
    assert (await fetcher.fetch(URL)).data == b"bytes"
    assert web.connected == ["93.184.216.1", "2606:4700::1", PUBLIC]


async def test_nobody_listens(web: Web, fetcher: Fetcher) -> None:
    web.lead("pictures.example", [PUBLIC] * 9)
    assert "could not be asked" in await refused(fetcher, URL)
    assert len(web.connected) == 4


# ---------------------------------------------------------------------------------------------- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int, web: Web, fetcher: Fetcher) -> None:
    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(moved("/b.png", status) if asked.target == "/a.png" else ok(b"bytes"))

    await web.serve(answer)
    fetched = await fetcher.fetch(URL)
    assert (fetched.data, fetched.url) == (b"bytes", "http://pictures.example/b.png")


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://localhost.example/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "//2852039166/",
        "http://[::1]:8000/",
    ],
)
async def test_a_redirect_is_checked_like_the_first(location: str, web: Web, fetcher: Fetcher) -> None:
    await web.serve(moved(location))
    await web.serve(ok(b"secret"), "localhost.example", at="127.0.0.1")
    await refused(fetcher, URL, AddressRefused)
    assert web.connected == [PUBLIC]


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://me:word@pictures.example/", "gopher://127.0.0.1:6379/_", "http://["]
)
async def test_a_redirect_to_what_is_not_fetched(location: str, web: Web, fetcher: Fetcher) -> None:
    await web.serve(moved(location))
    await refused(fetcher, URL)
    assert len(web.connected) == 1


async def test_redirects_come_to_an_end(web: Web, fetcher: Fetcher) -> None:
    await web.serve(moved("/again"))
    assert "redirects more than 2 times" in await refused(fetcher, URL)
    assert len(web.asked) == 3


# ------------------------------------------------------------------------------------------ exempt origins


async def test_an_engines_own_origin_is_exempt_and_nothing_beside_it(web: Web, fetcher: Fetcher) -> None:
    web.lead("comfy.internal", ["10.0.0.5"])
    await web.serve(ok(b"bytes"), "comfy.internal", at="10.0.0.5")
    origin = "http://comfy.internal:8188"
    assert (await fetcher.fetch(f"{origin}/view?x=1", exempt_origin=f"{origin}/")).data == b"bytes"
    assert (await fetcher.fetch("http://COMFY.internal:8188/view", exempt_origin=origin)).data == b"bytes"
    for other in (
        "http://comfy.internal/",
        "https://comfy.internal:8188/",
        "http://10.0.0.5:8188/",
        "http://comfy.internal.:8188/",
    ):
        await refused(fetcher, other, AddressRefused, exempt_origin=origin)
    await refused(fetcher, f"{origin}/view", AddressRefused)
    assert web.connected == ["10.0.0.5"] * 2


async def test_from_an_exempt_origin_nothing_leads_to_other_private_places(web: Web, fetcher: Fetcher) -> None:
    web.lead("comfy.internal", ["10.0.0.5"])
    await web.serve(moved("http://10.0.0.6/secret"), "comfy.internal", at="10.0.0.5")
    await refused(fetcher, "http://comfy.internal/view", AddressRefused, exempt_origin="http://comfy.internal")
    await web.serve(moved("http://comfy.internal/view"))
    await refused(fetcher, URL, AddressRefused, exempt_origin="http://pictures.example")


# ------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize("length", [4096, 4097])
async def test_size_is_limited_by_what_a_server_tells(length: int, web: Web, fetcher: Fetcher) -> None:
    await web.serve(ok(bytes(length)))
    if length == 4096:
        assert len((await fetcher.fetch(URL)).data) == length
    else:
        assert "larger than the 4096 bytes" in await refused(fetcher, URL)


@pytest.mark.parametrize("length", ["9" * 15, "9" * 20])
async def test_a_told_size_is_believed_before_anything_is_read(length: str, web: Web, fetcher: Fetcher) -> None:
    await web.serve(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
    await refused(fetcher, URL)


async def test_an_endless_body_is_cut_off(web: Web, fetcher: Fetcher) -> None:
    sent = 0

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + bytes(1024) + b"\r\n")
            sent += 1024
            await writer.drain()

    await web.serve(answer)
    assert "larger than" in await refused(fetcher, URL)
    assert sent < 64 << 20


SLOW = {
    "silent": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
async def test_time_is_limited(sent: bytes, web: Web) -> None:
    """Drop by drop: each comes in time, all of them do not."""

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        while True:
            await asyncio.sleep(0.05)
            writer.write(b"x" if sent else b"")
            await writer.drain()

    await web.serve(answer)
    begun = time.monotonic()
    assert "within 0.4 seconds" in await refused(Fetcher(lambda: Fetch(seconds=0.4, max_bytes=4096), web), URL)
    assert time.monotonic() - begun < 3


async def test_a_name_server_that_never_answers(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> list[object]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(web, "resolve", never)
    assert "did not deliver within" in await refused(Fetcher(lambda: Fetch(seconds=0.4), web), URL)


BROKEN = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"",
    "cut short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
    "cut chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "endless head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    "many heads": b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
async def test_answers_that_are_none(sent: bytes, web: Web, fetcher: Fetcher) -> None:
    await web.serve(sent)
    assert "could not be asked, or broke off" in await refused(fetcher, URL)


@pytest.mark.parametrize("status", [201, 204, 206, 304, 404, 500])
async def test_only_a_whole_answer_counts(status: int, web: Web, fetcher: Fetcher) -> None:
    await web.serve(f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode())
    assert f"answered {status}" in await refused(fetcher, URL)


async def test_what_is_packed_is_not_unpacked(web: Web, fetcher: Fetcher) -> None:
    await web.serve(ok(b"bomb", "Content-Encoding: gzip"))
    assert "compresses" in await refused(fetcher, URL)


async def test_proxies_of_the_environment_are_not_used(web: Web, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    await web.serve(ok(b"bytes"))
    assert (await fetcher.fetch(URL)).data == b"bytes"


async def test_no_more_than_some_at_once(web: Web) -> None:
    ending = asyncio.Event()

    async def answer(_: Asked, writer: asyncio.StreamWriter) -> None:
        await ending.wait()
        writer.write(ok(b"bytes"))

    await web.serve(answer)
    patience = 20.0
    fetcher = Fetcher(lambda: Fetch(seconds=patience), web)
    held = [asyncio.create_task(fetcher.fetch(URL)) for _ in range(AT_ONCE)]
    while len(web.asked) < AT_ONCE:
        await asyncio.sleep(0.01)
    patience = 0.3
    with pytest.raises(TooManyRequests, match="Too many URLs") as caught:
        await fetcher.fetch(URL)
    assert caught.value.headers == {"Retry-After": "1"}
    ending.set()
    assert [each.data for each in await asyncio.gather(*held, fetcher.fetch(URL))] == [b"bytes"] * (AT_ONCE + 1)
