"""Names as the operating system has them; only such are looked up here as no name server is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from gateway.catalog.settings import Fetch
from gateway.fetch import AddressRefused, Fetcher
from gateway.fetch.internet import SystemInternet


@pytest.fixture
def internet() -> Iterator[SystemInternet]:
    internet = SystemInternet()
    yield internet
    internet.close()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("::1", "::1"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
    ],
)
async def test_however_an_address_is_spelled(host: str, address: str, internet: SystemInternet) -> None:
    assert await internet.resolve(host, 80) == [ip_address(address)]


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "..", "a..invalid"])
async def test_what_is_no_name_has_no_address(host: str, internet: SystemInternet) -> None:
    assert await internet.resolve(host, 80) == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "0x7f.1"])
async def test_this_machine_is_not_gone_to(host: str, internet: SystemInternet) -> None:
    with pytest.raises(AddressRefused):
        await Fetcher(lambda: Fetch(seconds=5), internet).fetch(f"http://{host}/")
