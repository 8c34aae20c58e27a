"""One request on one server: its pictures one prompt each, followed on the socket, else asked for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from engines import http
from engines.comfyui import prompts
from engines.comfyui.finishing import Finishing
from engines.comfyui.options import ModelOptions, Options
from engines.comfyui.prompts import Prompt
from engines.comfyui.sending import Sender, known
from engines.comfyui.server import Comfy
from engines.comfyui.workflows import Workflow
from engines.contract import (
    Batch,
    Done,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    Event,
    ImageRequest,
    Loading,
    Picture,
    Progress,
    UpstreamRateLimited,
)

log = logging.getLogger(__name__)
T = TypeVar("T")

AHEAD = 2
"""Prompts on the server at once, so that it need not wait while we fetch a picture."""
GLANCE_SECONDS = 0.2
"""Between two looks at whether anybody still wants this."""
ASK_SECONDS = (0.3, 2.0)
"""Between two questions about a prompt that nobody tells us of, at first and at most."""
SILENT_SECONDS = 15.0
"""A socket that says nothing for so long is checked by a question; a model that loads is as silent."""
NULL_SECONDS = 1.0
"""From an ending to the message that nothing more comes, which is sent when the history is written."""
CANCEL_SECONDS = 5.0
MOST_LOSSES = 2
UNKNOWN_STEPS = 100


class Run:
    """`servers` with the one to run on first; the others are only asked for what earlier attempts left there."""

    def __init__(
        self,
        batch: Batch,
        request: ImageRequest,
        servers: Sequence[Comfy],
        workflow: Workflow,
        options: Options,
        mine: ModelOptions,
    ) -> None:
        self._batch = batch
        self._request = request
        self._servers = servers
        self._server = servers[0]
        self._workflow = workflow
        self._options = options
        self._sender = Sender(servers[0], request, workflow, options, mine)
        self._finishing = Finishing(request, workflow, mine, self._sender, self._patiently)
        self._outstanding: deque[Prompt] = deque()
        self._unit = request.steps if request.steps and workflow.maps("steps") else UNKNOWN_STEPS
        self._made = 0
        self._first: str | None = None
        """The server's id of the first picture's prompt."""
        self._step = 0

    async def events(self) -> AsyncIterator[Event]:
        """Raises an EngineError. What is canceled, or cannot be finished, is canceled on the server too."""
        try:
            async for event in self._events():
                yield event
        except EngineUnavailable as error:
            if not self._canceled():
                error.begun = error.begun or bool(self._outstanding or self._made)
                raise  # what is on the server goes on, and the next attempt finds it there
            await self._cancel()
        except EngineError:
            await self._cancel()
            raise
        finally:
            await self._sender.aclose()

    async def _events(self) -> AsyncIterator[Event]:
        left = await self._patiently(lambda: prompts.earlier(self._request, self._servers, self._workflow))
        waiting = deque(each for each in self._request.pictures if each.ordinal in left or not self._request.found_only)
        if self._batch.saving:
            await self._server.free()
        while (waiting or self._outstanding) and not self._canceled():
            while waiting and len(self._outstanding) < AHEAD and not self._canceled():
                picture = waiting.popleft()
                self._outstanding.append(left.get(picture.ordinal) or await self._begin(picture))
            prompt = self._outstanding[0]
            async for event in self._follow(prompt):
                yield event
            if self._canceled():
                break
            ready = await self._finishing.ready(prompt)
            if self._canceled():
                break
            self._outstanding.popleft()
            if ready is None and self._request.found_only:
                continue
            if ready is None:
                self._outstanding.appendleft(await self._begin(prompt.picture))
                continue
            self._made += 1
            self._first = self._first or prompt.id
            yield ready
        if self._canceled():
            await self._cancel()
            return
        yield Done(self._request.id, upstream_id=self._first)

    # ------------------------------------------------------------------------------------------ sending

    async def _begin(self, picture: Picture) -> Prompt:
        prompt = Prompt(self._server, prompts.prompt_id(self._request, picture.ordinal), picture)
        if self._made or self._outstanding or len(self._servers) == 1:
            await self._patiently(lambda: self._sender.send(prompt))
        else:
            await self._sender.send(prompt)  # nothing is there yet: another lane may take it at once
        return prompt

    # ------------------------------------------------------------------------------------------ following

    async def _follow(self, prompt: Prompt) -> AsyncIterator[Event]:
        """Until it is over, or nobody wants it any more."""
        asked = heard = time.monotonic()
        pause, missing, ending_at = ASK_SECONDS[0], 0, None
        while not self._canceled() and prompt.record is None:
            watch, now = prompt.watch, time.monotonic()
            if watch is not None and watch.ending and ending_at is None:
                ending_at = now
            if watch is not None and (watch.over or (ending_at is not None and now > ending_at + NULL_SECONDS)):
                return
            for event in await self._news(prompt):
                heard = now
                yield event
            deaf = watch is None or self._sender.socket is None or self._sender.socket.lost
            if now - asked >= (pause if deaf else SILENT_SECONDS) and (deaf or now - heard >= SILENT_SECONDS):
                asked, pause = now, min(pause * 1.5, ASK_SECONDS[1])
                missing = 0 if await self._patiently(lambda: known(prompt)) else missing + 1
                if missing > 1:
                    await self._resend(prompt)
                    missing = 0
                    continue
            await self._rest(deaf)

    async def _rest(self, deaf: bool) -> None:
        if deaf or self._sender.socket is None:
            await asyncio.sleep(GLANCE_SECONDS)
        else:
            await self._sender.socket.wait(GLANCE_SECONDS)

    async def _resend(self, prompt: Prompt) -> None:
        """The server knows it no more: it was started anew. A prompt that fells its server twice is not sent again."""
        prompt.losses += 1
        if prompt.losses >= MOST_LOSSES or self._request.found_only:
            raise EngineCrashed(f"{prompt.server.name} was started anew each time that it worked on this.")
        log.info("%s lost a prompt, as after a restart; it is sent again", prompt.server.name)
        fresh = prompts.prompt_id(self._request, prompt.picture.ordinal)
        prompt.server, prompt.id = self._server, fresh
        await self._patiently(lambda: self._sender.send(prompt))

    async def _news(self, prompt: Prompt) -> list[Event]:
        """Progress since the last time; absolute, over all pictures of the request."""
        watch = prompt.watch
        if watch is None:
            return []
        if watch.loading and not self._step:
            watch.loading = False
            return [Loading(self._request.model)]
        total = self._unit * len(self._request.pictures)
        step = self._made * self._unit + int(watch.share * self._unit)
        preview = None
        if (data := watch.take_preview()) is not None and self._batch.watched(self._request.id):
            preview = await asyncio.to_thread(http.preview, data)
        step = max(step, self._step, 1 if preview is not None else 0)
        if step <= self._step and preview is None:
            return []
        self._step = step
        return [Progress(self._request.id, step, total, preview, ordinal=prompt.picture.ordinal)]

    # ------------------------------------------------------------------------------------------ bad days

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Again and again while the server is away, as long as the operator has patience."""
        until, pause = time.monotonic() + self._options.patience_seconds, 0.2
        while True:
            try:
                return await ask()
            except EngineUnavailable as error:
                if isinstance(error, UpstreamRateLimited) or time.monotonic() + pause > until or self._canceled():
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 2.0)

    def _canceled(self) -> bool:
        return self._batch.canceled(self._request.id)

    async def _cancel(self) -> None:
        """Whatever of it is still on a server. One that does not answer makes pictures that nobody takes."""
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                for prompt in self._outstanding:
                    if prompt.record is None:
                        await prompt.server.cancel(prompt.id)
        except (EngineError, TimeoutError) as error:
            log.warning("%s may still work on what was canceled: %s", self._server.name, error)
