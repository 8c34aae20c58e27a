"""Whose word counts for where a request comes from."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from gateway.api.forwarded import Forwarded
from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, URL, bearer

PROXIES = ("127.0.0.1/32", "10.0.0.0/8", "fd00::/8")
Client = tuple[str, int]


async def seen(peer: str | None, proxies: tuple[str, ...], *headers: tuple[str, str]) -> tuple[Client | None, str]:
    """The client and the scheme that the application sees."""
    scope: dict[str, Any] = {"type": "http", "scheme": "http", "client": peer and (peer, 5)}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in headers]
    found: list[Any] = []

    async def app(inner: Any, _receive: Any, _send: Any) -> None:
        found.append((inner["client"], inner["scheme"]))

    await Forwarded(cast("Any", app), lambda: proxies)(scope, cast("Any", None), cast("Any", None))
    answer: tuple[Client | None, str] = found[0]
    return answer


FOR, PROTO = ("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https")


@pytest.mark.parametrize(
    ("peer", "proxies", "headers", "client", "scheme"),
    [
        ("127.0.0.1", (), [FOR, PROTO], ("127.0.0.1", 5), "http"),
        ("::1", PROXIES, [FOR, PROTO], ("::1", 5), "http"),
        ("203.0.113.1", PROXIES, [FOR, PROTO], ("203.0.113.1", 5), "http"),
        (None, PROXIES, [FOR, PROTO], None, "http"),
        ("127.0.0.1", PROXIES, [], ("127.0.0.1", 5), "http"),
        ("127.0.0.1", PROXIES, [FOR], ("192.0.2.9", 0), "http"),
        ("10.2.3.4", PROXIES, [FOR, PROTO], ("192.0.2.9", 0), "https"),
        ("::ffff:10.2.3.4", PROXIES, [FOR, PROTO], ("192.0.2.9", 0), "https"),
        ("fd00::7", PROXIES, [("x-forwarded-for", "2001:db8::1")], ("2001:db8::1", 0), "http"),
        # What a client wrote itself stands before what the proxies added, and counts for nothing.
        ("10.2.3.4", PROXIES, [("x-forwarded-for", "1.1.1.1, 192.0.2.9, 10.0.0.8")], ("192.0.2.9", 0), "http"),
        ("10.2.3.4", PROXIES, [("x-forwarded-for", "1.1.1.1"), FOR], ("192.0.2.9", 0), "http"),
        ("10.2.3.4", PROXIES, [FOR, ("x-forwarded-proto", "gopher")], ("192.0.2.9", 0), "http"),
        ("::ffff:203.0.113.1", (), [FOR], ("203.0.113.1", 5), "http"),
    ],
)
async def test_only_named_proxies_are_believed(
    peer: str | None, proxies: tuple[str, ...], headers: list[tuple[str, str]], client: Client | None, scheme: str
) -> None:
    assert await seen(peer, proxies, *headers) == (client, scheme)


async def test_the_audit_log_says_where_it_was_done_from(app: Litestar, wiring: Wiring) -> None:
    async def made(name: str, peer: str) -> str:
        transport = httpx.ASGITransport(cast("Any", app), client=(peer, 5))
        headers = {**bearer(ADMIN_KEY), "X-Forwarded-For": "192.0.2.9"}
        async with httpx.AsyncClient(transport=transport, base_url=URL, headers=headers) as client:
            assert (await client.post("/admin/teams", json={"name": name})).status_code == 201
            act = (await client.get("/admin/audit?limit=1")).json()["data"][0]
        assert act["details"] == {"name": name}
        return str(act["address"])

    assert await made("one", "10.0.0.3") == "10.0.0.3"
    with wiring.models_path.open("a") as file:
        file.write('\n[settings.http]\ntrusted_proxies = ["10.0.0.0/8"]\n')
    for number in range(200):
        address = await made(f"again {number}", "10.0.0.3")
        if address == "192.0.2.9":
            break
        await asyncio.sleep(0.02)
    assert address == "192.0.2.9"
    assert await made("other", "203.0.113.1") == "203.0.113.1"
