"""Who looks on, who leaves: previews, and cancels that stop soon and take nobody along."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from engines.contract import Engine, Event, Failed, ImageReady, ImageRequest, LocalEngine, Progress
from engines.suite import checks
from engines.suite.driver import Driver, SuiteBatch
from engines.suite.given import Given, mates
from engines.suite.requests import Limits, make_request


class Leaving(Given):
    async def test_previews_are_made_for_watchers_only(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        request = make_request(card, driver.model, steps=limits.steps)
        unseen = (await driver.make(request)).progress(request)
        assert all(event.preview is None for event in unseen), "Progress.preview: nobody watched; ask Batch.watched first"
        watched = await driver.run(SuiteBatch([request], watched={request.id}))
        for event in watched.progress(request):
            if event.preview is not None:
                assert event.preview.dtype.name == "uint8", "Progress.preview: uint8"
                assert event.preview.ndim == 3, "Progress.preview: (height, width, 3)"

    async def test_a_canceled_request_stops_soon(self, engine: Engine, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        request = make_request(card, driver.model, steps=limits.cancel_steps)
        batch, marks = SuiteBatch([request]), _Marks()
        run = await driver.run(batch, marks.cancel_at_first_step(batch, request))
        if marks.when is None:
            pytest.skip("this engine tells of no step at which it could be canceled")
        after = run.events[marks.at :]
        assert not any(isinstance(event, ImageReady) for event in after), "a canceled request yielded a picture"
        assert not any(isinstance(event, Failed) for event in after), "a cancel is no failure: just end"
        assert run.ended - marks.when <= limits.cancel_seconds, "it went on too long: ask Batch.canceled at every step"
        steps = [event for event in after if isinstance(event, Progress)]
        if isinstance(engine, LocalEngine) and run.progress(request)[0].total >= 4:
            assert all(event.step < event.total for event in steps), "it ran to its last step: ask Batch.canceled at every step"

    async def test_what_was_canceled_before_is_not_made(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        request = make_request(card, driver.model, steps=limits.steps)
        run = await driver.run(SuiteBatch([request], canceled={request.id}))
        assert not run.pictures(request), "a request that was canceled before the start yielded a picture"

    async def test_a_cancel_takes_no_mate_along(self, engine: Engine, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        leaves, stays = mates(engine, card, driver.model, limits)
        batch, marks = SuiteBatch([leaves, stays]), _Marks()
        run = await driver.run(batch, marks.cancel_at_first_step(batch, leaves))
        if marks.when is None:
            pytest.skip("this engine tells of no step at which it could be canceled")
        late = [event for event in run.events[marks.at :] if isinstance(event, ImageReady) and event.request == leaves.id]
        assert not late, "a canceled request yielded a picture"
        checks.pictures_are_as_asked(run, stays)


class _Marks:
    """Where in a run, and when, a request was canceled."""

    def __init__(self) -> None:
        self.at = 0
        self.when: float | None = None
        self._seen = 0

    def cancel_at_first_step(self, batch: SuiteBatch, request: ImageRequest) -> Callable[[Event], None]:
        def watch(event: Event) -> None:
            self._seen += 1
            if self.when is None and isinstance(event, Progress) and event.request == request.id:
                batch.cancel(request.id)
                self.at, self.when = self._seen, time.monotonic()

        return watch
