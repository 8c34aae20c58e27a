"""An engine that does nothing: one picture, encoded long before, is handed over at once.

It enters as any plugin, by an entry point; `install` writes one into a folder for PYTHONPATH.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from engines.contract import Batch, Done, Event, ImageReady, LocalEngine, ModelCard, ModelSpec, Size

SIDE = 512
"""Pixels: the usual size of a first Stable Diffusion, and the smallest default of the surfaces."""
MODELS = """
[engines.null]
plugin = "null"

[[models]]
id = "null"
engine = "null"
source = "null"
"""


@cache
def picture() -> bytes:
    """A PNG that is as hard to decode as a photograph: smooth, with a little noise."""
    ramp = np.linspace(0, 255, SIDE, dtype=np.float32)
    noise = np.random.default_rng(7).normal(0, 4, (SIDE, SIDE, 3))
    pixels = np.clip(
        np.stack([ramp[None, :] + 0 * ramp[:, None], ramp[:, None] + 0 * ramp, np.full((SIDE, SIDE), 128)], -1) + noise, 0, 255
    )
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def named(data: bytes, name: str) -> bytes:
    """The same PNG with a text chunk of its own, so that every job's bytes are new, as they are in life."""
    body = b"tEXt" + b"Title\0" + name.encode()
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return data[:-12] + chunk + data[-12:]  # the last chunk, IEND, has 12 bytes


class NullEngine(LocalEngine):
    """Its work costs microseconds, so what a job costs is the gateway's."""

    async def card(self, model: ModelSpec) -> ModelCard:
        size = Size(SIDE, SIDE)
        return ModelCard(capabilities=("text_to_image", "image_to_image", "inpaint"), native_sizes=(size,), max_size=size)

    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        for request in batch.requests:
            for each in request.pictures:
                data = named(picture(), f"{request.id}-{each.ordinal}")
                emit(ImageReady(request=request.id, ordinal=each.ordinal, seed=each.seed, encoded=data))
            emit(Done(request.id))


def install(folder: Path) -> Path:
    """Make `folder` a place from which the engine is found, when it and scripts/ are on PYTHONPATH."""
    about = folder / "darkroom_null-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: darkroom-null\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[darkroom.engines]\nnull = benches.null_engine:NullEngine\n")
    return folder
