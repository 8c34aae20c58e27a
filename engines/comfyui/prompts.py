"""Prompts of one request: their ids, what is known of each, and what earlier attempts left on the servers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from engines.comfyui.server import Comfy, Record
from engines.comfyui.watching import Watch
from engines.comfyui.workflows import Graph, Workflow
from engines.contract import EngineUnavailable, ImageRequest, Picture

_OURS = uuid.UUID("5b9c1b0e-8f0e-5d1c-9d53-6f2d6b0a7c11")


def prompt_id(request: ImageRequest, ordinal: int, attempt: int | None = None) -> str:
    """The same for the same picture of the same attempt, so that it is found again whatever happened to us.

    Lower case with hyphens: newer servers take no other.
    """
    return str(uuid.uuid5(_OURS, f"{request.id}/{attempt or request.attempt}/{ordinal}"))


class Prompt:
    """One picture on its way."""

    def __init__(self, server: Comfy, id_: str, picture: Picture) -> None:
        self.server = server
        self.id = id_
        self.picture = picture
        self.watch: Watch | None = None
        """None: nobody tells us about it, and it has to be asked for."""
        self.record: Record | None = None
        self.sent = 0
        self.losses = 0
        """How often its server knew it no more."""


def watch(id_: str, graph: Graph, workflow: Workflow) -> Watch:
    """`id_` is the server's name for it."""
    loaders = [node for node, told in graph.items() if "Loader" in told["class_type"]]
    steps = {place.node for place in workflow.mapping.inputs.places("steps")}
    return Watch(id_, graph, steps=steps, loaders=loaders, streamed=workflow.streams)


async def earlier(request: ImageRequest, servers: Sequence[Comfy], workflow: Workflow) -> dict[int, Prompt]:
    """By ordinal, what earlier attempts sent and what still waits, runs or is finished. `servers` with our own first.

    Raises EngineUnavailable when our own does not answer; another that does not has nothing that could be waited for.
    """
    found: dict[int, Prompt] = {}
    if request.attempt < 2:
        return found
    for server in servers:
        try:
            await _look(request, server, workflow, found)
        except EngineUnavailable:
            if server is servers[0]:
                raise
    return found


async def _look(request: ImageRequest, server: Comfy, workflow: Workflow, found: dict[int, Prompt]) -> None:
    queue = await server.queue()
    for attempt in range(request.attempt - 1, 0, -1):
        for picture in request.pictures:
            if picture.ordinal in found:
                continue
            prompt = Prompt(server, prompt_id(request, picture.ordinal, attempt), picture)
            if prompt.id not in queue:
                prompt.record = await server.record(prompt.id)
                if prompt.record is None or prompt.record.ending != "success" or not _files(prompt.record, workflow):
                    continue
            elif workflow.streams:
                await server.cancel(prompt.id)  # its pictures went to a socket that is gone
                continue
            found[picture.ordinal] = prompt


def _files(record: Record, workflow: Workflow) -> bool:
    return any(record.outputs.get(node) for node in workflow.mapping.outputs)
