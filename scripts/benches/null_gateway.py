"""`darkroom serve` with one engine more, `null`, that hands over one picture that was encoded beforehand."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from engines.contract import Batch, Done, Event, ImageReady, LocalEngine, ModelCard, ModelSpec, Size
from gateway.registry import Registry

MODELS = """
[engines.null]
plugin = "null"

[[models]]
id = "null"
engine = "null"
source = "null"
"""


class NullEngine(LocalEngine):
    """No work at all, so that what is left is the gateway's own."""

    async def card(self, model: ModelSpec) -> ModelCard:
        return ModelCard(capabilities=("text_to_image",), native_sizes=(Size(128, 128),))

    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        for request in batch.requests:
            for picture in request.pictures:
                emit(ImageReady(request=request.id, ordinal=picture.ordinal, seed=picture.seed, encoded=PICTURE))
            emit(Done(request.id))


def _picture() -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 255, (128, 128, 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


PICTURE = _picture()

if __name__ == "__main__":
    from gateway.cli import main

    Registry.discover = classmethod(lambda cls: cls({"null": NullEngine}))  # type: ignore[method-assign]
    main(["serve"])
