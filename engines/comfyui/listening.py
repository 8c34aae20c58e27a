"""The websocket of one server: connected before anything is sent, under a client id that was never used before.

A second socket with the same id would replace the first, and silence both when that one closes; so a lost socket is not
taken up again. Prompts that were sent under its id are asked for by HTTP, those that come after get a new one.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import uuid
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

from engines.comfyui import frames
from engines.comfyui.server import Comfy
from engines.comfyui.watching import Watch, decoded

OPEN_SECONDS = 10.0
HEARTBEAT_SECONDS = 20.0
"""The server sends none of its own."""
DEAF_SECONDS = 60.0
"""Without an answer to a heartbeat; a model that loads can keep the server's event loop that long."""


class Socket:
    """What it hears goes to every watch that was added; whoever waits is woken by each message."""

    def __init__(self, connection: ClientConnection, client_id: str) -> None:
        self.client_id = client_id
        self.lost = False
        self._connection = connection
        self._watches: dict[str, Watch] = {}
        self._bell = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    def add(self, watch: Watch) -> None:
        self._watches[watch.prompt_id] = watch

    def drop(self, watch: Watch) -> None:
        self._watches.pop(watch.prompt_id, None)

    async def wait(self, seconds: float) -> None:
        """Until something was heard, or the socket is lost, or that time has passed."""
        if not self.lost:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._bell.wait()
        else:
            await asyncio.sleep(seconds)
        self._bell.clear()

    async def aclose(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        with suppress(OSError, WebSocketException, TimeoutError):
            await self._connection.close()

    async def _read(self) -> None:
        try:
            async for message in self._connection:
                self._take(message)
                self._bell.set()
        except (OSError, WebSocketException):
            pass
        finally:
            self.lost = True
            self._bell.set()

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            told = decoded(message)
            for watch in self._watches.values():
                watch.hear(told)
        elif (picture := frames.read(message)) is not None:
            for watch in self._watches.values():
                watch.see(picture)


async def listen(server: Comfy) -> Socket | None:
    """None where no socket can be had: then the server is asked instead, and nobody sees progress."""
    client_id = uuid.uuid4().hex
    opened: dict[str, Any] = {"ssl": _tls(server)} if server.url.startswith("https") else {}
    try:
        connection = await connect(
            _address(server.url, client_id),
            additional_headers=_headers(server),
            max_size=frames.LARGEST_FRAME,
            open_timeout=OPEN_SECONDS,
            ping_interval=HEARTBEAT_SECONDS,
            ping_timeout=DEAF_SECONDS,
            close_timeout=1.0,
            proxy=None,
            compression=None,
            **opened,
        )
    except (OSError, InvalidHandshake, InvalidURI, WebSocketException, TimeoutError):
        return None
    try:
        await connection.send(frames.FEATURES)
    except (OSError, WebSocketException):
        return None
    return Socket(connection, client_id)


def _address(url: str, client_id: str) -> str:
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}/ws", f"clientId={client_id}", ""))


def _headers(server: Comfy) -> dict[str, str]:
    """No Origin: a server on this machine would refuse one of another host."""
    if server.auth is None:
        return dict(server.headers)
    user, password = server.auth
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _tls(server: Comfy) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file or None)
