"""An engine that paints boards: no weights, no network, and every feature of the contract that a small one needs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct

from engines.contract import (
    Batch,
    Done,
    Event,
    Footprint,
    ImageReady,
    ImageRequest,
    LocalEngine,
    ModelCard,
    ModelSpec,
    ModelUnusable,
    Progress,
    Size,
    Span,
)

LIGHTS = {"white": (255, 255, 255), "ivory": (255, 250, 230)}
BOARDS = {"8x8": 8, "10x10": 10, "12x12": 12}


class Options(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The `[engines.checkers]` table."""

    field: int = 8
    """The least that a field of a board measures, in pixels."""


class ModelOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    light: Literal["white", "ivory"] = "white"


class CheckersEngine(LocalEngine):
    Options = Options
    ModelOptions = ModelOptions
    set_by_http = frozenset({"light"})

    async def discover(self) -> Sequence[ModelSpec]:
        return [ModelSpec(id=f"board-{source}", source=source, options=ModelOptions()) for source in BOARDS]

    async def card(self, model: ModelSpec) -> ModelCard:
        least = _fields(model) * self.options.field
        return ModelCard(
            capabilities=("text_to_image",),
            min_size=Size(least, least),
            max_size=Size(1024, 1024),
            size_multiple=1,
            native_sizes=(Size(least, least), Size(2 * least, least)),
            steps=Span(1, 20, 2),
            max_batch=2,
        )

    def load(self, model: ModelSpec, device: str) -> Footprint:
        return Footprint(bytes=_fields(model) ** 2)

    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        for request in batch.requests:
            for step in range(request.steps or 1):
                if batch.canceled(request.id):
                    break
                emit(Progress(request.id, step + 1, request.steps or 1))
            else:
                for picture in request.pictures:
                    pixels = _board(batch.model, request, picture.seed)
                    emit(ImageReady(request=request.id, ordinal=picture.ordinal, seed=picture.seed, pixels=pixels))
                emit(Done(request.id))


def _fields(model: ModelSpec) -> int:
    if model.source not in BOARDS:
        raise ModelUnusable(f"There is no board {model.source}; there are {', '.join(BOARDS)}.")
    return BOARDS[model.source]


def _board(model: ModelSpec, request: ImageRequest, seed: int | None) -> np.ndarray:
    fields = _fields(model)
    rows = np.arange(request.height) * fields // request.height
    columns = np.arange(request.width) * fields // request.width
    dark = (rows[:, None] + columns[None, :]) % 2 == 1
    drawn = zlib.crc32(f"{request.prompt}/{seed}".encode())
    light = LIGHTS[(model.options or ModelOptions()).light]
    ink = tuple(drawn >> shift & 127 for shift in (0, 8, 16))
    return np.where(dark[..., None], ink, light).astype(np.uint8)
