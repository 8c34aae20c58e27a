"""A request that leaves its model to us: what it said itself, so that another model can be given the same."""

from __future__ import annotations

from msgspec import Struct


class Said(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What depends on the model where nobody says it; the fields are those of `jobs.request.Submission`."""

    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    ratio: float | None = None
    megapixels: float | None = None
    steps: int | None = None
    work: float | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    seed: int | None = None


class MovedFrom(Struct, frozen=True, kw_only=True):
    """A model that a job was with before, and why it is not any more."""

    model: str
    code: str
    message: str
    at: int
    """Microseconds since the epoch."""
