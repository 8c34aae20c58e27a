"""What has to be on the server before a prompt can run: pictures, and LoRAs by the names that it has for them."""

from __future__ import annotations

import asyncio
import difflib
import hashlib
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np

from engines import http
from engines.comfyui.filling import Lora, Uploaded
from engines.comfyui.mapping import IN_ALPHA
from engines.comfyui.server import Comfy
from engines.comfyui.workflows import Workflow
from engines.contract import ImageRequest, InvalidRequest, Pixels


async def upload(server: Comfy, request: ImageRequest, workflow: Workflow, kind: str) -> Uploaded:
    """Source, mask and references under names that are made of their bytes, so that the same picture is there once."""
    source, mask = request.source, request.mask
    if source is not None and mask is not None and workflow.mapping.inputs.mask == IN_ALPHA:
        source, mask = with_alpha(source, mask), None
    image = await _put(server, source, kind) if source is not None and workflow.maps("image") else None
    painted = await _put(server, _grey(mask), kind) if mask is not None and workflow.maps("mask") else None
    places = workflow.mapping.inputs.places("references")
    references = [await _put(server, each, kind) for each in request.references[: len(places)]]
    return Uploaded(image, painted, tuple(references))


async def loras(server: Comfy, request: ImageRequest) -> tuple[Lora, ...]:
    """Raises InvalidRequest for one that the server does not have."""
    if not request.loras:
        return ()
    there = await server.choices("LoraLoader", "lora_name")
    return tuple(Lora(_file(each.name, there, server.name), each.weight) for each in request.loras)


def with_alpha(source: Pixels, mask: Pixels) -> Pixels:
    """LoadImage takes what is transparent for what shall be painted anew."""
    return np.dstack([source[..., :3], 255 - mask])


async def _put(server: Comfy, pixels: Pixels, kind: str) -> str:
    data = await asyncio.to_thread(http.png, pixels)
    return await server.upload(f"{hashlib.sha256(data).hexdigest()[:32]}.png", data, kind)


def _grey(mask: Pixels) -> Pixels:
    return np.repeat(mask[..., None], 3, axis=2)


def _file(name: str, there: list[str], server: str) -> str:
    """The server's name for it: the whole, or without folder and ending, in whatever case."""
    if name in there:
        return name
    stems = {_stem(each): each for each in reversed(there)}
    if found := stems.get(_stem(name)):
        return found
    near = difflib.get_close_matches(_stem(name), list(stems), 3, 0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else f" It has {', '.join(sorted(stems)[:6]) or 'none'}."
    raise InvalidRequest(f'{server} has no LoRA "{name}".{hint}', "loras")


def _stem(name: str) -> str:
    file = PurePosixPath(PureWindowsPath(name).as_posix()).name
    return file.removesuffix(".safetensors").removesuffix(".pt").removesuffix(".ckpt").lower()
