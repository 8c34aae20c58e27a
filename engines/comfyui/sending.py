"""What goes to a server before a prompt runs there: pictures, the graph, and under which socket's id."""

from __future__ import annotations

import asyncio

from engines.comfyui import inputs, prompts
from engines.comfyui.filling import Filling, Lora, Uploaded, filled
from engines.comfyui.listening import Socket, listen
from engines.comfyui.options import ModelOptions, Options
from engines.comfyui.prompts import Prompt
from engines.comfyui.sampling import sampling
from engines.comfyui.server import Comfy
from engines.comfyui.workflows import Workflow
from engines.contract import EngineUnavailable, ImageRequest, ModelUnusable, UpstreamRateLimited

TAKEN_SECONDS = 0.3
"""From the coming of a prompt to its place in the queue, at most."""


class Sender:
    """One request's way to its server; `socket` is the one that hears of the prompts that were sent last."""

    def __init__(self, server: Comfy, request: ImageRequest, workflow: Workflow, options: Options, mine: ModelOptions) -> None:
        self.socket: Socket | None = None
        self._server = server
        self._request = request
        self._workflow = workflow
        self._options = options
        self._mine = mine
        self._uploaded: Uploaded | None = None
        self._loras: tuple[Lora, ...] = ()

    async def aclose(self) -> None:
        if self.socket:
            await self.socket.aclose()

    async def send(self, prompt: Prompt) -> None:
        before = prompt.sent
        try:
            await self._submit(prompt)
        except UpstreamRateLimited:
            raise
        except EngineUnavailable as error:
            # Perhaps it was taken, and only the answer was lost.
            if prompt.sent == before:
                raise
            try:
                there = await self._is_there(prompt)
            except EngineUnavailable as away:
                away.begun = error.begun
                raise
            if not there:
                await self._submit(prompt)

    async def _submit(self, prompt: Prompt) -> None:
        if self.socket is None or self.socket.lost:
            if self.socket:
                await self.socket.aclose()
            self._uploaded = None  # perhaps it was started anew, which empties `temp`
            self.socket = await listen(self._server)
        reused = self._uploaded is not None
        if self._uploaded is None:
            self._uploaded = await inputs.upload(self._server, self._request, self._workflow, self._options.uploads)
            self._loras = await inputs.loras(self._server, self._request)
        graph = filled(self._workflow, self._request, self._filling(prompt))
        prompt.watch = prompts.watch(prompt.id, graph, self._workflow) if self.socket else None
        if self.socket and prompt.watch:
            self.socket.add(prompt.watch)
        client = self.socket.client_id if self.socket else ""
        prompt.sent += 1
        try:
            given = await self._server.submit(prompt.id, graph, client, self._workflow.mapping.outputs, self._options.previews)
        except ModelUnusable:
            if not reused or self._uploaded == Uploaded():
                raise
            self._uploaded = None  # a restart that nobody noticed has emptied `temp`
            await self._submit(prompt)
            return
        if given != prompt.id:
            prompt.id = given  # servers of before 2025 choose it themselves
            if self.socket and prompt.watch:
                self.socket.drop(prompt.watch)
                prompt.watch.prompt_id = given
                self.socket.add(prompt.watch)

    def _filling(self, prompt: Prompt) -> Filling:
        asked = self._request.sampler or self._workflow.mapping.defaults.sampler
        assert self._uploaded is not None
        return Filling(
            seed=prompt.picture.seed,
            prefix=f"darkroom/{prompt.id}-{prompt.sent}",
            sampling=sampling(asked, self._workflow.literal("scheduler")),
            uploaded=self._uploaded,
            loras=self._loras,
            checkpoint=self._mine.checkpoint,
            constants=self._mine.inputs,
        )

    async def _is_there(self, prompt: Prompt) -> bool:
        """Asked twice: what was taken a moment ago may not be in the queue yet."""
        if await known(prompt):
            return True
        await asyncio.sleep(TAKEN_SECONDS)
        return await known(prompt)


async def known(prompt: Prompt) -> bool:
    """Whether its server has it, finished or not; the record of a finished one is kept."""
    prompt.record = await prompt.server.record(prompt.id)
    return prompt.record is not None or prompt.id in await prompt.server.queue()
