"""A request of the contract -> the arguments of the SDK. Pure; with pictures it blocks: in a thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.contract import ImageRequest, Picture, Pixels, Size
from engines.http import png
from engines.openai.cards import Known
from engines.openai.options import ModelOptions

PAINTED = 128
"""Of 255: from here on a mask's pixel is painted anew. Only pixels without any alpha are edited, so there is no in-between."""


def is_edit(request: ImageRequest) -> bool:
    return request.source is not None or bool(request.references)


def arguments(
    source: str,
    request: ImageRequest,
    pictures: tuple[Picture, ...],
    size: Size,
    found: Known,
    own: ModelOptions,
    *,
    partial: int,
) -> dict[str, Any]:
    """For `images.generate` or `images.edit`; `partial` is how many previews are streamed, 0 for no stream at all."""
    asked: dict[str, Any] = {"model": source, "prompt": request.prompt, "n": len(pictures)}
    asked["size"] = f"{size.width}x{size.height}"
    if found.kind == "gpt-image":
        asked |= _gpt_image(request, own)
    elif found.kind == "dall-e":
        asked |= {"response_format": "b64_json", **_given(request, own, "quality", "style")}
    else:
        asked |= {"response_format": "b64_json", **_given(request, own, "quality", "background", "output_format", "style")}
    if partial:
        asked |= {"stream": True, "partial_images": partial}
    if is_edit(request):
        asked |= _pictures(request)
    extra = own.extra_body | _parameters(request, pictures, own)
    return asked | ({"extra_body": extra} if extra else {})


def mask_png(mask: Pixels) -> bytes:
    """Ours is white where it is painted anew; theirs is transparent there."""
    alpha = np.where(mask >= PAINTED, 0, 255).astype(np.uint8)
    rgba = np.zeros((*mask.shape, 4), np.uint8)
    rgba[..., 3] = alpha
    return png(rgba)


def _gpt_image(request: ImageRequest, own: ModelOptions) -> dict[str, Any]:
    asked = _given(request, own, "quality", "background", "output_format")
    if own.output_compression is not None:
        asked["output_compression"] = own.output_compression
    if is_edit(request):
        return asked | _given(request, own, "input_fidelity")
    return asked | _given(request, own, "moderation")


def _given(request: ImageRequest, own: ModelOptions, *keys: str) -> dict[str, Any]:
    """What the caller chose, else what the entry says."""
    return {key: value for key in keys if (value := request.choices.get(key) or getattr(own, key))}


def _pictures(request: ImageRequest) -> dict[str, Any]:
    every = [*(() if request.source is None else (request.source,)), *request.references]
    files = [(f"image-{at}.png", png(pixels), "image/png") for at, pixels in enumerate(every)]
    sent: dict[str, Any] = {"image": files if len(files) > 1 else files[0]}
    if request.mask is not None:
        sent["mask"] = ("mask.png", mask_png(request.mask), "image/png")
    return sent


def _parameters(request: ImageRequest, pictures: tuple[Picture, ...], own: ModelOptions) -> dict[str, Any]:
    """What other servers take beyond OpenAI's own parameters, by the names that the entry says."""
    values: dict[str, Any] = {
        "seed": pictures[0].seed,
        "steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "negative_prompt": request.negative_prompt or None,
        "strength": request.strength if request.source is not None else None,
    }
    return {name: values[field] for field, name in own.parameters.items() if values[field] is not None}
