"""What there is to choose from, in the rows that this family's clients read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import psutil
from msgspec import Struct

from engines import samplers
from gateway.api.a1111 import prompts
from gateway.catalog import ModelEntry
from gateway.models import Models, Offer
from gateway.presets.presets import Preset
from gateway.scheduling.lanes import LaneView

_MAKES = frozenset({"text_to_image", "image_to_image", "inpaint"})


class SDModel(Struct, frozen=True, kw_only=True):
    title: str
    """The model's id: what `sd_model_checkpoint` takes."""
    model_name: str
    hash: str | None = None
    """A model here is not one file."""
    sha256: str | None = None
    filename: str
    config: str | None = None


class SamplerRow(Struct, frozen=True, kw_only=True):
    name: str
    aliases: tuple[str, ...] = ()
    options: dict[str, str] = {}


class SchedulerRow(Struct, frozen=True, kw_only=True):
    name: str
    label: str
    aliases: tuple[str, ...] | None = None
    default_rho: float = -1
    need_inner_model: bool = False


class UpscalerRow(Struct, frozen=True, kw_only=True):
    name: str
    model_name: str | None = None
    model_path: str | None = None
    model_url: str | None = None
    scale: float = 4


class StyleRow(Struct, frozen=True, kw_only=True):
    name: str
    prompt: str | None
    negative_prompt: str | None


class Embeddings(Struct, frozen=True, kw_only=True):
    loaded: dict[str, Any] = {}
    skipped: dict[str, Any] = {}


class Scripts(Struct, frozen=True, kw_only=True):
    txt2img: tuple[str, ...] = ()
    img2img: tuple[str, ...] = ()


class Memory(Struct, frozen=True, kw_only=True):
    """In bytes."""

    ram: dict[str, float]
    cuda: dict[str, Any]
    """Of the first GPU, what models may take and take; `error` where there is none."""


def offered(entries: Iterable[ModelEntry], models: Models) -> list[Offer]:
    """Those that make pictures and can be asked for."""
    found = (models.offers.get(entry.id) for entry in entries)
    return [offer for offer in found if offer and _MAKES.intersection(offer.card.capabilities)]


def usual(offers: Sequence[Offer], models: Models) -> str:
    """The title of the model that is taken where nobody names one; empty where there is none."""
    titles = [offer.entry.id for offer in offers]
    preferred = models.catalog.defaults.get("text_to_image")
    return preferred if preferred in titles else next(iter(titles), "")


def sd_models(offers: Iterable[Offer]) -> list[SDModel]:
    return [SDModel(title=each.entry.id, model_name=each.entry.id, filename=each.entry.id) for each in offers]


def sampler_rows(offers: Iterable[Offer], first: str) -> list[SamplerRow]:
    """Of all models, those of the one called `first` first; schedules apart, as A1111 has them since 1.9."""
    ordered = sorted(offers, key=lambda each: each.entry.id != first)
    names = [samplers.split(name)[0] for each in ordered for name in each.card.samplers]
    return [SamplerRow(name=name, aliases=_aliases(name)) for name in dict.fromkeys(names)]


def scheduler_rows(offers: Iterable[Offer]) -> list[SchedulerRow]:
    """Those that any model's samplers are run with."""
    run = {samplers.split(name)[1] for each in offers for name in each.card.samplers}
    labels = [label for label in samplers.SCHEDULES if label in run]
    return [SchedulerRow(name=label.lower(), label=label) for label in ("Automatic", *labels)]


def upscaler_rows(entries: Iterable[ModelEntry], models: Models) -> list[UpscalerRow]:
    found = (models.offers.get(entry.id) for entry in entries)
    names = [offer.entry.id for offer in found if offer and "upscale" in offer.card.capabilities]
    return [UpscalerRow(name=prompts.NONE), *(UpscalerRow(name=name, model_name=name) for name in names)]


def style_rows(presets: Iterable[Preset]) -> list[StyleRow]:
    """The words of the team's presets; a blank called `prompt` is where the prompt goes."""
    return [
        StyleRow(
            name=each.content.name,
            prompt=prompts.shown(each.content.prompt_template),
            negative_prompt=each.content.negative_prompt,
        )
        for each in presets
    ]


async def memory(lanes: Iterable[LaneView]) -> Memory:
    told = await asyncio.to_thread(psutil.virtual_memory)
    ram = {"free": float(told.available), "used": float(told.total - told.available), "total": float(told.total)}
    gpu = next((lane for lane in lanes if lane.name.startswith("cuda") and lane.budget), None)
    if gpu is None or gpu.budget is None:
        return Memory(ram=ram, cuda={"error": "unavailable"})
    used = sum(resident.bytes for resident in gpu.residents)
    return Memory(ram=ram, cuda={"system": {"free": max(0, gpu.budget - used), "used": used, "total": gpu.budget}})


def _aliases(name: str) -> tuple[str, ...]:
    row = samplers.find(name) or samplers.find(name, flow=True)
    return row.aliases if row else ()
