"""Requests for the dot model and what came of them; copies of it and how they load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from engines.contract import ImageReady, ImageRequest, ModelSpec, Picture, Pixels
from engines.diffusers.engine import DiffusersEngine
from engines.diffusers.options import ModelOptions, Options
from engines.suite import SuiteBatch

STEPS = 3
RAMP = np.dstack([np.tile(np.linspace(0, 255, 32, dtype=np.uint8), (32, 1))] * 3)
LEFT = np.pad(np.full((32, 16), 255, np.uint8), ((0, 0), (0, 16)))


def asked(name: str = "r", seeds: tuple[int | None, ...] = (1,), **changes: Any) -> ImageRequest:
    pictures = tuple(Picture(ordinal, seed) for ordinal, seed in enumerate(seeds))
    request = ImageRequest(
        id=name, model="dot", capability="text_to_image", prompt="a dot", pictures=pictures, width=32, height=32, steps=STEPS
    )
    return replace(request, **changes)


def changed(name: str = "r", **changes: Any) -> ImageRequest:
    return asked(name, **({"capability": "image_to_image", "source": RAMP, "strength": 0.7} | changes))


def painted(name: str = "r", **changes: Any) -> ImageRequest:
    return asked(name, **({"capability": "inpaint", "source": RAMP, "mask": LEFT, "strength": 1.0} | changes))


def events(engine: DiffusersEngine, *requests: ImageRequest, **batch: Any) -> list[Any]:
    seen: list[Any] = []
    engine.run(SuiteBatch(list(requests), **batch), "cpu", seen.append)
    return seen


def ready(seen: list[Any], request: str = "r") -> list[ImageReady]:
    return [event for event in seen if isinstance(event, ImageReady) and event.request == request]


def made(engine: DiffusersEngine, request: ImageRequest) -> Pixels:
    (event,) = ready(events(engine, request), request.id)
    assert event.pixels is not None
    return event.pixels


def apart(one: Pixels, other: Pixels) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def spec(folder: Path | str, **options: Any) -> ModelSpec:
    return ModelSpec(id="copy", source=str(folder), options=ModelOptions(**options))


def load(folder: Path | str, engine_options: Options | None = None, **options: Any) -> DiffusersEngine:
    engine = DiffusersEngine("diffusers", engine_options or Options())
    engine.load(spec(folder, **options), "cpu")
    return engine
