"""What was asked (`Submission`), and what it means for the chosen model (`Resolved`); between them is `jobs.resolving`."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from engines.contract import Capability, Lora, Size
from gateway.catalog import Quality, Resolution
from gateway.jobs.open_model import MovedFrom, Said
from gateway.presets.presets import Used

OutputFormat = Literal["png", "webp", "jpeg"]


class InputPicture(Struct, frozen=True, kw_only=True):
    """A kept picture that a job works on; `width` and `height` are those of the upright picture."""

    blob: str
    width: int
    height: int
    image: str | None = None
    """The image's id."""


class Idempotency(Struct, frozen=True):
    """How a client names a request that it may send again; see `jobs.idempotency`."""

    key: str
    """The client's own word for it."""
    fingerprint: str
    """A hash of all that was asked."""


class Hires(Struct, frozen=True, kw_only=True):
    """A second, larger pass over what the first one made; no card offers one yet, so it is always refused by name."""

    scale: float | None = None
    """Of both sides, where no size is given."""
    width: int | None = None
    height: int | None = None
    upscaler: str | None = None
    """What enlarges between the passes."""
    steps: int | None = None
    strength: float | None = None
    guidance_scale: float | None = None
    model: str | None = None
    sampler: str | None = None
    prompt: str = ""
    negative_prompt: str = ""


class Submission(Struct, frozen=True, kw_only=True):
    """One request for pictures, in the domain's words; None means that the caller left it to us."""

    surface: str
    capability: Capability
    prompt: str
    model: str | None = None
    """As it was asked for. None or `auto` leaves it to us: then another may step in, see `jobs.moving`."""
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    ratio: float | None = None
    """Width over height, where no size was given."""
    megapixels: float | None = None
    """How large, where no size was given."""
    quality: Quality | None = None
    """What the surface calls the grade of the picture, for its price: `standard` or `hd`; None: as its size is."""
    resolution: Resolution | None = None
    """The same: `low`, `standard`, `high` or `4k`."""
    n: int = 1
    steps: int | None = None
    work: float | None = None
    """How many times its own number of steps a model takes, where `steps` says nothing."""
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    seed: int | None = None
    source: InputPicture | None = None
    """The picture that is changed."""
    mask: InputPicture | None = None
    """Of the source's size; white is what shall be painted anew."""
    references: tuple[InputPicture, ...] = ()
    """Pictures that are looked at."""
    loras: tuple[Lora, ...] = ()
    hires: Hires | None = None
    output_format: OutputFormat = "png"
    output_compression: int | None = None
    """0 to 100, of WebP and JPEG: 100 is the best picture and the largest file; None: as we think best."""
    exact_format: bool = False
    """What an upstream encoded otherwise is encoded anew; else it is kept as it was delivered."""
    choices: dict[str, str] = {}
    """Of what the model's card lets the caller choose besides; see `engines.contract.ModelCard`."""
    bulk: bool = False
    retry_of: str | None = None
    webhook: str | None = None
    """An address to call when the job is finished."""
    idempotency: Idempotency | None = None
    preset: Used | None = None
    """What the prompt was rendered from."""
    user_prompt: str | None = None
    """What was asked beside the preset; None: `prompt` is all of it."""
    public: bool = False
    """Its pictures go to the public gallery."""
    title: str = ""
    """Of its pictures."""
    tags: tuple[str, ...] = ()
    """Of its pictures."""
    edit_session_id: str | None = None
    """What its pictures are one step of; see `jobs.edit_sessions`."""
    shown: dict[str, Any] = {}
    """What the surface wants to see again when it is asked about the job."""


class Resolved(Struct, frozen=True, kw_only=True):
    """A job's request as it is kept: nothing left open, so that it can be made again."""

    prompt: str
    make: Size
    """What the engine makes."""
    size: Size
    """What is delivered: `make`, scaled to cover and cropped in the middle."""
    negative_prompt: str = ""
    upscaler: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    seed: int | None = None
    """Of the first picture; picture i has seed + i."""
    source: InputPicture | None = None
    mask: InputPicture | None = None
    references: tuple[InputPicture, ...] = ()
    loras: tuple[Lora, ...] = ()
    output_format: OutputFormat = "png"
    output_compression: int | None = None
    exact_format: bool = False
    choices: dict[str, str] = {}
    quality: Quality | None = None
    resolution: Resolution | None = None
    preset: Used | None = None
    user_prompt: str | None = None
    public: bool = False
    title: str = ""
    tags: tuple[str, ...] = ()
    edit_session_id: str | None = None
    source_bytes: int | None = None
    """What each picture that was handed in may take as a PNG when the engine is given it; None: as much as it likes."""
    shown: dict[str, Any] = {}
    said: Said | None = None
    """None where the caller chose the model."""
    moved_from: tuple[MovedFrom, ...] = ()
    """The models that it was with before, the first one first."""

    @property
    def pictures(self) -> tuple[InputPicture, ...]:
        """All that were handed in, as they were handed in: the source first. The mask is none of them."""
        return self.references if self.source is None else (self.source, *self.references)

    def seed_of(self, ordinal: int) -> int | None:
        return None if self.seed is None else self.seed + ordinal
