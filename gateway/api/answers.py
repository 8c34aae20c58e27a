"""Answers with pictures in them: what takes long over megabytes is done in threads, and piece by piece."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import MediaType, Response

_PIECE = 3 << 18
"""Bytes, three of which become four characters."""


async def large(made: Any, headers: Mapping[str, str] | None = None) -> Response[Any]:
    """`made` as JSON. The framework itself would encode it on the event loop."""
    body = await asyncio.to_thread(msgspec.json.encode, made)
    return Response(body, media_type=MediaType.JSON, headers=dict(headers or {}))


def in_base64(data: bytes) -> str:
    """Blocks: in a thread, for megabytes."""
    return "".join(base64.b64encode(data[at : at + _PIECE]).decode() for at in range(0, len(data), _PIECE))
