"""What a picture's file says, as a request that can be sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from engines import infotext, samplers
from engines.contract import Lora
from gateway import cards
from gateway.api.tasks.asked import Generation, LoraChoice
from gateway.api.tasks.meaning import in_our_words
from gateway.api.times import moment
from gateway.catalog import ModelEntry
from gateway.errors import InvalidInput
from gateway.images.reading import Format, Found, Recipe
from gateway.jobs.request import Submission
from gateway.models import Offer

LONGEST_SHOWN = 100_000
"""Characters of each text; ComfyUI's graphs can have megabytes."""


class GenerationRecipe(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `POST /v1/images/generations` takes, as far as it is known; the rest is left to the model."""

    prompt: str
    negative_prompt: str = ""
    model: str | None = None
    size: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    seed: int | None = None
    loras: tuple[LoraChoice, ...] = ()


class FoundModel(Struct, frozen=True, kw_only=True):
    """A model as the file calls it; both are empty where it does not."""

    name: str
    hash: str
    id: str | None
    """The model here that goes by this name; null: there is none."""


class LeftOut(Struct, frozen=True, kw_only=True):
    """Something that was said and is not in the recipe."""

    field: str
    value: Any
    why: str


class Inspection(Struct, frozen=True, kw_only=True):
    """What a file says about how it was made."""

    recipe: GenerationRecipe | None
    """Ready for `POST /v1/images/generations`; null: nothing that we can read says how it was made."""
    format: Format | None
    """Whose way of writing it is."""
    software: str
    model: FoundModel | None
    left_out: tuple[LeftOut, ...]
    strength: float | None
    """How much of a source picture was made anew; null: there was none."""
    vae: str
    clip_skip: int | None
    created_at: datetime | None
    """Where the file has a date."""
    parameters: dict[str, Any]
    """What else was said, by the tool's own keys."""
    texts: dict[str, str]
    """All texts within the file, as they are."""


def inspection(
    found: Found, offers: Mapping[str, Offer], seen: Iterable[ModelEntry], otherwise: Offer | None = None
) -> Inspection:
    """`seen` are the models that the team may ask for, `offers` those that can be asked for just now.

    `otherwise` is what would be taken for a request without a model, as the recipe is whose model is not here.
    """
    said = found.recipe
    texts = {key: text[:LONGEST_SHOWN] for key, text in found.texts.items()}
    if said is None:
        return Inspection(
            recipe=None, format=None, software="", model=None, left_out=(), strength=None, vae="", clip_skip=None,
            created_at=moment(found.created_at), parameters={}, texts=texts,
        )  # fmt: skip
    known = FoundModel(name=said.model.name, hash=said.model.hash, id=matched(said.model.name, seen))
    recipe, left_out = fitted(said, known.id, offers.get(known.id) if known.id else otherwise)
    return Inspection(
        recipe=recipe,
        format=said.format,
        software=said.software,
        model=known,
        left_out=tuple(left_out),
        strength=said.strength,
        vae=said.vae,
        clip_skip=said.clip_skip,
        created_at=moment(found.created_at),
        parameters=said.more,
        texts=texts,
    )


def matched(name: str, seen: Iterable[ModelEntry]) -> str | None:
    """The id of the model that goes by a name: as its id, an alias, its title, or the end of its source."""
    wanted = _plain(name)
    if not wanted:
        return None
    return next((entry.id for entry in seen if wanted in map(_plain, _names(entry))), None)


def fitted(said: Recipe, model: str | None, offer: Offer | None) -> tuple[GenerationRecipe, list[LeftOut]]:
    """What of a recipe can be sent, to its model where that is here; and what not, and why."""
    fields: dict[str, Any] = {
        "negative_prompt": said.negative_prompt or None,
        "size": f"{said.width}x{said.height}" if said.width and said.height else None,
        "steps": said.steps,
        "guidance_scale": said.guidance_scale,
        "sampler": said.sampler,
        "seed": said.seed,
        "loras": tuple(LoraChoice(each.name, each.weight) for each in said.loras) or None,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    left_out = [*_unsendable(fields), *_unknown(fields)]
    if offer is not None:
        left_out += _refused(said.prompt, fields, offer)
    if said.strength is not None:
        why = "It was made from another picture, which the file does not have; send that to /v1/images/image-to-image."
        left_out.append(LeftOut(field="strength", value=said.strength, why=why))
    return GenerationRecipe(prompt=said.prompt, model=model, **fields), left_out


def _unsendable(fields: dict[str, Any]) -> list[LeftOut]:
    """Takes out of `fields` what no model here is asked with."""
    found = []
    for name, value in list(fields.items()):
        try:
            msgspec.convert({"prompt": "x", name: msgspec.to_builtins(value)}, Generation)
        except msgspec.ValidationError as error:
            found.append(LeftOut(field=name, value=_shown(fields.pop(name)), why=f"It cannot be asked for here: {error}."))
    return found


def _unknown(fields: dict[str, Any]) -> list[LeftOut]:
    name = fields.get("sampler")
    if name is None or samplers.resolve(name) is not None:
        return []
    return [LeftOut(field="sampler", value=fields.pop("sampler"), why="There is no such sampler here.")]


def _refused(prompt: str, fields: dict[str, Any], offer: Offer) -> list[LeftOut]:
    """The same for what its model cannot do, in the model's own words."""
    found: list[LeftOut] = []
    while True:
        try:
            _check(prompt, fields, offer)
        except InvalidInput as error:
            if error.field not in fields:
                return found
            found.append(LeftOut(field=error.field, value=_shown(fields.pop(error.field)), why=error.message))
        else:
            return found


def _check(prompt: str, fields: dict[str, Any], offer: Offer) -> None:
    told = {name: value for name, value in fields.items() if name not in ("size", "loras")}
    loras = tuple(Lora(each.name, each.weight) for each in fields.get("loras", ()))
    wanted = Submission(surface="tasks", capability="text_to_image", prompt=prompt, loras=loras, **told)
    with in_our_words():
        cards.check(wanted, offer.card, offer.entry.id)
    if (size := infotext.size(fields.get("size", ""))) is not None:
        cards.geometry(*size, offer.card, offer.entry.upscaler)


def _shown(value: Any) -> Any:
    """As JSON can have it: numbers past 2**53 as text."""
    return str(value) if isinstance(value, int) and value >= 2**53 else msgspec.to_builtins(value)


def _names(entry: ModelEntry) -> Collection[str]:
    return entry.id, entry.title, *entry.aliases, entry.source.rstrip("/").rpartition("/")[2].rpartition(":")[2]


def _plain(name: str) -> str:
    return re.sub(r"[^\w]|_", "", re.sub(r"\.(?:safetensors|ckpt|gguf)$", "", name.casefold()))
