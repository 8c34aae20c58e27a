"""What differs between families of models, as data: names and meanings of arguments, sizes, samplers, defaults.

diffusers' call signatures mislead (a distilled model still says 50 steps), so what counts is written here, per pipeline
class as `model_index.json` names it. The table itself is in the package; a test holds it against the installed diffusers.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from engines.contract import Capability, Size, Span

Half = Literal["bfloat16", "float16"]


class Mode(Struct, frozen=True, kw_only=True):
    """How one capability is called."""

    pipeline: str
    """The diffusers class; another one than the model's own is made by `from_pipe`, sharing the weights."""
    source: str | None = None
    """The argument that takes the picture that is changed."""
    mask: str | None = None
    strength: bool = False
    """It takes `strength`: how much of the source is made anew."""
    references: str | None = None
    """The argument that takes the pictures that are looked at; where it is `source` too, the source goes first."""
    area: str | None = None
    """An argument that must be told width x height, because the pipeline else makes pictures of an area of its own."""
    call: dict[str, Any] = {}


class Guidance(Struct, frozen=True, kw_only=True):
    """How strongly the prompt steers, in the numbers that the model's maker uses."""

    argument: str = "guidance_scale"
    kind: Literal["argument", "guider", "schedule"] = "argument"
    """`guider`: no argument but a component with a scale. `schedule`: one number per step, the last ones fixed."""
    span: Span
    off: float = 1.0
    """At this value and below no second pass is made and a negative prompt has no effect. Usual is w of uncond + w (cond -
    uncond), off at 1; Krea 2 and Z-Image compute cond + g (cond - uncond), off at 0."""
    filler: str | None = None
    """A negative prompt to hand over where none is given: without one the pipeline would ignore the guidance."""
    embedded: bool = False
    """An input of the network (FLUX.1): no second pass, and nothing at all where its weights were distilled without it."""


class Family(Struct, frozen=True, kw_only=True):
    title: str
    modes: dict[Capability, Mode]
    steps: Span
    guidance: Guidance | None = None
    negative_prompt: bool = False
    strength: Span | None = None
    """On the card only where every mode with a source takes it."""
    samplers: tuple[str, ...] = ()
    """What its pipelines can drive; the model's own scheduler is always among them or else none can be chosen."""
    flow: bool = True
    """Flow matching, not noise over a table of betas: which half of `engines.samplers` holds."""
    multiple: int = 16
    native: tuple[Size, ...] = ()
    """Empty: one square, as large as the denoiser's configuration says, and its 2:3 and 3:2."""
    smallest: Size = Size(256, 256)
    largest: Size = Size(2048, 2048)
    references: int = 0
    max_batch: int = 1
    """More than 1 only where prompts are padded to one length, so that the mates of a batch do not change the picture."""
    half: Half = "bfloat16"
    """Half precision for weights that are saved in float32."""
    latents: Literal["plain", "packed"] | None = None
    """How the latents of a step lie, for previews; None: no previews."""
    call: dict[str, Any] = {}
    """Arguments of every call."""
    modular: bool = False
    """A ModularPipeline (modular_model_index.json): arguments are inputs of its blocks."""
    distilled_steps: int | None = None
    """Steps when model_index.json says `is_distilled`; such weights have no guidance and no negative prompt."""

    def arguments(self, capability: Capability) -> set[str]:
        """Every argument that a call of this mode may be given, but `call` of the model's entry."""
        mode = self.modes[capability]
        named = {mode.source, mode.mask, mode.references, mode.area, *self.call, *mode.call}
        named |= {"strength"} if mode.strength else set()
        named |= {"negative_prompt"} if self.negative_prompt else set()
        if self.guidance and self.guidance.kind != "guider":
            named.add(self.guidance.argument)
        return {"prompt", "num_inference_steps", "generator", "output_type", *(name for name in named if name)}
