"""A stranger's graph made into a workflow: its mapping guessed, or read from Open WebUI's list of nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engines.comfyui import guessing, mapping
from engines.comfyui.guessing import Roles
from engines.comfyui.mapping import Place, place
from engines.comfyui.nodes import Nodes
from engines.comfyui.workflows import Graph, Workflow, faults, load, names, parse
from engines.contract import InvalidRequest, ModelUnusable, WorkflowDescription

_OPEN_WEBUI = {
    "prompt": ("prompt", "text"), "negative_prompt": ("negative_prompt", "text"), "model": ("model", "ckpt_name"),
    "width": ("width", "width"), "height": ("height", "height"), "n": ("batch_size", "batch_size"),
    "steps": ("steps", "steps"), "seed": ("seed", "seed"), "image": ("image", "image"),
}  # fmt: skip
"""Its types of nodes: the role here, and the input where the list names none (its utils/images/comfyui.py)."""
_WANTED = ("prompt", "seed", "width", "height", "steps")
_MULTIPLE = 8


def listed(folder: str) -> list[WorkflowDescription]:
    """Every workflow that can be named; of one that cannot be used, why."""
    found = []
    for name, file in sorted(names(folder).items()):
        try:
            described = load(file).mapping
        except ModelUnusable as error:
            found.append(WorkflowDescription(name=name, title="", capabilities=(), notes=(error.message,)))
        else:
            found.append(WorkflowDescription(name=name, title=described.title, capabilities=described.capabilities))
    return found


def imported(name: str, document: bytes, told: bytes | None, nodes: Nodes) -> WorkflowDescription:
    """Raises InvalidRequest that says what is wrong with the file."""
    try:
        graph = parse(document)
        roles = guessing.roles(graph, nodes)
        if told is not None:
            roles |= _open_webui(told, graph)
    except ValueError as error:
        raise InvalidRequest(f"The workflow cannot be taken in: {error}.") from None
    outputs = guessing.outputs(graph, nodes)
    if not outputs:
        raise InvalidRequest("The workflow cannot be taken in: no node of it saves a picture; add a SaveImage node.")
    text = _written(name, graph, roles, outputs, guided_by=told is not None)
    workflow = Workflow(name, graph, mapping.read(text))
    if problem := next(faults(workflow), None):
        raise InvalidRequest(f"The workflow cannot be taken in: {problem}.")
    files = {f"{name}.json": (json.dumps(graph, indent=2, ensure_ascii=False) + "\n").encode(), f"{name}.toml": text.encode()}
    described = workflow.mapping
    return WorkflowDescription(
        name=name,
        title=described.title,
        capabilities=described.capabilities,
        notes=tuple(_notes(roles, outputs, nodes)),
        files=files,
    )


def constants(written: dict[str, Any]) -> dict[Place, Any]:
    """What an entry writes into nodes. Raises ModelUnusable for what is no place."""
    try:
        return {place(text): value for text, value in written.items()}
    except ValueError as error:
        raise ModelUnusable(f"inputs: {error}.") from None


def own_names(folder: str) -> list[str]:
    """Of the operator's workflows."""
    return sorted(name for name, file in names(folder).items() if folder and file.parent == Path(folder).expanduser())


def _open_webui(told: bytes, graph: Graph) -> Roles:
    """Its list names nodes by type; values of its own are written into the graph. Raises ValueError."""
    try:
        listed = json.loads(told)
    except ValueError:
        raise ValueError("the list of nodes is not JSON") from None
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise ValueError('the list of nodes is none; Open WebUI writes [{"type": "prompt", "key": "text", "node_ids": ["6"]}]')
    found: Roles = {}
    for each in listed:
        type_, ids = str(each.get("type") or ""), [str(id_) for id_ in each.get("node_ids") or ()]
        if type_ and type_ not in _OPEN_WEBUI:
            raise ValueError(f"the list of nodes has the type {type_!r}; there are {', '.join(_OPEN_WEBUI)}")
        role, usual = _OPEN_WEBUI.get(type_, ("", ""))
        key = str(each.get("key") or usual)
        for id_ in ids:
            if id_ not in graph:
                raise ValueError(f"the list of nodes names the node {id_}, and the graph has none; it has {', '.join(graph)}")
            if not role:
                graph[id_]["inputs"][key] = each.get("value")
            elif key not in graph[id_]["inputs"] and type_ != "seed":
                raise ValueError(f"the list of nodes names {id_}.{key} for {type_}, and that node has no such input")
        places = [f"{id_}.{_seed(graph, id_, key) if type_ == 'seed' else key}" for id_ in ids]
        if role == "image":
            found |= {"image": places[:1]} | ({"references": places[1:]} if places[1:] else {})
        elif role and places:
            found[role] = places
    return found


def _seed(graph: Graph, id_: str, key: str) -> str:
    return key if key in graph[id_]["inputs"] or "noise_seed" not in graph[id_]["inputs"] else "noise_seed"


def _written(name: str, graph: Graph, roles: Roles, outputs: Sequence[str], *, guided_by: bool) -> str:
    """The mapping as TOML, for people to read and mend."""
    source = "from Open WebUI's list of nodes" if guided_by else "guessed when it was imported; look it over"
    lines = [
        f"# Which input of which node is what: {source}.",
        f"title = {json.dumps(name, ensure_ascii=False)}",
        f"capabilities = {json.dumps(guessing.capabilities(roles))}",
        f"outputs = {json.dumps(list(outputs))}",
        "",
        "[inputs]",
        *(f"{role} = {json.dumps(_one(places))}" for role, places in roles.items() if places),
    ]
    if loras := guessing.lora_places(graph):
        lines += ["", "[loras]", f"model = {json.dumps(loras[0])}"] + ([f"clip = {json.dumps(loras[1])}"] if loras[1] else [])
    if native := _native(graph, roles):
        lines += ["", "[limits]", f'native_sizes = ["{native[0]}x{native[1]}"]', f"size_multiple = {_MULTIPLE}"]
    return "\n".join(lines) + "\n"


def _one(places: list[str]) -> str | list[str]:
    return places[0] if len(places) == 1 else places


def _native(graph: Graph, roles: Roles) -> tuple[int, int] | None:
    if guessing.capabilities(roles) == ("upscale",) or not (roles.get("width") and roles.get("height")):
        return None
    sides = []
    for role in ("width", "height"):
        where = place(roles[role][0])
        sides.append(graph[where.node]["inputs"].get(where.input))
    fits = all(isinstance(side, int) and 64 <= side <= 4096 and side % _MULTIPLE == 0 for side in sides)
    return (sides[0], sides[1]) if fits else None


def _notes(roles: Roles, outputs: Sequence[str], nodes: Nodes) -> Iterator[str]:
    if not nodes:
        yield "no server answered, so that nodes were known by their names alone; run `darkroom workflows check` later"
    for role, places in roles.items():
        yield f"{role}: {', '.join(places)}"
    yield f"outputs: {', '.join(outputs)}"
    wanted = _WANTED if guessing.capabilities(roles) == ("text_to_image",) else ("image",)
    for role in wanted:
        if not roles.get(role):
            yield f"{role}: not found; name its place in the .toml if the graph has one"
