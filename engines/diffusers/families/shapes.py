"""What many families have in common: modes, kinds of guidance, sets of samplers, native sizes."""

from __future__ import annotations

from typing import Any

from engines.contract import Size, Span
from engines.diffusers.families.family import Guidance, Mode

NOISE = ("Euler", "Euler Karras", "Euler Exponential", "Euler Beta")
"""Flow samplers that can start from a noised picture (`scale_noise`) and take the pipeline's own noise levels."""
LEVELS = (*NOISE, "UniPC")
"""For pipelines that start from noise only and hand over their own noise levels."""

STRENGTH = Span(0.01, 1.0, 0.75)


def _sizes(*pairs: tuple[int, int]) -> tuple[Size, ...]:
    return tuple(Size(width, height) for width, height in pairs)


MEGAPIXEL = _sizes(
    (1024, 1024), (1152, 896), (896, 1152), (1216, 832), (832, 1216), (1344, 768), (768, 1344), (1536, 640), (640, 1536)
)  # fmt: skip
"""SDXL's buckets (arXiv 2307.01952, appendix I), which suit every model of one megapixel."""
QWEN = _sizes((1328, 1328), (1664, 928), (928, 1664), (1472, 1104), (1104, 1472), (1584, 1056), (1056, 1584))


def made(pipeline: str, **more: Any) -> Mode:
    """From the prompt alone."""
    return Mode(pipeline=pipeline, **more)


def changed(pipeline: str) -> Mode:
    """From a noised picture."""
    return Mode(pipeline=pipeline, source="image", strength=True)


def repainted(pipeline: str, **more: Any) -> Mode:
    return Mode(pipeline=pipeline, source="image", mask="mask_image", **({"strength": True} | more))


def edited(pipeline: str, *, references: bool = False, **more: Any) -> Mode:
    """The picture is looked at and drawn anew, as the prompt says; there is no strength."""
    return Mode(pipeline=pipeline, source="image", references="image" if references else None, **more)


def looking(pipeline: str) -> Mode:
    """From the prompt, and from pictures if there are any."""
    return Mode(pipeline=pipeline, references="image")


def usual(default: float, high: float = 20.0) -> Guidance:
    """Classifier-free guidance as most compute it (arXiv 2207.12598)."""
    return Guidance(span=Span(0.0, high, default))


def true_cfg(default: float) -> Guidance:
    """Qwen's: ignored unless a negative prompt is given; its makers give a blank."""
    return Guidance(argument="true_cfg_scale", span=Span(0.0, 20.0, default), filler=" ")


def embedded(default: float, high: float = 50.0) -> Guidance:
    return Guidance(span=Span(0.0, high, default), embedded=True)
