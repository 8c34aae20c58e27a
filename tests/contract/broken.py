"""Engines that break one rule each, which rule of the suite finds that, and what it says."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from engines.contract import (
    Batch,
    Done,
    Engine,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    Event,
    Failed,
    Footprint,
    ImageReady,
    ImageRequest,
    InvalidRequest,
    ModelCard,
    ModelSpec,
    Progress,
    UpstreamOutcomeUnknown,
)
from engines.suite import Limits
from engines.suite.given import Lose
from tests.fakes.fake_engine import FakeEngine, FakeOptions

LIMITS = Limits(seconds=2.0, cancel_seconds=0.2, cancel_steps=6)
Twist = Callable[[Event], Iterable[Event]]


class Twisted(FakeEngine):
    """The fake engine, whose events pass a twist on their way out."""

    def __init__(self, twist: Twist) -> None:
        super().__init__("twisted", FakeOptions())
        self.twist = twist

    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        def emit_twisted(event: Event) -> None:
            for other in self.twist(event):
                emit(other)

        super().run(batch, device, emit_twisted)


def drop(kind: type) -> Twist:
    return lambda event: [] if isinstance(event, kind) else [event]


def change(kind: type, changed: Callable[[Any], Event | Sequence[Event]]) -> Twist:
    def twist(event: Event) -> Iterable[Event]:
        if not isinstance(event, kind):
            return [event]
        made = changed(event)
        return made if isinstance(made, list) else [made]  # type: ignore[list-item]

    return twist


def pixels(make: Callable[[np.ndarray], Any]) -> Twist:
    return change(ImageReady, lambda event: replace(event, pixels=make(event.pixels)))


def noise(event: ImageReady) -> ImageReady:
    assert event.pixels is not None
    return replace(event, pixels=np.random.default_rng().integers(0, 256, event.pixels.shape, np.uint8))


REUSED = np.zeros((32, 32, 3), np.uint8)


def reuse(array: np.ndarray) -> np.ndarray:
    REUSED[:] = array
    return REUSED


PREVIEWS = "test_previews_are_made_for_watchers_only"
ASKED = "test_it_makes_exactly_what_was_asked"
TWISTS: dict[str, tuple[Twist, str, str]] = {
    "no end": (drop(Done), ASKED, "exactly one for each request"),
    "two ends": (change(Done, lambda e: [e, e]), ASKED, "exactly one for each request"),
    "more after the end": (change(Done, lambda e: [e, Progress(e.request, 4, 4)]), ASKED, "comes last"),
    "a failure that is no error": (change(Done, lambda e: Failed(e.request, ValueError("x"))), ASKED, "an EngineError"),  # type: ignore[arg-type]
    "somebody else's event": (change(Done, lambda e: [Done("stranger"), e]), ASKED, "not in this batch"),
    "no event": (change(Done, lambda e: ["done", e]), ASKED, "no event of the contract"),
    "no picture": (drop(ImageReady), ASKED, "once for each ordinal"),
    "a picture twice": (change(ImageReady, lambda e: [e, e]), ASKED, "once for each ordinal"),
    "another ordinal": (change(ImageReady, lambda e: replace(e, ordinal=e.ordinal + 7)), ASKED, "once for each ordinal"),
    "another seed": (change(ImageReady, lambda e: replace(e, seed=5)), ASKED, "has the seed"),
    "falling progress": (change(Progress, lambda e: replace(e, step=5 - e.step)), ASKED, "never falls"),
    "progress past the end": (change(Progress, lambda e: replace(e, step=e.step + 1)), ASKED, "1 to total"),
    "progress from nought": (change(Progress, lambda e: replace(e, step=e.step - 1)), ASKED, "1 to total"),
    "another total": (change(Progress, lambda e: replace(e, total=e.step + 9)), ASKED, "same throughout"),
    "pixels and bytes": (change(ImageReady, lambda e: replace(e, encoded=b"x")), ASKED, "never both"),
    "neither": (pixels(lambda a: None), ASKED, "never both"),
    "another size": (pixels(lambda a: a[:-8].copy()), ASKED, "height, width"),
    "floats": (pixels(lambda a: a / 255), ASKED, "uint8"),
    "grey": (pixels(lambda a: a[..., 0].copy()), ASKED, "3 or 4"),
    "two channels": (pixels(lambda a: a[..., :2].copy()), ASKED, "channels"),
    "a view": (pixels(lambda a: np.stack([a, a])[0]), ASKED, "a view may change"),
    "columns first": (pixels(np.asfortranarray), ASKED, "rows one after the other"),
    "one buffer for all": (pixels(reuse), "test_pictures_share_no_memory", "wrote over them"),
    "noise of its own": (change(ImageReady, noise), "test_the_same_request_makes_the_same_bytes", "made other bytes"),
    "noise after loading": (change(ImageReady, noise), "test_it_loads_again_after_unloading", "made other bytes"),
    "one picture for every seed": (pixels(np.zeros_like), "test_each_picture_has_its_own_seed", "the same picture"),
    "noise in every picture": (change(ImageReady, noise), "test_each_picture_has_its_own_seed", "another picture"),
    "noise in company": (change(ImageReady, noise), "test_mates_of_a_batch_are_all_served", "another picture"),
    "previews for nobody": (change(Progress, lambda e: replace(e, preview=REUSED)), PREVIEWS, "nobody watched"),
    "previews of floats": (
        change(Progress, lambda e: replace(e, preview=None if e.preview is None else e.preview / 255)),
        PREVIEWS,
        "uint8",
    ),
}  # fmt: skip


def never(request_id: str) -> bool:
    return False


class IgnoresCancel(FakeEngine):
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        batch.canceled = never  # type: ignore[method-assign]
        super().run(batch, device, emit)


class StopsLate(FakeEngine):
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        super().run(batch, device, emit)
        time.sleep(0.5)


class OnlyHidesThePicture(FakeEngine):
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        asked, batch.canceled = batch.canceled, never  # type: ignore[method-assign]
        super().run(
            batch, device, lambda event: None if isinstance(event, ImageReady) and asked(event.request) else emit(event)
        )


class CallsCancelAFailure(FakeEngine):
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        super().run(batch, device, emit)
        for request in batch.requests:
            if batch.canceled(request.id):
                emit(Failed(request.id, EngineCrashed("canceled")))


class Raises(FakeEngine):
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        raise KeyError("sampler")


class Sleeps(FakeEngine):
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        time.sleep(LIMITS.seconds + 1)


class ForgetsNewcomers(FakeEngine):
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        batch.newcomers()
        super().run(batch, device, emit)


class LoadsAnything(FakeEngine):
    def load(self, model: ModelSpec, device: str) -> Footprint:
        return super().load(replace(model, source="fake:this"), device)


class LoadsWrongly(FakeEngine):
    def load(self, model: ModelSpec, device: str) -> Footprint:
        super().load(model, device)
        return None  # type: ignore[return-value]


class KeyHasTheSeed(FakeEngine):
    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        return request.pictures


class KeyIsNew(FakeEngine):
    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        return object()


class RefusesAll(FakeEngine):
    def check(self, request: ImageRequest, card: ModelCard) -> None:
        raise InvalidRequest("no", "prompt")


class FallsOver(FakeEngine):
    def check(self, request: ImageRequest, card: ModelCard) -> None:
        {name: name for name in card.samplers}[request.sampler or ""]


class NamesNoField(FakeEngine):
    def check(self, request: ImageRequest, card: ModelCard) -> None:
        if request.sampler not in card.samplers:
            raise InvalidRequest("no", "sampler_name")


class HasLanes(FakeEngine):
    def lanes(self) -> Sequence[str]:
        return ("cuda:0",)


class Lax(Struct):
    pass


class TakesAnyOption(FakeEngine):
    Options = Lax  # type: ignore[assignment]


class ChangesItsCard(FakeEngine):
    async def card(self, model: ModelSpec) -> ModelCard:
        return replace(await super().card(model), max_prompt=time.monotonic_ns())


class PromisesAlpha(FakeEngine):
    async def card(self, model: ModelSpec) -> ModelCard:
        return replace(await super().card(model), choices={"background": ("opaque", "transparent")})


class NeverOpaque(PromisesAlpha):
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        def clear(event: Event) -> None:
            if isinstance(event, ImageReady) and event.pixels is not None:
                event = replace(event, pixels=np.dstack([event.pixels[..., :3], event.pixels[..., 0]]))
            emit(event)

        super().run(batch, device, clear)


def losing(engine: Engine, error: EngineError, *, alone: bool = False, tries: int = 1) -> Lose:
    """The fixture `lose` of an engine that says this of a lost answer, after so many tries of its own."""
    came = 0

    async def generate(batch: Batch, lane: str) -> AsyncIterator[Event]:
        nonlocal came
        came += tries
        if not alone:
            raise error
        yield Failed(batch.requests[0].id, error)

    def lose() -> Callable[[], int]:
        engine.generate = generate  # type: ignore[attr-defined]
        return lambda: came

    return lose


UNKNOWN = UpstreamOutcomeUnknown("The server took it and broke off.")
LOST: dict[str, tuple[EngineError, dict[str, Any], str]] = {
    "unavailable": (EngineUnavailable("The server broke off."), {}, r"UpstreamOutcomeUnknown, not EngineUnavailable.*paid for"),
    "unavailable, of one": (
        EngineUnavailable("It broke off."),
        {"alone": True},
        "UpstreamOutcomeUnknown, not EngineUnavailable",
    ),
    "not even begun": (EngineUnavailable("It broke off.", begun=False), {}, "surely was not sent"),
    "crashed": (EngineCrashed("The server broke off."), {}, "UpstreamOutcomeUnknown, not EngineCrashed"),
    "sent again by itself": (UNKNOWN, {"tries": 3}, "sent 3 times: take the client's own tries off"),
    "without a word": (UpstreamOutcomeUnknown(""), {}, "say the cause and the cure"),
}
"""What is said of a paid request whose answer was lost, how, and what the suite says to that."""

CANCELED = "test_a_canceled_request_stops_soon"
CHECKED = "test_it_refuses_by_invalid_request_only"
BROKEN: list[tuple[type[FakeEngine], str, str]] = [
    (IgnoresCancel, CANCELED, "yielded a picture"),
    (IgnoresCancel, "test_what_was_canceled_before_is_not_made", "yielded a picture"),
    (IgnoresCancel, "test_a_cancel_takes_no_mate_along", "yielded a picture"),
    (StopsLate, CANCELED, "went on too long"),
    (OnlyHidesThePicture, CANCELED, "to its last step"),
    (CallsCancelAFailure, CANCELED, "no failure"),
    (Raises, ASKED, "only an EngineError may"),
    (Sleeps, ASKED, "took longer than 2 s"),
    (ForgetsNewcomers, "test_who_joins_is_served", "exactly one for each request"),
    (LoadsAnything, "test_a_model_that_is_not_there_is_unusable", "raise ModelUnusable"),
    (LoadsWrongly, "test_it_loads_again_after_unloading", "a Footprint"),
    (KeyHasTheSeed, "test_the_batch_key_says_what_may_share_a_pass", "seeds, ids and attempts"),
    (KeyIsNew, "test_the_batch_key_says_what_may_share_a_pass", "when asked again"),
    (RefusesAll, "test_it_accepts_what_the_card_allows", "no"),
    (FallsOver, CHECKED, "no-such-sampler"),
    (NamesNoField, CHECKED, "no field of a request"),
    (HasLanes, "test_its_lanes_are_its_own", "the devices are its lanes"),
    (TakesAnyOption, "test_its_options_refuse_unknown_keys", "a typo in models.toml"),
    (PromisesAlpha, "test_a_chosen_background_is_kept", "has no alpha channel"),
    (NeverOpaque, "test_a_chosen_background_is_kept", "has an alpha channel"),
    (ChangesItsCard, "test_the_card_stays_the_same", "when asked again"),
]
