"""What a picture's file says about how it was made, in the forms in which tools look for it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from engines import infotext
from engines.contract import Capability, Lora, Size
from gateway import __version__
from gateway.storage.xmp import SourceType


class Description(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one picture came to be. Nothing here says who asked for it, or when: the same again gives the same file."""

    capability: Capability
    model: str
    engine: str
    prompt: str
    negative_prompt: str = ""
    revision: str = ""
    """The model's: hash of its entry and its engine's table."""
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    seed: int | None = None
    loras: tuple[Lora, ...] = ()
    made: Size | None = None
    """What the engine made, where the picture was scaled or cropped afterwards."""
    upscaler: str | None = None
    """What scaled it."""
    changes_real_picture: bool = False
    """A picture that no machine is known to have made was the source."""
    parameters: dict[str, Any] = {}
    """What the engine did that the request does not say."""

    @property
    def source_type(self) -> SourceType:
        return source_type(self.capability, changes_real_picture=self.changes_real_picture)


def source_type(capability: Capability, *, changes_real_picture: bool) -> SourceType:
    """What a picture declares of itself that was made so."""
    if not changes_real_picture:
        return "trainedAlgorithmicMedia"
    return "algorithmicallyEnhanced" if capability == "upscale" else "compositeWithTrainedAlgorithmicMedia"


def parameters_text(about: Description, final: Size) -> str:
    """The A1111 family's `parameters`; `final` is the picture's own size."""
    made = about.made or final
    scaled = made != final
    loras = "".join(f" <lora:{lora.name}:{lora.weight:g}>" for lora in about.loras)
    fields = {
        "Steps": about.steps,
        "Sampler": about.sampler,
        "CFG scale": about.guidance_scale,
        "Seed": about.seed,
        "Size": f"{made.width}x{made.height}",
        "Model": about.model,
        "Denoising strength": about.strength,
        "Postprocess upscale to": f"{final.width}x{final.height}" if scaled else None,
        "Postprocess upscaler": about.upscaler if scaled else None,
        "Version": f"Darkroom {__version__}",
    }
    return infotext.write(about.prompt + loras, about.negative_prompt, fields)


def darkroom_json(about: Description, final: Size) -> str:
    """Our own chunk `darkroom`: everything, exactly; what was left at its default is left out."""
    said = msgspec.to_builtins(about, enc_hook=str)
    now = {"version": __version__, "made": msgspec.to_builtins(about.made or final), "size": msgspec.to_builtins(final)}
    return json.dumps({**said, **now}, ensure_ascii=False, separators=(",", ":"))
