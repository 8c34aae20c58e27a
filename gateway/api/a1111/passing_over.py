"""What a call on the A1111 surface brought that changes nothing, by name: X-Darkroom-Ignored tells of it. Pure."""

from __future__ import annotations

from gateway.api.a1111.asked import Img2Img, Processing
from gateway.api.a1111.bodies import as_header
from gateway.images.reading import a1111
from gateway.images.reading.recipe import Recipe


def passed_over(asked: Processing, model: str | None) -> tuple[str, ...]:
    """What only A1111 itself has a use for, where it was meant."""
    told = []
    if isinstance(asked, Img2Img) and asked.mask and asked.inpaint_full_res is not False and asked.inpaint_full_res_padding:
        told.append("inpaint_full_res_padding")
    if asked.infotext:
        told += _of_infotext(a1111.read(asked.infotext), model)
    return tuple(told)


def _of_infotext(said: Recipe, model: str | None) -> list[str]:
    """Names of what an infotext has beside what is taken from it."""
    known = {
        "Model": said.model.name if model is None else "",
        "VAE": said.vae,
        "Clip skip": (said.clip_skip or 1) > 1,
    }
    return [f"infotext.{as_header(name)}" for name in (*(name for name, value in known.items() if value), *said.more)]
