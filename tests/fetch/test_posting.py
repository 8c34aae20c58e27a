"""Webhooks go through the same guard."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest

from gateway.fetch import AddressRefused, Fetcher, Unfetchable
from tests.fakes.web import Web, moved, ok

URL = "http://receiver.example/hook"
INSIDE = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize("status", [200, 204, 302, 410, 500])
async def test_a_webhook_is_sent_and_its_status_told(status: int, web: Web, fetcher: Fetcher) -> None:
    await web.serve(f"HTTP/1.1 {status} So\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n".encode(), "receiver.example")
    assert await fetcher.post(URL, b"{}", {"webhook-id": "m1", "Content-Type": "application/json"}) == status
    (asked,) = web.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/hook", b"{}")
    assert asked.headers["host"] == "receiver.example"
    assert asked.headers["webhook-id"] == "m1"
    assert asked.headers["content-length"] == "2"


async def test_a_private_receiver_needs_the_operators_leave(web: Web, fetcher: Fetcher) -> None:
    await web.serve(ok(b""), "receiver.example", at="10.0.0.9")
    with pytest.raises(AddressRefused):
        await fetcher.post(URL, b"{}", {}, field="webhook.url")
    assert web.connected == []
    assert await fetcher.post(URL, b"{}", {}, allow=INSIDE) == 200
    web.lead("receiver.example", ["10.0.0.9", "192.168.0.1"])
    with pytest.raises(AddressRefused):
        await fetcher.post(URL, b"{}", {}, allow=INSIDE)


async def test_no_redirect_is_followed(web: Web, fetcher: Fetcher) -> None:
    await web.serve(moved("http://127.0.0.1/"), "receiver.example")
    assert await fetcher.post(URL, b"{}", {}) == 302
    assert len(web.connected) == 1


async def test_its_time_is_limited_too(web: Web, fetcher: Fetcher) -> None:
    async def silent(*_: object) -> None:
        await asyncio.sleep(30)

    await web.serve(silent, "receiver.example")
    with pytest.raises(Unfetchable, match=r"within 0\.2 seconds"):
        await fetcher.post(URL, b"{}", {}, seconds=0.2)


async def test_an_answer_without_end_is_not_waited_for(web: Web, fetcher: Fetcher) -> None:
    await web.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc", "receiver.example")
    assert await fetcher.post(URL, b"{}", {}) == 200


async def test_headers_cannot_be_smuggled_in(web: Web, fetcher: Fetcher) -> None:
    await web.serve(ok(b""), "receiver.example")
    with pytest.raises(Unfetchable):
        await fetcher.post(URL, b"{}", {"webhook-id": "a\r\nX-Evil: 1"})
    assert web.asked == []


async def test_an_address_is_looked_at_before_it_is_kept(web: Web, fetcher: Fetcher) -> None:
    web.lead("receiver.example", ["10.0.0.9"])
    web.lead("public.example", ["1.1.1.1"])
    await fetcher.check("https://public.example/hook")
    await fetcher.check(URL, allow=INSIDE)
    with pytest.raises(AddressRefused) as caught:
        await fetcher.check(URL, field="webhook.url")
    assert caught.value.field == "webhook.url"
    assert web.connected == []
