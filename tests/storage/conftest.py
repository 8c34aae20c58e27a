from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engines.contract import Pixels
from gateway.storage.metadata import Description

Saved = Callable[..., bytes]


@pytest.fixture(scope="session")
def photo() -> Pixels:
    """256 x 192 pixels with the smooth shapes and the grain of a photograph; never the same twice in a row."""
    random = np.random.default_rng(7)
    coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((256, 192), Image.Resampling.BICUBIC)
    grain = random.normal(0, 4, (192, 256, 3))
    return np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def drawing() -> Pixels:
    """Few flat colors and hard edges."""
    image = Image.new("RGB", (256, 192), (20, 30, 200))
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 40, 150, 150), fill=(240, 30, 20))
    draw.rectangle((120, 100, 230, 180), fill=(250, 220, 0))
    return np.asarray(image)


@pytest.fixture(scope="session")
def saved() -> Saved:
    """Pillow's encoder, as someone else's."""

    def save(pixels: Pixels | Image.Image, form: str, **options: object) -> bytes:
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        out = io.BytesIO()
        image.save(out, form, **options)
        return out.getvalue()

    return save


@pytest.fixture
def about() -> Description:
    return Description(
        capability="text_to_image",
        model="shapes",
        engine="local",
        prompt="a red circle\non blue",
        negative_prompt="blurry",
        revision="abc",
        steps=20,
        guidance_scale=7.0,
        sampler="Euler a",
        seed=7,
    )
