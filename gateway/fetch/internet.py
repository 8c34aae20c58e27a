"""Names and connections, and the guard that stands before both."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Protocol

import httpcore

from gateway.fetch.addresses import Address

_RESOLVERS = 16
"""Threads that wait for name servers; of their own, because one that never answers holds its thread for half a minute."""
_CONNECT_SECONDS = 5.0
_ADDRESSES_TRIED = 4


class Refused(Exception):
    """The guard's no, on its way through the HTTP client."""


class Nowhere(Refused):
    """There is no address at all."""


class Internet(Protocol):
    """Names and connections; tests hand the fetcher an Internet of their own."""

    tls: ssl.SSLContext

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        """Every address of the host; none where there is none. Odd spellings of an IP are read as a connection would."""

    async def connect(self, address: Address, port: int, seconds: float) -> httpcore.AsyncNetworkStream:
        """Raises httpcore.ConnectError, ConnectTimeout."""

    def close(self) -> None: ...


class SystemInternet(Internet):
    """What the operating system gives."""

    def __init__(self) -> None:
        self.tls = httpcore.default_ssl_context()
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")
        self._sockets = httpcore.AnyIOBackend()

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._resolvers, look_up)
        except (OSError, ValueError):  # UnicodeError, for labels that are too long, is one of the latter
            return []
        return list(dict.fromkeys(ip_address(each[4][0]) for each in found))

    async def connect(self, address: Address, port: int, seconds: float) -> httpcore.AsyncNetworkStream:
        return await self._sockets.connect_tcp(str(address), port, seconds)

    def close(self) -> None:
        self._resolvers.shutdown(wait=False, cancel_futures=True)


class Guard(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that `may` says yes to, and to no other. Raises Refused."""

    def __init__(self, internet: Internet, may: Callable[[Address], bool]) -> None:
        self._internet = internet
        self._may = may

    async def judged(self, host: str, port: int) -> Sequence[Address]:
        """The host's addresses, each seen to be good: a name with a private one beside a public one is a trap."""
        found = await self._internet.resolve(host, port)
        if not found:
            raise Nowhere
        if not all(map(self._may, found)):
            raise Refused
        return found

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (the signature is httpcore's)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        trouble: Exception = Refused()
        for address in (await self.judged(host, port))[:_ADDRESSES_TRIED]:
            try:
                return await self._internet.connect(address, port, _CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
        raise trouble
