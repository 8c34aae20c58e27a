"""Which tool wrote a file, and its reader."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, structs

from engines import infotext
from gateway.images.reading import a1111, comfyui, darkroom, invokeai, novelai, swarmui
from gateway.images.reading.recipe import Recipe
from gateway.images.reading.texts import texts_of

_DATES = ("DateTimeOriginal", "DateTime", "Creation Time")
_INFOTEXTS = ("parameters", "UserComment", "XPComment", "ImageDescription", "Comment")


class Found(Struct, frozen=True, kw_only=True):
    """What a file says."""

    recipe: Recipe | None = None
    """None: nothing that we can read says how it was made."""
    texts: dict[str, str] = {}
    """All texts that the file has, by their keywords, whoever wrote them: for whoever wants to keep them."""
    created_at: int | None = None
    """Microseconds since the epoch; None where the file has no date. One without a time zone is taken for UTC."""


def read(data: bytes) -> Found:
    """Read a PNG, JPEG or WebP file's texts; any other bytes have none."""
    texts = texts_of(data)
    recipe = from_texts(texts)
    return Found(recipe=recipe, texts=texts, created_at=(recipe and recipe.created_at) or _date(texts))


def from_texts(texts: Mapping[str, str]) -> Recipe | None:
    """The recipe in a file's texts, by their keywords: `parameters`, `prompt` and so on."""
    try:
        return _ours(texts) or _invokeai(texts) or _infotext(texts) or _comfyui(texts) or _novelai(texts) or _bare(texts)
    except RecursionError:  # JSON that is nested past what Python reads
        return None


def _ours(texts: Mapping[str, str]) -> Recipe | None:
    said = _object(texts.get("darkroom"))
    return darkroom.read(said) if said else None


def _invokeai(texts: Mapping[str, str]) -> Recipe | None:
    if said := _object(texts.get("invokeai_metadata")):
        return invokeai.read(said)
    if said := _object(texts.get("sd-metadata") or texts.get("Sd-metadata")):
        return invokeai.read_second(said)
    line = texts.get("Dream") or texts.get("dream")
    return invokeai.read_first(line) if line else None


def _infotext(texts: Mapping[str, str]) -> Recipe | None:
    """Of a text with fields, or SwarmUI's JSON; a photographer's comment is neither."""
    for key in _INFOTEXTS:
        said = texts.get(key, "")
        if swarmui.PARAMS in said and (found := _object(said)):
            return swarmui.read(found)
        if "Steps:" in said and infotext.parse(said).fields:
            return _with_hints(a1111.read(said), texts)
    return None


def _with_hints(recipe: Recipe, texts: Mapping[str, str]) -> Recipe:
    """Nodes of ComfyUI that write such a text do not say that they are of ComfyUI; the graph beside it does."""
    if recipe.software == "A1111" and "prompt" in texts:
        return structs.replace(recipe, software="ComfyUI")
    return recipe


def _comfyui(texts: Mapping[str, str]) -> Recipe | None:
    graph = _object(texts.get("prompt"))
    return comfyui.read(graph) if graph else None


def _novelai(texts: Mapping[str, str]) -> Recipe | None:
    said = _object(texts.get("Comment"))
    return novelai.read(said, texts) if said and novelai.is_it(said, texts) else None


def _bare(texts: Mapping[str, str]) -> Recipe | None:
    """A1111 writes a prompt without fields where it is told to leave them out."""
    said = texts.get("parameters", "")
    return a1111.read(said) if said.strip() and not said.lstrip().startswith(("{", "[")) else None


def _object(text: str | None) -> dict[str, Any] | None:
    """A JSON object that is not empty, and what is behind it passed over: EXIF pads. ComfyUI writes NaN, which Python reads."""
    said = (text or "").lstrip("\ufeff \t\r\n")
    if not said.startswith("{"):
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(said)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


def _date(texts: Mapping[str, str]) -> int | None:
    return next((moment for key in _DATES if (moment := _moment(texts.get(key, "")))), None)


def _moment(written: str) -> int | None:
    """EXIF writes a date's parts with colons (section 4.6.5), others as ISO 8601."""
    date, _, time = written[:40].strip("\0 ").partition(" ")
    said = f"{date.replace(':', '-')}T{time}" if time else date
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return None
    seconds = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    return seconds * 1_000_000 if seconds > 0 else None
