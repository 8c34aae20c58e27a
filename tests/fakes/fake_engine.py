"""Engines without a network or a device, that do what their models' options script.

They enter as any plugin: by `Registry({"fake": FakeEngine, "fake-remote": FakeRemoteEngine})` within a test, and by the
entry points in `SITE` for a process of its own (`PYTHONPATH=<repository>:<SITE>`). In models.toml:

    [engines.fake]
    plugin = "fake"
    journal = "/tmp/…/journal"

    [[models]]
    id = "slow"
    engine = "fake"
    source = "fake:slow"
    step_seconds = 0.05
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from engines import contract
from engines.contract import (
    Batch,
    Capability,
    Done,
    EngineUnavailable,
    Event,
    Failed,
    Footprint,
    Health,
    ImageReady,
    ImageRequest,
    InvalidRequest,
    LocalEngine,
    ModelCard,
    ModelSpec,
    ModelUnusable,
    Picture,
    Progress,
    RemoteEngine,
    Replay,
    Size,
    Span,
)
from tests.fakes.pictures import colour, paint, png

SITE = Path(__file__).parent / "site"
REFUSED = "refuse me"
"""A prompt with these words is refused by `check`."""
HANG_SECONDS = 0.005
SMALLEST_REFERENCE = 8
"""Pixels a side; smaller ones are refused by `check`."""


class FakeOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The `[engines.<name>]` table."""

    journal: str | None = None
    """A file to which every call is added as a line of JSON, by whatever process makes it; see `read_journal`."""


class FakeRemoteOptions(FakeOptions, frozen=True, kw_only=True):
    servers: tuple[str, ...] = ("one",)
    """The lanes."""
    away: str | None = None
    """A folder: a lane whose name a file in it has is not well, and takes no work; with `.work` behind its name it takes
    none and says that it is well. `cards`: nobody says what models can do."""


