"""An Internet of the tests' own: names that lead where a test says, and servers behind public addresses.

The guard and the HTTP client are the real ones; only looking up names and opening connections are replaced.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import httpcore

Address = IPv4Address | IPv6Address
PUBLIC = "93.184.216.34"
CERTIFICATE = Path(__file__).with_name("pictures.example.pem")
Answer = Callable[["Asked", asyncio.StreamWriter], Awaitable[None]]


class Asked:
    """One request, as it came."""

    def __init__(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        self.body = b""


class Web:
    """Enter it before use; `lead` a name somewhere, `serve` something there."""

    def __init__(self) -> None:
        self.tls = ssl.create_default_context(cafile=CERTIFICATE)
        self.asked: list[Asked] = []
        self.connected: list[str] = []
        """Addresses to which a connection was opened, or tried."""
        self._names: dict[str, list[list[str]]] = {}
        self._ports: dict[str, int] = {}
        self._conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._servers: list[asyncio.Server] = []

    def lead(self, name: str, *lookups: Sequence[str]) -> None:
        """Let the name have these addresses at its first lookup, those at its second and so on; the last ones stay."""
        self._names[name] = [list(addresses) for addresses in lookups]

    async def serve(
        self, answer: Answer | bytes, name: str = "pictures.example", at: str = PUBLIC, *, tls: bool = False
    ) -> None:
        """Let `name` lead to `at`, and answer there; bytes are sent as they are."""
        if name not in self._names:
            self.lead(name, [at])

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if task := asyncio.current_task():
                self._conversations[task] = writer
                task.add_done_callback(self._conversations.pop)
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._converse(reader, writer, answer)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
        if context:
            context.load_cert_chain(CERTIFICATE)
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        self._servers.append(server)
        self._ports[str(ip_address(at))] = server.sockets[0].getsockname()[1]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer | bytes) -> None:
        asked = Asked(await reader.readuntil(b"\r\n\r\n"))
        asked.body = await reader.readexactly(int(asked.headers.get("content-length", 0)))
        self.asked.append(asked)
        if isinstance(answer, bytes):
            writer.write(answer)
        else:
            await answer(asked, writer)
        await writer.drain()

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        lookups = self._names.get(host)
        if lookups:
            return [ip_address(each) for each in (lookups.pop(0) if len(lookups) > 1 else lookups[0])]
        try:  # however odd an IP is spelled, the C library reads it; names it does not look up
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except OSError:
            return []
        return [ip_address(each[4][0]) for each in found]

    async def connect(self, address: Address, port: int, seconds: float) -> httpcore.AsyncNetworkStream:
        self.connected.append(str(address))
        if str(address) not in self._ports:
            raise httpcore.ConnectError("nobody listens there")
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", self._ports[str(address)], seconds)

    def close(self) -> None:
        """The fetcher's end; the servers go on until the test's."""

    async def __aenter__(self) -> Web:
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for conversation, writer in list(self._conversations.items()):
            writer.transport.abort()
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)


def ok(body: bytes, *headers: str) -> bytes:
    """A whole answer with these bytes."""
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


def moved(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
