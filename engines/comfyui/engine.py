"""The engine's door: one lane for each server, workflows as models."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Hashable, Sequence

from engines import http, samplers
from engines.comfyui import cards, importing, nodes, options, workflows
from engines.comfyui.options import lane_of
from engines.comfyui.running import Run
from engines.comfyui.server import Comfy
from engines.comfyui.workflows import Workflow
from engines.contract import (
    Batch,
    EngineError,
    EngineUnavailable,
    Event,
    Health,
    ImageRequest,
    InvalidRequest,
    ModelCard,
    ModelSpec,
    ModelUnusable,
    WorkflowDescription,
    WorkflowEngine,
)

HEALTH_SECONDS = 5.0
CHECKPOINTS = ("CheckpointLoaderSimple", "ckpt_name")


class ComfyUIEngine(WorkflowEngine):
    """Each server of `options.servers` is a lane. All of them are asked for what an earlier attempt left."""

    Options = options.Options
    ModelOptions = options.ModelOptions
    set_by_http = options.SET_BY_HTTP

    def __init__(self, name: str, options: options.Options) -> None:
        super().__init__(name, options)
        self._urls = {lane_of(url): url for url in options.servers}
        self._servers: dict[str, tuple[str, Comfy]] = {}
        self._closing = http.Closing(self._close)

    def lanes(self) -> Sequence[str]:
        return tuple(self._urls)

    async def discover(self) -> Sequence[ModelSpec]:
        """The checkpoints of the first server that answers, as text-to-image models, and workflows of the operator's own."""
        away: EngineError | None = None
        for lane in self._urls:
            try:
                listed = await self._server(lane).choices(*CHECKPOINTS)
            except EngineError as error:
                away = away or error
                continue
            found = {_id(each): _checkpoint(each) for each in reversed(listed)}
            own = await asyncio.to_thread(importing.own_names, self.options.workflows)
            return (*reversed(found.values()), *(ModelSpec(id=name, source=name) for name in own if name not in found))
        if away:
            raise away
        return ()

    async def card(self, model: ModelSpec) -> ModelCard:
        return cards.card_of(await self._workflows(model))

    def check(self, request: ImageRequest, card: ModelCard) -> None:
        if request.capability not in card.capabilities:
            raise InvalidRequest(f"The model does not do {request.capability}.", "capability")
        if request.capability != "text_to_image" and request.source is None:
            raise InvalidRequest(f"{request.capability} needs a picture to change.", "source")
        if request.capability == "inpaint" and request.mask is None:
            raise InvalidRequest("inpaint needs a mask: white where the picture shall be painted anew.", "mask")
        if request.sampler is not None and (samplers.resolve(request.sampler) or request.sampler) not in card.samplers:
            near = samplers.nearest(request.sampler, card.samplers)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise InvalidRequest(f"The model has no sampler {request.sampler!r}.{hint}", "sampler")

    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        return None

    async def health(self, lane: str) -> Health:
        try:
            with self._closing.using():
                async with asyncio.timeout(HEALTH_SECONDS):
                    return Health(ok=True, free_memory=await self._server(lane).free_memory())
        except TimeoutError:
            return Health(ok=False, reason=f"{self._server(lane).name} did not answer within {HEALTH_SECONDS:.0f} s.")
        except EngineError as error:
            return Health(ok=False, reason=error.message)

    async def free(self, lane: str) -> None:
        """The server gives its models' memory back when it is idle. Raises an EngineError."""
        await self._server(lane).free()

    def holds(self, model: ModelSpec) -> Hashable | None:
        """What the checkpoint is where one is named; the others are told apart by their workflows."""
        mine = model.options or options.ModelOptions()
        return mine.checkpoint or model.source

    async def generate(self, batch: Batch, lane: str) -> AsyncIterator[Event]:
        with self._closing.using():
            async for event in self._made(batch, lane):
                yield event

    async def _made(self, batch: Batch, lane: str) -> AsyncIterator[Event]:
        found = await self._workflows(batch.model)
        servers = [self._server(lane), *(self._server(other) for other in self._urls if other != lane)]
        mine = batch.model.options or options.ModelOptions()
        for request in batch.requests:
            if batch.canceled(request.id):
                continue
            workflow = cards.serving(found, request.capability)
            if workflow is None:
                raise InvalidRequest(f"The model does not do {request.capability}.", "capability")
            async for event in Run(batch, request, servers, workflow, self.options, mine).events():
                yield event

    async def aclose(self) -> None:
        await self._closing.aclose()

    async def _close(self) -> None:
        servers, self._servers = self._servers, {}
        await asyncio.gather(*(server.aclose() for _, server in servers.values()))

    # ------------------------------------------------------------------------------- for `darkroom workflows`

    async def workflows(self) -> Sequence[WorkflowDescription]:
        return await asyncio.to_thread(importing.listed, self.options.workflows)

    async def import_workflow(self, name: str, document: bytes, told: bytes | None = None) -> WorkflowDescription:
        info: nodes.Nodes = {}
        for lane in self._urls:
            try:
                info = await self._server(lane).nodes()
                break
            except EngineUnavailable:
                continue
        return importing.imported(name, document, told, info)

    async def check_workflow(self, model: ModelSpec, lane: str) -> Sequence[str]:
        mine = model.options or options.ModelOptions()
        written = importing.constants(mine.inputs)
        there = await self._server(lane).nodes()
        found = []
        for workflow in await self._workflows(model):
            chosen = dict.fromkeys(workflow.mapping.inputs.places("model"), mine.checkpoint) if mine.checkpoint else {}
            found += [f"{workflow.name}: {each}" for each in nodes.lacking(workflow, there, written | chosen)]
        return found

    async def _workflows(self, model: ModelSpec) -> list[Workflow]:
        mine = model.options or options.ModelOptions()
        importing.constants(mine.inputs)
        return [
            await asyncio.to_thread(workflows.find, source, self.options.workflows) for source in (model.source, *mine.also)
        ]

    def _server(self, lane: str) -> Comfy:
        """Made anew when its key has changed."""
        if lane not in self._urls:
            raise ModelUnusable(f"There is no server {lane} any more.")
        key = self.secret(self.options.key)
        kept = self._servers.get(lane)
        if kept is None or kept[0] != key:
            made = Comfy(self._urls[lane], lane, key=key, user=self.options.user, ca_file=self.options.ca_file)
            self._servers[lane] = kept = key, made
        return kept[1]


def _id(file: str) -> str:
    stem = re.sub(r"\.(safetensors|ckpt|sft|gguf)$", "", re.split(r"[/\\]", file)[-1])
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-.") or "checkpoint"


def _checkpoint(file: str) -> ModelSpec:
    """Its kind by its name, which is all that the server tells."""
    kind = "sdxl" if re.search(r"xl|pony|illustrious", file, re.IGNORECASE) else "sd15"
    mine = options.ModelOptions(checkpoint=file, also=(f"{kind}-image-to-image", f"{kind}-inpaint"))
    return ModelSpec(id=_id(file), source=kind, options=mine)
