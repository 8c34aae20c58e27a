"""/sdapi/v1/png-info: what a file says of itself, without unpacking its pixels."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from engines import infotext
from gateway.api.a1111.wire import PngInfoAnswer
from gateway.errors import InvalidInput
from gateway.images.reading.texts import texts_of
from gateway.images.unpacking import unpacked
from gateway.storage.reading import sniff

_INFOTEXT = ("parameters", "UserComment")
"""Where A1111 writes it: PNG; JPEG and WebP."""
_HEAD = re.compile(r"\s*data:[^,]*,", re.IGNORECASE)
LONGEST_SHOWN = 100_000
"""Characters of each text; ComfyUI's graphs can have megabytes."""


async def inspected(image: str) -> PngInfoAnswer:
    """Of a picture in base64, bare or in a data URI. Raises InvalidInput."""
    return await asyncio.to_thread(_read, image)


def _read(image: str) -> PngInfoAnswer:
    data = _decoded(image)
    if sniff(data) is None:
        raise InvalidInput("This is not a PNG, JPEG, WebP or GIF picture.", field="image")
    texts = {key: text[:LONGEST_SHOWN] for key, text in texts_of(data).items()}
    info = next((texts[key] for key in _INFOTEXT if texts.get(key)), "")
    return PngInfoAnswer(info=info, items={key: text for key, text in texts.items() if text != info}, parameters=_fields(info))


def _decoded(image: str) -> bytes:
    begin = head.end() if (head := _HEAD.match(image)) else 0
    try:
        return unpacked(image, begin)
    except ValueError:
        raise InvalidInput("This is not base64.", field="image") from None


def _fields(info: str) -> dict[str, Any]:
    """As A1111 reads them: the prompts beside the fields, and a size in two."""
    if not info:
        return {}
    said = infotext.parse(info)
    size = infotext.size(said.fields.get("Size", ""))
    sides = {"Size-1": size[0], "Size-2": size[1]} if size else {}
    return {"Prompt": said.prompt, "Negative prompt": said.negative_prompt, **said.fields, **sides}
