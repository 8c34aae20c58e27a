"""A workflow's graph made into the prompt for one picture. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from engines.comfyui.mapping import Place, place
from engines.comfyui.sampling import Sampling
from engines.comfyui.workflows import Graph, Workflow, slot
from engines.contract import ImageRequest


class Uploaded(Struct, frozen=True):
    """The server's names of what was uploaded for a request."""

    image: str | None = None
    mask: str | None = None
    references: tuple[str, ...] = ()


class Lora(Struct, frozen=True):
    """`file` as the server lists it."""

    file: str
    weight: float


class Filling(Struct, frozen=True, kw_only=True):
    seed: int | None
    prefix: str
    sampling: Sampling = Sampling()
    uploaded: Uploaded = Uploaded()
    loras: tuple[Lora, ...] = ()
    checkpoint: str = ""
    constants: dict[str, Any] = {}


def filled(workflow: Workflow, request: ImageRequest, filling: Filling) -> Graph:
    """The graph with everything written into it that the mapping names."""
    graph = copy.deepcopy(workflow.graph)
    for text, value in filling.constants.items():
        _write(graph, (place(text),), value)
    for role, value in _values(request, filling).items():
        if value is not None:
            _write(graph, workflow.mapping.inputs.places(role), value)
    for written in _prefixes(workflow):
        _write(graph, (written,), filling.prefix)
    _put_references(graph, workflow.mapping.inputs.places("references"), filling.uploaded.references)
    if workflow.mapping.loras and filling.loras:
        _put_loras(graph, workflow.mapping.loras.model, workflow.mapping.loras.clip, filling.loras)
    return graph


def _values(request: ImageRequest, filling: Filling) -> dict[str, Any]:
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "seed": filling.seed,
        "width": request.width,
        "height": request.height,
        "batch_size": 1,
        "steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "sampler": filling.sampling.sampler,
        "scheduler": filling.sampling.scheduler,
        "strength": request.strength,
        "model": filling.checkpoint or None,
        "image": filling.uploaded.image,
        "mask": filling.uploaded.mask,
    }


def _write(graph: Graph, places: Iterable[Place], value: Any) -> None:
    for each in places:
        if each.node in graph:
            graph[each.node]["inputs"][each.input] = value


def _prefixes(workflow: Workflow) -> tuple[Place, ...]:
    """A fresh file for each picture: a server that has made the same before would else name the old one, and that may be
    gone."""
    if mapped := workflow.mapping.inputs.places("file_prefix"):
        return mapped
    found = []
    for id_ in workflow.mapping.outputs:
        if isinstance(workflow.graph[id_]["inputs"].get("filename_prefix"), str):
            found.append(Place(id_, "filename_prefix"))
    return tuple(found)


def _put_references(graph: Graph, places: Sequence[Place], names: Sequence[str]) -> None:
    for each, name in zip(places, names, strict=False):
        _write(graph, (each,), name)
    for each in places[len(names) :]:
        take_out(graph, each.node)


def take_out(graph: Graph, node: str) -> None:
    """Remove a node, and what worked on nothing but its output; inputs that came from it are left unset."""
    if graph.pop(node, None) is None:
        return
    for id_ in list(graph):
        if id_ not in graph:
            continue
        inputs = graph[id_]["inputs"]
        lost = [name for name, value in inputs.items() if _links_to(value, node)]
        for name in lost:
            del inputs[name]
        if lost and not any(is_link(value) for value in inputs.values()):
            take_out(graph, id_)


def _put_loras(graph: Graph, model: str, clip: str, loras: Sequence[Lora]) -> None:
    """A chain of loaders behind the model's (and the text encoder's) output, which everything then reads from."""
    first = _link(model), _link(clip) if clip else None
    last = first
    for number, lora in enumerate(loras, 1):
        id_ = f"darkroom_lora_{number}"
        inputs: dict[str, Any] = {"lora_name": lora.file, "strength_model": lora.weight, "model": last[0]}
        if last[1] is not None:
            inputs |= {"strength_clip": lora.weight, "clip": last[1]}
        _redirect(graph, last, id_)
        graph[id_] = {"class_type": "LoraLoader" if clip else "LoraLoaderModelOnly", "inputs": inputs}
        last = [id_, 0], [id_, 1] if clip else None


def _redirect(graph: Graph, links: tuple[list[Any], list[Any] | None], id_: str) -> None:
    for node in graph.values():
        for name, value in node["inputs"].items():
            if is_link(value) and value in links:
                node["inputs"][name] = [id_, links.index(value)]


def _link(text: str) -> list[Any]:
    found = slot(text)
    assert found is not None, "the workflow was checked"
    return [found.node, int(found.input)]


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def _links_to(value: Any, node: str) -> bool:
    return is_link(value) and value[0] == node
