"""The engine's door: cards and checks without torch, then load, unload and run on a device's own thread."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING

from engines.contract import (
    Batch,
    EngineCrashed,
    Event,
    Footprint,
    Health,
    ImageRequest,
    LocalEngine,
    ModelCard,
    ModelSpec,
    ModelUnusable,
)
from engines.diffusers import cards, options, requests

if TYPE_CHECKING:
    from engines.diffusers.resident import Resident

NEEDED = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "PIL")


class DiffusersEngine(LocalEngine):
    """Models in diffusers' layout. One instance may hold several loaded models, on several devices."""

    Options = options.Options
    ModelOptions = options.ModelOptions
    set_by_http = options.SET_BY_HTTP

    def __init__(self, name: str, options: options.Options) -> None:
        super().__init__(name, options)
        self._residents: dict[tuple[str, str, str], Resident] = {}
        self._here: set[tuple[Path, str | None]] = set()

    async def card(self, model: ModelSpec) -> ModelCard:
        """From the model's folder, or for a hub id that is not downloaded yet from what is known of its family."""
        facts = await asyncio.to_thread(cards.facts_of, model, self.options)
        return cards.card_of(facts, model.options or options.ModelOptions())

    def is_here(self, model: ModelSpec) -> bool:
        return cards.is_here(model, self.options, self._here)

    def check(self, request: ImageRequest, card: ModelCard) -> None:
        requests.check(request, card)

    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        return requests.batch_key(request, card)

    async def health(self, lane: str) -> Health:
        missing = _missing()
        return Health(ok=not missing, reason=missing)

    def load(self, model: ModelSpec, device: str) -> Footprint:
        """Raises ModelUnusable, OutOfMemory, or EngineUnavailable when a download breaks off."""
        missing = _missing()
        if missing:
            raise ModelUnusable(missing)
        from engines.diffusers.quiet import hush

        hush()
        from engines.diffusers import loading

        key = (device, model.id, model.revision)
        kept = self._residents.get(key) or loading.load(model, self.options, device)
        self._residents.pop(key, None)
        self._residents[key] = kept
        return kept.footprint

    def unload(self, model: ModelSpec, device: str) -> None:
        resident = self._residents.pop((device, model.id, model.revision), None)
        if resident is not None:
            resident.close()

    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        from engines.diffusers import running

        running.run(self._resident(batch.requests[0].model, device), batch, emit)

    def _resident(self, model: str, device: str) -> Resident:
        """The one that was loaded last, should two revisions be here."""
        for (place, name, _), resident in reversed(self._residents.items()):
            if (place, name) == (device, model):
                return resident
        raise EngineCrashed(f"The model {model!r} is not loaded on {device}.")


def _missing() -> str:
    lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not lacking:
        return ""
    return f"Not installed: {', '.join(lacking)}. Install darkroom-gateway[local] (scripts/setup --local)."
