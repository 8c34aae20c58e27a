"""What an operator may write for this engine: the `[engines.<name>]` table, and its own keys of a `[[models]]` entry."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Dtype = Literal["auto", "bfloat16", "float16", "float32"]
Offload = Literal["none", "model", "sequential", "group"]


class Options(Struct, forbid_unknown_fields=True, frozen=True):
    """The `[engines.<name>]` table."""

    cache: str | None = None
    """Folder of the Hugging Face cache; not given: Hugging Face's own place."""
    offline: bool = False
    """True: models by hub id are taken from the cache only and never downloaded."""
    threads: int | None = None
    """CPU threads of torch; not given: torch decides (one per core)."""


class ModelOptions(Struct, forbid_unknown_fields=True, frozen=True):
    """This engine's keys of a `[[models]]` entry."""

    dtype: Dtype = "auto"
    """Of the weights on the device. `auto`: float32 on a CPU, else half precision, of the kind the weights are saved in."""
    offload: Offload = "none"
    """CUDA only. `model`: one component on the device at a time (needs the largest; little slower). `group`: blocks are
    streamed in ahead of their use (needs twice the weights in RAM). `sequential`: leaf by leaf (smallest and slowest)."""
    attention_slicing: bool = False
    """Attention in slices: less memory, slower; of use on devices without fused attention only."""
    vae_slicing: bool = False
    """The pictures of a batch are decoded one by one: less memory at n > 1, the same time."""
    vae_tiling: bool = False
    """Large pictures are decoded in overlapping tiles: far less memory, a little slower, faint seams are possible."""
    compile: bool = False
    """torch.compile of the denoiser's repeated blocks: faster steps, some ten seconds more before the first picture."""
    channels_last: bool = False
    """Memory layout that suits convolutions (SD 1.5, SDXL) on recent GPUs."""
    variant: str | None = None
    """Weights saved under a variant's name, such as `fp16` (`diffusion_pytorch_model.fp16.safetensors`)."""
    hub_revision: str | None = None
    """Branch, tag or commit of a hub id; a commit pins the weights."""
    family: str | None = None
    """The pipeline class whose ways the model follows, for a hub id not yet downloaded or a class not known here."""
    max_batch: int | None = None
    """Pictures per forward pass; not given: the family's own."""
    without: tuple[str, ...] = ()
    """Components that are not loaded (`text_encoder_3`, `safety_checker`, `pe`), where the pipeline can do without."""
    call: dict[str, bool | int | float | str] = {}
    """Further arguments of every call of the pipeline, as diffusers documents them (`clip_skip`, `max_sequence_length`)."""
    allow_pickle: bool = False
    """Load weights that are saved as Python pickles (.bin, .ckpt). A pickle can run any code: only from who you trust."""
    trust_remote_code: bool = False
    """Run Python code that comes with the model. Only from who you trust as much as this program itself."""


SET_BY_HTTP = frozenset({"dtype", "offload", "attention_slicing", "vae_slicing", "vae_tiling", "compile", "channels_last"}) | {
    "variant", "hub_revision", "max_batch", "without",
}  # fmt: skip
"""Memory and speed, and which files of a model; not what lets a model bring code along, nor `family` and `call`."""
