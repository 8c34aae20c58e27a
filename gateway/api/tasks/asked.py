"""What the Tasks surface takes, and what it means in the domain's words."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from engines.contract import Lora
from gateway.accounts import Principal
from gateway.catalog import ModelEntry
from gateway.errors import InvalidInput
from gateway.jobs.request import OutputFormat, Submission

Quality = Literal["standard", "hd"]
Ratio = Literal["auto", "1:1", "16:9", "9:16", "4:3", "3:4", "2:1"]
Priority = Literal["interactive", "bulk"]
LARGEST_SEED = 2**53 - 1
PixelSize = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$", description="width and height in pixels, such as 1024x768")
]

STANDARD_MEGAPIXELS = 1.0


class LoraChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """A LoRA by its name; `weight` 0 is without it, 1 with all of it."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    weight: Annotated[float, Meta(ge=-10, le=10)] = 1.0


class Generation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures from a prompt. What is left out, or null, is the model's own default."""

    elsewhere: ClassVar[dict[str, str]] = {
        "strength": "it says how much of a source picture is made anew, and here is none; leave it out.",
        "mask": "it marks a part of a source picture, and here is none; leave it out.",
        "image": "this makes pictures from a prompt alone; leave it out.",
        "webhook": "this gateway calls none yet; poll /v1/tasks/{task_id}, or listen to its /events.",
    }

    prompt: Annotated[str, Meta(min_length=1, max_length=100_000)]
    model: Annotated[str, Meta(min_length=1, max_length=200)] = "auto"
    """A model's id or alias, or "auto" for the best one that is available."""
    quality: Quality | None = None
    """`standard` is about 1 megapixel and `hd` 4, unless the model says otherwise; hd needs an aspect_ratio."""
    aspect_ratio: Ratio | None = None
    """Width to height; "auto" is the model's own."""
    size: PixelSize | None = None
    """Instead of quality and aspect_ratio."""
    n: Annotated[int, Meta(ge=1, le=4)] = 1
    steps: Annotated[int, Meta(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    sampler: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED)] | None = None
    """Of the first picture; each further one has one more. Drawn where it is left out."""
    negative_prompt: Annotated[str, Meta(max_length=100_000)] = ""
    output_format: OutputFormat = "png"
    priority: Priority | None = None
    """Bulk jobs run when no interactive one waits. Else the X-Darkroom-Priority header, else what the key says."""
    loras: Annotated[tuple[LoraChoice, ...], Meta(max_length=32)] = ()


def submission(asked: Generation, entry: ModelEntry, principal: Principal, header: Priority | None) -> Submission:
    """In the domain's words. Raises InvalidInput for fields that exclude each other."""
    width, height = _sides(asked)
    priority = asked.priority or header
    return Submission(
        surface="tasks",
        capability="text_to_image",
        prompt=asked.prompt,
        model=asked.model,
        negative_prompt=asked.negative_prompt,
        width=width,
        height=height,
        ratio=_ratio(asked),
        megapixels=_megapixels(asked, entry),
        n=asked.n,
        steps=asked.steps,
        guidance_scale=asked.guidance_scale,
        sampler=asked.sampler,
        seed=asked.seed,
        loras=tuple(Lora(each.name, each.weight) for each in asked.loras),
        output_format=asked.output_format,
        bulk=principal.bulk if priority is None else priority == "bulk",
        shown={"quality": asked.quality or "standard", "aspect_ratio": asked.aspect_ratio or "auto"},
    )


def _sides(asked: Generation) -> tuple[int | None, int | None]:
    if asked.size is None:
        if asked.quality == "hd" and asked.aspect_ratio in (None, "auto"):
            raise InvalidInput("hd needs an aspect_ratio, such as 1:1; auto goes with standard only.", field="aspect_ratio")
        return None, None
    for field in ("quality", "aspect_ratio"):
        if getattr(asked, field) is not None:
            raise InvalidInput(f"size says it all; leave {field} out, or size.", field=field)
    width, _, height = asked.size.partition("x")
    return int(width), int(height)


def _ratio(asked: Generation) -> float | None:
    if asked.aspect_ratio in (None, "auto"):
        return None
    width, _, height = str(asked.aspect_ratio).partition(":")
    return int(width) / int(height)


def _megapixels(asked: Generation, entry: ModelEntry) -> float | None:
    """None where a size is given, and where nothing is said about it by anyone: then it is the model's own."""
    if asked.size is not None:
        return None
    if asked.quality == "hd":
        return entry.megapixels.hd
    said = asked.quality is not None or asked.aspect_ratio not in (None, "auto")
    return entry.megapixels.standard or (STANDARD_MEGAPIXELS if said else None)
