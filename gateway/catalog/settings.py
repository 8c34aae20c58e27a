"""`[settings.*]` of models.toml: every setting with its default, its bounds and what it is for."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MEBIBYTE = 1 << 20
Days = Annotated[int, Meta(ge=1, le=3650)]
Bytes = Annotated[int, Meta(ge=1024, le=1 << 40)]
Pixels = Annotated[int, Meta(ge=4096, le=1 << 30)]


class Urls(Struct, frozen=True, kw_only=True):
    lifetime_days: Days = 7
    """How long a signed URL opens; the end is rounded up to the day, so that caches can keep what it shows."""


class Jobs(Struct, frozen=True, kw_only=True):
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    """How often a job may fail for reasons that are not its own before it fails for good."""


class Limits(Struct, frozen=True, kw_only=True):
    max_body_bytes: Bytes = 64 * MEBIBYTE
    """The largest request; larger ones get 413."""
    max_pixels: Pixels = 20_000_000
    """The largest picture that is delivered, width times height; a little above 4096 x 4096."""


class Marking(Struct, frozen=True, kw_only=True):
    enabled: bool = True
    """Whether every picture says, for machines to read, that a machine made it."""


class Logging(Struct, frozen=True, kw_only=True):
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line for a collector."""


class Settings(Struct, frozen=True, kw_only=True):
    """The operator's settings, one table of the file for each field."""

    urls: Urls = Urls()
    jobs: Jobs = Jobs()
    limits: Limits = Limits()
    marking: Marking = Marking()
    logging: Logging = Logging()