class Script(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A model's own keys: what its card says, and what happens when it runs."""

    can: tuple[Capability, ...] = ("text_to_image", "image_to_image", "inpaint")
    natives: tuple[tuple[int, int], ...] = ()
    max_images: int = 4
    max_batch: int = 4
    max_references: int = 0
    takes_source: bool = True
    max_source_bytes: int | None = None
    bare: bool = False
    """The card has no steps, no guidance, no samplers and no strength."""
    repeatable: bool = True
    """The card's `seeds`."""
    choices: dict[str, tuple[str, ...]] = {}
    alpha: bool = True
    """False: a transparent background that was promised is not kept."""
    replay: Replay = "safe"
    takes_bytes: int = 0
    """Of its device's memory."""

    load_seconds: float = 0.0
    step_seconds: float = 0.0
    delivers: int | None = None
    """Only so many pictures of each request, without a word about the others."""
    encoded: bool = False
    """PNG bytes are handed over instead of pixels."""
    joins: bool = True
    """Newcomers are let in at each step."""
    hang: bool = False
    """After the first step nothing more comes until it is canceled."""

    load_error: str = ""
    """What `load` raises: the name of an error of the contract, or `crash` for one that no engine should raise."""
    error: str = ""
    """What a run comes to, named as for `load_error`, by these rules:"""
    error_step: int = 1
    error_attempts: int | None = None
    """Only up to this attempt; None: always."""
    error_words: str = ""
    """Only for requests whose prompt has these words."""
    error_alone: bool = False
    """Failed for those requests, and their mates go on; else it is raised for the whole batch."""
    error_costs: float | None = None
    """The error says that the upstream was paid so many US dollars, and what it calls the request."""
    finds: bool = False
    """A request that is only looked up is found."""
    loads: str | None = None
    """Remote: what its server loads for it."""
    fits: int | None = None
    """Pictures at once; more are OutOfMemory."""
    fits_saving: int | None = None
    """The same when the batch saves memory."""


def make_error(name: str) -> Exception:
    """The contract's error of this name, or for `crash` what no engine should raise."""
    if name == "crash":
        return ZeroDivisionError("the fake engine crashed as it was told")
    kind = getattr(contract, name)
    message = f"The fake engine raised {name} as it was told."
    error: Exception = kind(message, 0.05) if kind is contract.UpstreamRateLimited else kind(message)
    return error


def read_journal(path: str | Path) -> list[dict[str, Any]]:
    """Every call of every process so far: `call`, `engine`, `model`, and what else that call has."""
    file = Path(path)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class _Fake(contract.Engine):
    """What both kinds share: the card, the checks, the journal and the play."""

    ModelOptions = Script

    def __init__(self, name: str, options: FakeOptions) -> None:
        super().__init__(name, options)
        self.calls: list[dict[str, Any]] = []
        """What this instance was asked to do, oldest first; `options.journal` has the same of all instances."""
        self._models: dict[str, ModelSpec] = {}
        self._lock = threading.Lock()

    async def card(self, model: ModelSpec) -> ModelCard:
        script = _script(model)
        self._models.setdefault(model.id, model)
        return ModelCard(
            capabilities=script.can,
            native_sizes=tuple(Size(*size) for size in script.natives),
            min_size=Size(32, 32),
            max_size=Size(1024, 1024),
            max_images=script.max_images,
            max_batch=script.max_batch,
            samplers=() if script.bare else ("Euler", "DPM++ 2M"),
            steps=None if script.bare else Span(1, 100, 4),
            guidance_scale=None if script.bare else Span(0, 20, 5),
            strength=None if script.bare else Span(0, 1, 0.75),
            negative_prompt=True,
            max_references=script.max_references,
            takes_source=script.takes_source,
            max_source_bytes=script.max_source_bytes,
            choices=script.choices,
            seeds=script.repeatable,
            replay=script.replay,
            memory_bytes=script.takes_bytes,
        )

    def check(self, request: ImageRequest, card: ModelCard) -> None:
        if REFUSED in request.prompt:
            raise InvalidRequest(f"The fake engine does not take {REFUSED!r}; ask for something else.", "prompt")
        for name in ("source", "mask"):
            pixels = getattr(request, name)
            own = name == "source" and request.capability == "upscale"
            if pixels is not None and not own and pixels.shape[:2] != (request.height, request.width):
                raise InvalidRequest(f"The {name} must have the size of what is made.", name)
        if any(min(each.shape[:2]) < SMALLEST_REFERENCE for each in request.references):
            raise InvalidRequest(f"A reference has at least {SMALLEST_REFERENCE} pixels a side.", "references")

    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        return (request.model, request.width, request.height, request.steps) if card.max_batch > 1 else None

    async def aclose(self) -> None:
        self._note("aclose")

    def _note(self, call: str, **more: Any) -> None:
        entry = {"call": call, "engine": self.name, **more}
        with self._lock:
            self.calls.append(entry)
            if self.options.journal is not None:
                with open(self.options.journal, "a") as file:
                    file.write(json.dumps(entry) + "\n")

    def _play(self, batch: Batch, where: str) -> Iterator[Event | float]:
        """The events of a run, and between them how many seconds to wait."""
        model = self._models[batch.requests[0].model]
        ids = [request.id for request in batch.requests]
        attempts = [request.attempt for request in batch.requests]
        pictures = sum(len(request.pictures) for request in batch.requests)
        self._note(
            "run",
            model=model.id,
            where=where,
            requests=ids,
            attempts=attempts,
            pictures=pictures,
            saving=batch.saving,
            given=[_handed_in(request) for request in batch.requests],
            asked=[{"steps": request.steps, "choices": request.choices} for request in batch.requests],
        )
        yield from _play(batch, _script(model))
        self._note("ran", model=model.id, where=where, requests=ids)


class FakeEngine(_Fake, LocalEngine):
    """On a device's thread."""

    Options = FakeOptions

    def load(self, model: ModelSpec, device: str) -> Footprint:
        script = _script(model)
        self._note("load", model=model.id, where=device, revision=model.revision)
        time.sleep(script.load_seconds)
        if not model.source.startswith("fake:"):
            raise ModelUnusable(f"There is no fake model {model.source}; name one that begins with fake:.")
        if script.load_error:
            raise make_error(script.load_error)
        self._models[model.id] = model
        return Footprint(script.takes_bytes)

    def unload(self, model: ModelSpec, device: str) -> None:
        self._note("unload", model=model.id, where=device, revision=model.revision)
        self._models.pop(model.id, None)

    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        for event in self._play(batch, device):
            if isinstance(event, float):
                time.sleep(event)
            else:
                emit(event)


class FakeRemoteEngine(_Fake, RemoteEngine):
    """On the event loop, as if it asked another server."""

    Options = FakeRemoteOptions

    def lanes(self) -> Sequence[str]:
        return tuple(self.options.servers)

    def holds(self, model: ModelSpec) -> Hashable | None:
        return _script(model).loads

    async def health(self, lane: str) -> Health:
        self._note("health", where=lane)
        away = self._is_away(lane)
        return Health(ok=not away, reason=f"The fake server {lane} is away." if away else "", free_memory=1 << 30)

    def _is_away(self, lane: str) -> bool:
        """Also whether anything else of that name is."""
        return self.options.away is not None and (Path(self.options.away) / lane).exists()

    async def card(self, model: ModelSpec) -> ModelCard:
        if self._is_away("cards"):
            raise EngineUnavailable("The fake server cannot be asked.", begun=False)
        if not model.source.startswith("fake:"):
            raise ModelUnusable(f"The fake server offers no {model.source}; name one that begins with fake:.")
        return await super().card(model)

    async def generate(self, batch: Batch, lane: str) -> AsyncIterator[Event]:
        if self._is_away(lane) or self._is_away(f"{lane}.work"):
            raise EngineUnavailable(f"The fake server {lane} cannot be reached.", begun=False)
        for event in self._play(batch, lane):
            if isinstance(event, float):
                await asyncio.sleep(event)
            else:
                yield event


def _script(model: ModelSpec) -> Script:
    return model.options if isinstance(model.options, Script) else Script()


def _play(batch: Batch, script: Script) -> Iterator[Event | float]:
    fits = script.fits_saving if batch.saving and script.fits_saving is not None else script.fits
    if fits is not None and sum(len(request.pictures) for request in batch.requests) > fits:
        raise make_error("OutOfMemory")
    running = {request.id: (request, 0) for request in batch.requests}
    while running:
        if script.joins:
            running.update((request.id, (request, 0)) for request in batch.newcomers())
        yield script.step_seconds
        for request, step in list(running.values()):
            if batch.canceled(request.id):
                del running[request.id]
            elif not (script.hang and step):
                yield from _step(batch, request, step + 1, script, running)
        if script.hang and running:
            yield HANG_SECONDS


def _step(
    batch: Batch, request: ImageRequest, step: int, script: Script, running: dict[str, tuple[ImageRequest, int]]
) -> Iterator[Event]:
    if step == script.error_step and _goes_wrong(request, script):
        error = make_error(script.error)
        if script.error_costs is not None and isinstance(error, contract.EngineError):
            error.usage, error.upstream_id = {"cost_usd": script.error_costs}, f"up-{request.attempt}"
        if not (script.error_alone and isinstance(error, contract.EngineError)):
            raise error
        del running[request.id]
        yield Failed(request.id, error)
        return
    total = request.steps or 1
    seed = request.pictures[0].seed if request.pictures else None
    preview = np.full((8, 8, 3), colour(seed), np.uint8) if batch.watched(request.id) else None
    running[request.id] = request, step
    yield Progress(request.id, step, total, preview)
    if step == total and not batch.canceled(request.id):
        del running[request.id]
        if not request.found_only or script.finds:
            yield from (_picture(request, picture, script) for picture in request.pictures[: script.delivers])
        yield Done(request.id)


def _goes_wrong(request: ImageRequest, script: Script) -> bool:
    early = script.error_attempts is None or request.attempt <= script.error_attempts
    return bool(script.error) and early and script.error_words in request.prompt


def _handed_in(request: ImageRequest) -> dict[str, Any]:
    """The pictures of a request, for the journal: of each its width, its height and the colour of its middle."""

    def seen(pixels: contract.Pixels) -> list[int]:
        height, width = pixels.shape[:2]
        return [width, height, *np.atleast_1d(pixels[height // 2, width // 2]).tolist()]

    given: dict[str, Any] = {"references": [seen(each) for each in request.references], "strength": request.strength}
    for name in ("source", "mask"):
        pixels = getattr(request, name)
        given[name] = None if pixels is None else seen(pixels)
    return given


def _picture(request: ImageRequest, picture: Picture, script: Script) -> ImageReady:
    pixels = paint(request, picture.seed)
    if request.choices.get("background") == "transparent" and script.alpha:
        pixels = np.dstack([pixels, np.zeros(pixels.shape[:2], np.uint8)])
    made: dict[str, Any] = {"encoded": png(pixels)} if script.encoded else {"pixels": pixels}
    return ImageReady(request=request.id, ordinal=picture.ordinal, seed=picture.seed, **made)


def environment(root: Path) -> dict[str, str]:
    """What a process of its own needs to find these engines, beside the rest of this one's environment."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(SITE)])}
