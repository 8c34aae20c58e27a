"""Pictures between the contract's uint8 arrays, PIL (what pipelines take) and float tensors (what they give)."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from engines.contract import Pixels, Size


def picture(pixels: Pixels) -> Image.Image:
    """As RGB; what is transparent is white."""
    image = Image.fromarray(pixels)
    if image.mode != "RGBA":
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image).convert("RGB")


def mask(pixels: Pixels) -> Image.Image:
    """diffusers repaints where it is white, as the contract does."""
    return Image.fromarray(pixels).convert("L")


def finished(images: torch.Tensor) -> list[Pixels | None]:
    """Floats of (n, channels, height, width) from 0 to 1, as pipelines give them, to one array each; None: no numbers.

    Rounded as diffusers' own numpy_to_pil does, but on the device, so that a quarter of the bytes is copied.
    """
    floats = images.float()
    broken = floats.isnan().flatten(1).any(1).tolist()
    whole = (floats.nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8)
    rows = whole.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return [None if bad else row.copy() for row, bad in zip(rows, broken, strict=True)]


def fitted(pixels: Pixels, size: Size) -> Pixels:
    """To the size that was asked for: a few pipelines choose one of their own. Scaled to cover, then cropped."""
    height, width = pixels.shape[:2]
    if (width, height) == (size.width, size.height):
        return pixels
    scale = max(size.width / width, size.height / height)
    wide, high = max(size.width, round(width * scale)), max(size.height, round(height * scale))
    left, top = (wide - size.width) // 2, (high - size.height) // 2
    image = Image.fromarray(pixels).resize((wide, high), Image.Resampling.LANCZOS)
    return np.array(image.crop((left, top, left + size.width, top + size.height)))


def kept(made: Pixels, source: Pixels, where: Pixels) -> Pixels:
    """The source itself where the mask is black: latents cannot say what lies outside of it without a loss."""
    weight = np.asarray(mask(where), np.uint16)[..., None]
    before = np.asarray(picture(source), np.uint16)
    mixed = (made[..., :3].astype(np.uint16) * weight + before * (255 - weight) + 127) // 255
    return mixed.astype(np.uint8)
