"""From a prompt that is over on its server to the picture it made, or to what went wrong there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from engines import http
from engines.comfyui import png, troubles
from engines.comfyui.options import ModelOptions
from engines.comfyui.prompts import Prompt
from engines.comfyui.sending import Sender
from engines.comfyui.server import File, Record
from engines.comfyui.workflows import Workflow
from engines.contract import EngineCrashed, EngineUnavailable, ImageReady, ImageRequest, ModelUnusable, Size

WRITTEN_SECONDS = 10.0
"""At most, from the end of a prompt to its entry in the history."""
T = TypeVar("T")


class Patiently(Protocol):
    """Asks a server again and again while it is away."""

    async def __call__(self, ask: Callable[[], Awaitable[T]], /) -> T: ...


class Finishing:
    """The last part of one request's prompts."""

    def __init__(
        self, request: ImageRequest, workflow: Workflow, mine: ModelOptions, sender: Sender, patiently: Patiently
    ) -> None:
        self._request = request
        self._workflow = workflow
        self._mine = mine
        self._sender = sender
        self._patiently = patiently

    async def ready(self, prompt: Prompt) -> ImageReady | None:
        """None for what an earlier attempt made and nobody has any more. Raises what the server says went wrong."""
        record = prompt.record
        if record is None:
            record = await self._patiently(lambda: _written(prompt))
        if prompt.watch and self._sender.socket:
            self._sender.socket.drop(prompt.watch)
        name, secrets = prompt.server.name, prompt.server.secrets
        if record.ending == "error":
            trouble = record.trouble or (prompt.watch.trouble if prompt.watch else {})
            raise troubles.failed(trouble, name, secrets)
        if record.ending == "interrupted":
            raise troubles.stopped(name)
        data = await self._data(prompt, record)
        if data is None and prompt.sent == 0:
            return None
        if data is None:
            raise EngineCrashed(f"{name} made a picture that is gone: somebody emptied its folder.")
        size = Size(self._request.width, self._request.height)
        told = {"workflow": self._workflow.name} | ({"checkpoint": self._mine.checkpoint} if self._mine.checkpoint else {})
        kept = png.without_text(data)
        return await asyncio.to_thread(http.ready, self._request.id, prompt.picture, kept, size, name, told)

    async def _data(self, prompt: Prompt, record: Record) -> bytes | None:
        """None for what is gone."""
        if prompt.watch and prompt.watch.streamed:
            return prompt.watch.streamed[0]
        file = _first(record, self._workflow.mapping.outputs)
        if file is None:
            nodes = ", ".join(self._workflow.mapping.outputs)
            if self._workflow.streams:
                raise EngineUnavailable(f"{prompt.server.name} sent the picture while nobody listened.")
            raise ModelUnusable(f"The workflow made no picture at node {nodes} on {prompt.server.name}; mend its outputs.")
        return await self._patiently(lambda: prompt.server.picture(file))


async def _written(prompt: Prompt) -> Record:
    until, pause = time.monotonic() + WRITTEN_SECONDS, 0.02
    while (record := await prompt.server.record(prompt.id)) is None:
        if time.monotonic() > until:
            raise EngineUnavailable(f"{prompt.server.name} finished this and has no record of it.")
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)
    return record


def _first(record: Record, outputs: Sequence[str]) -> File | None:
    """Of the outputs in their order; what was saved before what is only shown."""
    files = [file for node in outputs for file in record.outputs.get(node, ())]
    return next((file for file in files if file.type == "output"), files[0] if files else None)
