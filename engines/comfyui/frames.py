"""Binary frames of the websocket (server.py of ComfyUI, `encode_bytes` and `send_image_with_metadata`). Big-endian. Pure."""

from __future__ import annotations

import json
import struct
from typing import Any

from msgspec import Struct

PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
LARGEST_FRAME = 64 * 2**20
"""Bytes: finished pictures come as frames too (SaveImageWebsocket), as PNG."""
FEATURES = '{"type":"feature_flags","data":{"supports_preview_metadata":true}}'
"""The first message of a socket, which makes previews tell whose they are."""


class Picture(Struct, frozen=True):
    """A preview, or a picture that a node sends instead of saving it."""

    data: bytes
    prompt_id: str | None = None
    """None in the older kind of frame, which says neither that nor the node."""
    node: str | None = None


def read(frame: bytes) -> Picture | None:
    """None for text, for kinds that came later, and for what is damaged: a frame is never worth an error."""
    try:
        (kind,) = struct.unpack_from(">I", frame)
        if kind == PREVIEW:
            return Picture(frame[8:]) if len(frame) > 8 else None
        if kind != PREVIEW_WITH_METADATA:
            return None
        (length,) = struct.unpack_from(">I", frame, 4)
        if length > len(frame) - 8:
            return None
        about: Any = json.loads(frame[8 : 8 + length])
    except (struct.error, ValueError, RecursionError):
        return None
    if not isinstance(about, dict):
        return None
    prompt_id, node = about.get("prompt_id"), about.get("node_id")
    if not isinstance(prompt_id, str):
        return None
    return Picture(frame[8 + length :], prompt_id, node if isinstance(node, str) else None)
