"""The sockets of the fake: who hears what, in which kind of frame."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from PIL import Image

from tests.fakes.comfyui.graphs import Json

FEATURES = {"supports_preview_metadata": True, "max_upload_size": 104857600}


def _jpeg() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 40, 40)).save(kept, "JPEG")
    return kept.getvalue()


JPEG = _jpeg()
"""A preview, 8x8."""


class Client:
    """One socket. `metadata` when it asked for the newer previews first."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.metadata = False


class Sockets:
    """`before` is called with each message before it is sent; `previews` is --preview-method."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        self.previews = True
        self.before: Callable[[Any], None] | None = None

    def status(self, remaining: int) -> None:
        for client in self.clients.values():
            client.queue.put_nowait(_status(remaining))

    def say(self, message: Json, client_id: str | None, *, everyone: bool = False) -> None:
        for client in self._heard_by(client_id, everyone=everyone):
            client.queue.put_nowait(message)

    def picture(self, prompt_id: str, node: str, data: bytes, kind: str, client_id: str | None) -> None:
        final = kind == "image/png"
        if not (final or self.previews):
            return
        about = {"node_id": node, "prompt_id": prompt_id, "display_node_id": node, "parent_node_id": None, "real_node_id": node}
        told = json.dumps(about | {"image_type": kind}).encode()
        newer = struct.pack(">II", 4, len(told)) + told + data
        older = struct.pack(">II", 1, 2 if final else 1) + data
        for client in self._heard_by(client_id, everyone=True):
            client.queue.put_nowait(newer if client.metadata else older)

    def wants_metadata(self, client_id: str | None) -> bool:
        return client_id in self.clients and self.clients[client_id].metadata

    async def serve(self, scope: Json, receive: Any, send: Any, remaining: int, *, allowed: bool) -> None:
        await receive()
        if not allowed:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        id_ = parse_qs(scope["query_string"].decode()).get("clientId", [uuid.uuid4().hex])[0]
        client = self.clients[id_] = Client()
        first_status = _status(remaining)
        first_status["data"]["sid"] = id_
        client.queue.put_nowait(first_status)
        sender = asyncio.create_task(self._send_all(client, send))
        first = True
        try:
            while (message := await receive())["type"] == "websocket.receive":
                told = json.loads(message.get("text") or "{}")
                if first and told.get("type") == "feature_flags":
                    client.metadata = bool(told["data"].get("supports_preview_metadata"))
                    client.queue.put_nowait({"type": "feature_flags", "data": FEATURES})
                first = False
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            self.clients.pop(id_, None)  # even where a second socket has taken the id over, as the real one does

    async def _send_all(self, client: Client, send: Any) -> None:
        while True:
            message = await client.queue.get()
            if self.before:
                self.before(message)
            data = {"bytes": message} if isinstance(message, bytes) else {"text": json.dumps(message)}
            await send({"type": "websocket.send", **data})

    def _heard_by(self, client_id: str | None, *, everyone: bool) -> list[Client]:
        """A prompt without a client tells everybody of its progress, and nobody of anything else."""
        if client_id is None:
            return list(self.clients.values()) if everyone else []
        return [self.clients[client_id]] if client_id in self.clients else []


def _status(remaining: int) -> Json:
    return {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": remaining}}}}
