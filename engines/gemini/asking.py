"""A request of the contract -> what is sent. With pictures it blocks: in a thread."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from engines.contract import ImageRequest, InvalidRequest, Pixels
from engines.gemini.cards import Shape
from engines.gemini.options import ModelOptions
from engines.http import png

MOST_BYTES = 14_000_000
"""Of all pictures of a request together: a request may have 20 MB, and base64 takes a third more."""
QUALITY = 95


def content(request: ImageRequest, shape: Shape, own: ModelOptions, several_sizes: bool) -> dict[str, Any]:
    """The arguments of the SDK's `generate_content`. Raises InvalidRequest for pictures that are too large together."""
    from google.genai import types

    parts: list[Any] = [types.Part.from_text(text=request.prompt)]
    parts += [types.Part.from_bytes(data=data, mime_type=kind) for data, kind in packed(seen(request))]
    image = types.ImageConfig(
        aspect_ratio=shape.ratio,
        image_size=shape.image_size if several_sizes else None,
        person_generation=own.person_generation or None,
    )
    safety = [
        types.SafetySetting(category=types.HarmCategory(category), threshold=types.HarmBlockThreshold(threshold))
        for category, threshold in own.safety.items()
    ]
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        image_config=image,
        safety_settings=safety or None,
        http_options=types.HttpOptions(extra_body=own.extra_body) if own.extra_body else None,
    )
    return {"contents": [types.Content(role="user", parts=parts)], "config": config}


def prediction(request: ImageRequest, shape: Shape, own: ModelOptions, several_sizes: bool, count: int) -> dict[str, Any]:
    """The body of `predict`."""
    parameters: dict[str, Any] = {"sampleCount": count, "aspectRatio": shape.ratio, "includeRaiReason": True}
    if several_sizes:
        parameters["sampleImageSize"] = shape.image_size
    if own.person_generation:
        parameters["personGeneration"] = own.person_generation
    return {"instances": [{"prompt": request.prompt}], "parameters": parameters | own.extra_body}


def seen(request: ImageRequest) -> tuple[Pixels, ...]:
    return (*(() if request.source is None else (request.source,)), *request.references)


def packed(pictures: tuple[Pixels, ...]) -> list[tuple[bytes, str]]:
    """Without loss where they fit, else as JPEG, the largest first."""
    files = [(png(pixels), "image/png") for pixels in pictures]
    for at in sorted(range(len(files)), key=lambda at: -len(files[at][0])):
        if sum(len(data) for data, _ in files) <= MOST_BYTES:
            break
        files[at] = _jpeg(pictures[at]), "image/jpeg"
    if (total := sum(len(data) for data, _ in files)) > MOST_BYTES:
        told = f"These pictures have {total} bytes together; {MOST_BYTES} are taken. Hand in fewer, or smaller ones."
        raise InvalidRequest(told, "references")
    return files


def _jpeg(pixels: Pixels) -> bytes:
    kept = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    image.save(kept, "JPEG", quality=QUALITY, subsampling=0)
    return kept.getvalue()
