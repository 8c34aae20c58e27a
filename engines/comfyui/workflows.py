"""Workflows on disk: a graph in API format `NAME.json` and its mapping `NAME.toml`, found by name or by path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from engines.comfyui import mapping
from engines.comfyui.mapping import Mapping, Place
from engines.contract import ModelUnusable

Graph = dict[str, dict[str, Any]]
WEBSOCKET_OUTPUT = "SaveImageWebsocket"
"""Sends its pictures as frames and writes no file."""
_HERE = Path(__file__).parent
_READY = (_HERE / "workflows", _HERE.parent.parent / "workflows")
"""In a wheel, then in a checkout."""


class Workflow(Struct, frozen=True):
    name: str
    graph: Graph
    mapping: Mapping

    def literal(self, role: str) -> Any:
        """What the graph itself has at the first place of that role; None where that is a link, or not mapped."""
        for place in self.mapping.inputs.places(role):
            value = self.graph[place.node]["inputs"].get(place.input)
            return None if isinstance(value, list) else value
        return None

    @property
    def streams(self) -> frozenset[str]:
        """Those of the outputs that send frames instead of writing files."""
        return frozenset(id_ for id_ in self.mapping.outputs if self.graph[id_]["class_type"] == WEBSOCKET_OUTPUT)

    def maps(self, role: str) -> bool:
        return bool(getattr(self.mapping.inputs, role))


def ready_folder() -> Path:
    """Of the workflows that come with Darkroom."""
    return next((place for place in _READY if place.is_dir()), _READY[0])


def names(folder: str) -> dict[str, Path]:
    """Every workflow that can be named, with its graph's file; the operator's folder comes before ours."""
    found: dict[str, Path] = {}
    for place in (*([Path(folder).expanduser()] if folder else ()), ready_folder()):
        for file in sorted(place.glob("*.json")) if place.is_dir() else ():
            if file.with_suffix(".toml").is_file():
                found.setdefault(file.stem, file)
    return found


def find(source: str, folder: str) -> Workflow:
    """By a name, or by the path of its graph or its mapping. Raises ModelUnusable."""
    file = names(folder).get(source)
    if file is None and ("/" in source or "\\" in source or source.endswith((".json", ".toml"))):
        file = Path(source).expanduser().with_suffix(".json")
    if file is None:
        there = ", ".join(sorted(names(folder))) or "none"
        raise ModelUnusable(
            f'There is no workflow "{source}"; there are {there}. `darkroom workflows import FILE` takes one of your own in.'
        )
    return load(file)


def load(file: Path) -> Workflow:
    """Raises ModelUnusable, which calls the file by its name and not by its path."""
    try:
        graph = parse(file.read_bytes())
        described = mapping.read(file.with_suffix(".toml").read_text("utf-8"))
        workflow = Workflow(file.stem, graph, described)
        if problem := next(faults(workflow), None):
            raise ValueError(problem)
    except FileNotFoundError as error:
        lacking = Path(error.filename).name if error.filename else file.name
        raise ModelUnusable(f"The workflow {file.stem} is not there: {lacking} is missing.") from None
    except OSError as error:
        raise ModelUnusable(f"The workflow {file.stem} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ModelUnusable(f"The workflow {file.stem} cannot be used: {error}.") from None
    return workflow


def parse(data: bytes) -> Graph:
    """A graph in API format. Raises ValueError, for one in the interface's own format with how to export it."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if isinstance(found, dict) and set(found) <= {"prompt", "client_id", "extra_data", "prompt_id"} and "prompt" in found:
        found = found["prompt"]
    if isinstance(found, dict) and isinstance(found.get("nodes"), list):
        raise ValueError(
            "it is in the interface's own format, which servers cannot run; in ComfyUI choose Workflow > Export (API)"
            " and take that file (in old versions: Settings > Enable Dev mode Options, then Save (API Format))"
        )
    if not isinstance(found, dict) or not found:
        raise ValueError("it is no graph in API format: that is an object of nodes by their ids")
    for id_, node in found.items():
        if not (isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)):
            raise ValueError(f"it is no graph in API format: {id_!r} has no class_type and inputs")
    return found


def faults(workflow: Workflow) -> Iterator[str]:
    """What is wrong with a mapping for its graph, whatever the server."""
    graph, described = workflow.graph, workflow.mapping
    if not described.capabilities:
        yield "capabilities: name at least one"
    if not described.outputs:
        yield "outputs: name the node whose pictures are taken"
    for node in described.outputs:
        if node not in graph:
            yield f"outputs: the graph has no node {node}"
    for role, place in described.inputs.mapped():
        if place.node not in graph:
            yield f"inputs.{role}: the graph has no node {place.node}"
    if not {"text_to_image"}.isdisjoint(described.capabilities) and not workflow.maps("prompt"):
        yield "inputs.prompt: words make no picture without it; name the input that takes them"
    if not {"image_to_image", "inpaint", "upscale"}.isdisjoint(described.capabilities) and not workflow.maps("image"):
        yield "inputs.image: name the input that takes the file of the picture that is changed"
    if "inpaint" in described.capabilities and not workflow.maps("mask"):
        yield 'inputs.mask: name the input that takes the file of the mask, or write mask = "alpha"'
    if described.loras:
        for link in (described.loras.model, described.loras.clip):
            if link and slot(link) is None:
                yield f'loras: {link!r} is no output; write node.slot, such as "4.0"'
    yield from _sizes(workflow)


def slot(text: str) -> Place | None:
    node, _, number = text.partition(".")
    return Place(node, number) if node and number.isdecimal() else None


def _sizes(workflow: Workflow) -> Iterator[str]:
    limits = workflow.mapping.limits
    smallest, largest, native = mapping.sizes(limits)
    if limits.size_multiple < 1 or smallest.width > largest.width or smallest.height > largest.height:
        yield "limits: min_size is larger than max_size, or size_multiple is less than 1"
        return
    for size in native:
        fits = smallest.width <= size.width <= largest.width and smallest.height <= size.height <= largest.height
        if not fits or size.width % limits.size_multiple or size.height % limits.size_multiple:
            yield f"limits.native_sizes: {size.width}x{size.height} is not within min_size, max_size and size_multiple"
