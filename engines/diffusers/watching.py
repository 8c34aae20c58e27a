"""What happens at every step of a pass: progress, previews for who looks, the end for who left. No waiting for the device."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

from engines.contract import Batch, Event, Pixels, Progress
from engines.diffusers.calls import Row
from engines.diffusers.previews import Previews


class Canceled(Exception):
    """Raised out of a pipeline's step when nobody waits for this pass any more."""


class Pace:
    """How far each request is. A request may take several passes; its steps count through, out of the same total."""

    def __init__(self, passes: Sequence[Sequence[Row]]) -> None:
        self.passes: dict[str, int] = {}
        self.done: dict[str, int] = {}
        for rows in passes:
            for request in {row.request.id for row in rows}:
                self.passes[request] = self.passes.get(request, 0) + 1
                self.done[request] = 0

    def passed(self, rows: Sequence[Row]) -> None:
        for request in {row.request.id for row in rows}:
            self.done[request] += 1

    def at(self, request: str, step: int, total: int) -> tuple[int, int]:
        """(step, total) of the request at this step of its running pass."""
        return self.done[request] * total + min(step, total), self.passes[request] * total


class Watch:
    """Follows one pass. `follow` hangs it onto a call of the pipeline."""

    def __init__(
        self, rows: Sequence[Row], batch: Batch, emit: Callable[[Event], None], pace: Pace, previews: Previews
    ) -> None:
        self.rows = rows
        self.batch = batch
        self.emit = emit
        self.pace = pace
        self.previews = previews
        self.requests = list(dict.fromkeys(row.request.id for row in rows))

    def follow(self, pipeline: Any, call: dict[str, Any], accepted: set[str]) -> dict[str, Any]:
        """By the pipeline's own callback, or around the scheduler's `step` where it has none."""
        if "callback_on_step_end" in accepted:
            return call | {"callback_on_step_end": self._on_step_end}
        step = pipeline.scheduler.step
        count = 0

        @functools.wraps(step)
        def watched(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            answer = step(*arguments, **named)
            count += 1
            latents = answer[0] if isinstance(answer, tuple) else answer.prev_sample
            self._step(count, len(pipeline.scheduler.timesteps), latents)
            return answer

        pipeline.scheduler.step = watched
        return call

    def _on_step_end(self, pipeline: Any, step: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        total = getattr(pipeline, "_num_timesteps", None) or len(pipeline.scheduler.timesteps)
        self._step(step + 1, total, tensors.get("latents"))
        return {}

    def _step(self, step: int, total: int, latents: Any) -> None:
        here = [request for request in self.requests if not self.batch.canceled(request)]
        if not here:
            raise Canceled
        frames = self._frames(here, latents)
        for request in here:
            reached, of = self.pace.at(request, step, total)
            ordinal, preview = frames.get(request, (0, None))
            self.emit(Progress(request, reached, of, preview, ordinal))

    def _frames(self, here: list[str], latents: Any) -> dict[str, tuple[int, Pixels | None]]:
        """For each request that is watched, how its first picture of this pass looks."""
        now = time.monotonic()
        if latents is None or not self.previews.due(now):
            return {}
        firsts: dict[str, int] = {}
        for index, row in enumerate(self.rows):
            if row.request.id in here and self.batch.watched(row.request.id):
                firsts.setdefault(row.request.id, index)
        frames = self.previews.frames(latents, list(firsts.values()), now) if firsts else []
        ordinals = [self.rows[index].picture.ordinal for index in firsts.values()]
        return dict(zip(firsts, zip(ordinals, frames, strict=True), strict=True))
