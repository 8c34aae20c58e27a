"""A response as server-sent events: how it stands, how its picture looks so far, and then the whole of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Any

from msgspec import structs

from gateway.accounts import Principal
from gateway.api.openai import responses_wire as wire
from gateway.api.openai.following import Ended, Partial, canceled_when_left, follow
from gateway.api.openai.orders import OpenAIOrders
from gateway.api.openai.responses_wire import Made
from gateway.api.openai.stream import recoded
from gateway.api.openai.wire import background
from gateway.api.openai.wire import quality as quality_of
from gateway.api.streams import KEEP_ALIVE, Streams, frame
from gateway.db import Database
from gateway.events import Bus
from gateway.jobs.records import Job

_CALL = "response.image_generation_call"


async def what_was_made(orders: OpenAIOrders, job: Job) -> Made | None:
    """None where there is nothing, or not any more: pictures can be deleted, and responses stay."""
    found, used = await orders.pictures(job) if job.state == "succeeded" else ([], None)
    shown = [image for image in found if image.deleted_at is None]
    return Made(shown[0], await orders.base64(shown[0]), used) if shown and used else None


class ResponseStream:
    """The events of one response, for one client."""

    def __init__(self, db: Database, bus: Bus, streams: Streams, orders: OpenAIOrders, instructions: str | None) -> None:
        self._db = db
        self._bus = bus
        self._streams = streams
        self._orders = orders
        self._instructions = instructions
        self._number = 0

    async def frames(self, principal: Principal, job: Job, *, goes_on: bool) -> AsyncGenerator[bytes, None]:
        """`goes_on` as for `canceled_when_left`. Raises AnswerLost."""
        async with canceled_when_left(self._db, self._bus, self._streams, principal, job, goes_on=goes_on):
            yield b"".join(self._begin(job))
            generating = False
            async for seen in follow(self._db, self._bus, job, wire.kept_of(job).tool.partial_images or 0):
                if isinstance(seen, Ended):
                    job = seen.job
                    continue
                if isinstance(seen, Partial) and not generating:
                    generating = True
                    yield self._of_call("generating", job)
                yield await self._partial(seen, job) if isinstance(seen, Partial) else KEEP_ALIVE
        if job.state != "succeeded":
            yield self._told("response.failed", job)
            return
        if not generating:
            yield self._of_call("generating", job)
        yield self._of_call("completed", job)
        made = await what_was_made(self._orders, job)
        # In a thread: each has the whole picture.
        yield await asyncio.to_thread(self._item, "done", job, made)
        yield await asyncio.to_thread(self._told, "response.completed", job, made)

    def broken(self, told: dict[str, Any]) -> bytes:
        """The last frame of one that breaks off. The SDK documents the flat fields, and raises what is in `error`."""
        error = told["error"]
        return self._frame("error", **{name: error[name] for name in ("code", "message", "param")}, error=error)

    def _begin(self, job: Job) -> Iterator[bytes]:
        yield self._told("response.created", job)
        if job.state == "queued":
            yield self._told("response.queued", job)
        yield self._told("response.in_progress", job)
        yield self._item("added", job)
        yield self._of_call("in_progress", job)

    async def _partial(self, seen: Partial, job: Job) -> bytes:
        form = job.request.output_format
        return self._of_call(
            "partial_image",
            job,
            partial_image_b64=await asyncio.to_thread(recoded, seen.jpeg, form),
            partial_image_index=seen.index,
            size=f"{job.request.size.width}x{job.request.size.height}",
            quality=quality_of(wire.kept_of(job).tool) or "auto",
            background=background(job),
            output_format=form,
        )

    def _told(self, kind: str, job: Job, made: Made | None = None) -> bytes:
        shown = wire.response(job, made, instructions=self._instructions, begun=job.finished)
        if kind == "response.in_progress":
            shown = structs.replace(shown, status="in_progress")
        return self._frame(kind, response=shown)

    def _item(self, what: str, job: Job, made: Made | None = None) -> bytes:
        return self._frame(f"response.output_item.{what}", output_index=0, item=wire.call(job, made))

    def _of_call(self, what: str, job: Job, **more: Any) -> bytes:
        return self._frame(f"{_CALL}.{what}", item_id=wire.call_id(job), output_index=0, **more)

    def _frame(self, kind: str, **told: Any) -> bytes:
        number, self._number = self._number, self._number + 1
        return frame(kind, {"type": kind, "sequence_number": number, **told})
