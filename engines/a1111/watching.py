"""How far a call is, whether what runs there is ours, and how it is stopped.

A server works on one call at a time, and its `/progress` and `/interrupt` mean whichever that is: it may be a stranger's. A
call is known to be ours by its task's id, or because the operator says that nobody else is there.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Any

from msgspec import Struct

from engines.a1111.probing import API, Facts
from engines.contract import EngineError, Pixels
from engines.http import Server, preview

POLL_SECONDS = 10.0
"""For one question how far it is."""
SETTLE_SECONDS = 120.0
_LARGEST_FRAME = 8 * 2**20


class Seen(Struct, frozen=True):
    share: float | None = None
    """0 to 1; None where it is not told."""
    ours: bool = False
    """Known to be what runs now."""
    waits: bool = False
    """Behind other calls."""
    preview: Pixels | None = None


class Watch:
    """Of one call; `task` is its id."""

    def __init__(self, server: Server, facts: Facts, task: str, *, exclusive: bool) -> None:
        self._server = server
        self._facts = facts
        self._task = task
        self._exclusive = exclusive
        self._frame = -1
        self.missed = 0
        """Questions in a row that got no answer."""

    async def look(self, steps: int, *, preview: bool = False) -> Seen:
        """`steps` is how many each pass has, by which a stranger's call is told apart where nothing better is there."""
        try:
            seen = await self._look(steps, preview)
        except EngineError:
            self.missed += 1
            return Seen()
        self.missed = 0
        return seen

    async def stop(self) -> bool:
        """Interrupt the call, if it is known to be what runs now; whether that was so. Ask again until it ends: what is
        said while it waits for its checkpoint is forgotten."""
        if not self._facts.interrupts or not (self._exclusive or (await self.look(0)).ours):
            return False
        await self._quietly("POST", f"{API}/interrupt")
        return True

    async def stop_if_it_runs(self) -> bool:
        """Whether the call is known to run or wait still; it is then interrupted. What cannot be told counts as over."""
        if not (self._facts.tasks or self._exclusive):
            return False
        seen = await self.look(0)
        if seen.ours:
            await self.stop()
        return seen.ours or seen.waits

    async def was_interrupted(self, began: str) -> bool:
        """Whether somebody broke off the call that is over, and began at that `job_timestamp`: its picture is unfinished,
        though the answer looks as any other."""
        if not self._facts.progress or not (began or self._exclusive):
            return False
        told = await self._quietly("GET", f"{API}/progress", params={"skip_current_image": "true"})
        state = told.get("state") if isinstance(told, dict) else None
        if not isinstance(state, dict) or (began and str(state.get("job_timestamp")) != began):
            return False
        return bool(state.get("interrupted") or state.get("skipped"))

    async def free_memory(self) -> int | None:
        """Of the GPU, in bytes, where the server tells."""
        told = await self._quietly("GET", f"{API}/memory")
        cuda = told.get("cuda") if isinstance(told, dict) else None
        system = cuda.get("system") if isinstance(cuda, dict) else None
        free = system.get("free") if isinstance(system, dict) else None
        return int(free) if isinstance(free, int | float) else None

    async def _look(self, steps: int, wants: bool) -> Seen:
        if self._facts.tasks and self._task:
            return await self._of_task(wants)
        if not self._facts.progress:
            return Seen()
        return await self._of_server(steps, wants)

    async def _of_task(self, wants: bool) -> Seen:
        asked = {"id_task": self._task, "id_live_preview": self._frame, "live_preview": wants}
        told = await self._server.json("POST", "/internal/progress", json=asked, seconds=POLL_SECONDS)
        if not isinstance(told, dict) or not told.get("active"):
            return Seen(waits=isinstance(told, dict) and bool(told.get("queued")))
        frame = told.get("id_live_preview")
        self._frame = frame if isinstance(frame, int) else self._frame
        preview = await _picture(told.get("live_preview") if wants else None)
        return Seen(_share(told.get("progress")), ours=True, preview=preview)

    async def _of_server(self, steps: int, wants: bool) -> Seen:
        skip = "false" if wants and self._exclusive else "true"
        told = await self._server.json("GET", f"{API}/progress", params={"skip_current_image": skip}, seconds=POLL_SECONDS)
        state = told.get("state") if isinstance(told, dict) else None
        if not isinstance(state, dict) or not state.get("job") or state.get("job") == "Upscale":
            return Seen()  # idle, or what enlarging left behind
        # Forge tells whose call it is.
        ours = self._exclusive or (bool(self._task) and told.get("current_task") == self._task)
        count, number, step, of = (_whole(state.get(key)) for key in ("job_count", "job_no", "sampling_step", "sampling_steps"))
        if count < 1 or of < 1:
            return Seen(ours=ours)
        if not ours and of != steps:
            return Seen()
        share = min(1.0, (number + min(step, of) / of) / count)
        return Seen(share, ours=ours, preview=await _picture(told.get("current_image") if ours and wants else None))

    async def _quietly(self, method: str, path: str, **sent: Any) -> Any:
        """The JSON of an answer, None for none: SD.Next answers 204 to an interrupt."""
        try:
            answer = await self._server.ask(method, path, seconds=POLL_SECONDS, **sent)
            return answer.json() if answer.ok and answer.body.strip() else None
        except EngineError:
            return None


def _whole(told: Any) -> int:
    return told if isinstance(told, int) and told > 0 else 0


def _share(told: Any) -> float | None:
    return min(1.0, max(0.0, float(told))) if isinstance(told, int | float) else None


async def _picture(told: Any) -> Pixels | None:
    """A frame, with or without the head of a data URI."""
    if not isinstance(told, str) or not told or len(told) > _LARGEST_FRAME:
        return None
    try:
        data = base64.b64decode(told.partition(",")[2] if told.startswith("data:") else told)
    except (binascii.Error, ValueError):
        return None
    return await asyncio.to_thread(preview, data)
