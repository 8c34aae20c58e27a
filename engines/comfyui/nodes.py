"""What a server's /object_info says of node classes, in both spellings of its lists. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engines.comfyui.filling import is_link
from engines.comfyui.mapping import Place
from engines.comfyui.workflows import Graph, Workflow

Nodes = Mapping[str, Any]
_SHOWN = 6


def declared(nodes: Nodes, class_type: str) -> Iterator[tuple[str, Any, bool]]:
    """Each input's name, what is said of it, and whether it is required."""
    told = nodes.get(class_type)
    inputs = told.get("input") if isinstance(told, Mapping) else None
    for group in ("required", "optional"):
        named = inputs.get(group) if isinstance(inputs, Mapping) else None
        for name, config in named.items() if isinstance(named, Mapping) else ():
            yield name, config, group == "required"


def choices(nodes: Nodes, class_type: str, name: str) -> list[str] | None:
    """None where that input is no list."""
    return next((options(config) for each, config, _ in declared(nodes, class_type) if each == name), None)


def options(config: Any) -> list[str] | None:
    """Of `[[...], {}]` and `["COMBO", {"options": [...]}]`."""
    if not isinstance(config, list) or not config:
        return None
    listed = config[0]
    if listed == "COMBO":
        listed = config[1].get("options") if len(config) > 1 and isinstance(config[1], Mapping) else None
        return None if listed is None else [str(each) for each in listed]
    return [str(each) for each in listed] if isinstance(listed, list) else None


def kind(nodes: Nodes, class_type: str, name: str) -> str:
    """`INT`, `STRING`, `IMAGE` and so on; empty where it is not known."""
    found = next((config for each, config, _ in declared(nodes, class_type) if each == name), None)
    return str(found[0]) if isinstance(found, list) and found and isinstance(found[0], str) else ""


def is_output(nodes: Nodes, class_type: str) -> bool:
    told = nodes.get(class_type)
    return isinstance(told, Mapping) and told.get("output_node") is True


def lacking(workflow: Workflow, nodes: Nodes, constants: Mapping[Place, Any]) -> list[str]:
    """What a server with these nodes would refuse, one line each. Places that every prompt writes anew are left out."""
    uploads = {
        place for role in ("image", "mask", "references") for place in workflow.mapping.inputs.places(role)
    }  # fmt: skip
    found = []
    for id_, node in workflow.graph.items():
        class_type = node["class_type"]
        if class_type not in nodes:
            found.append(f"{_name(id_, node)}: the server has no such node; install the custom nodes that bring it")
            continue
        for name, config, required in declared(nodes, class_type):
            value = constants.get(Place(id_, name), node["inputs"].get(name))
            listed = options(config)
            if value is None and required:
                found.append(f"{_name(id_, node)}: {name} is missing")
            elif is_link(value) and value[0] not in workflow.graph:
                found.append(f"{_name(id_, node)}: {name} comes from node {value[0]}, which is not there")
            elif listed is not None and value is not None and not is_link(value) and Place(id_, name) not in uploads:
                found += _listed(f"{_name(id_, node)}: {name}", value, listed)
    for id_ in workflow.mapping.outputs:
        if workflow.graph[id_]["class_type"] in nodes and not is_output(nodes, workflow.graph[id_]["class_type"]):
            found.append(f"{_name(id_, workflow.graph[id_])}: outputs: it saves nothing; name a node that does")
    return found


def links(graph: Graph, id_: str) -> Iterator[tuple[str, str]]:
    """Each linked input of a node, with the node that it comes from."""
    for name, value in graph[id_]["inputs"].items():
        if is_link(value) and value[0] in graph:
            yield name, value[0]


def _listed(what: str, value: Any, listed: list[str]) -> Iterator[str]:
    if str(value) not in listed:
        have = ", ".join(listed[:_SHOWN]) + (" …" if len(listed) > _SHOWN else "") if listed else "none"
        yield f"{what}: the server has no {str(value)!r}; it has {have}"


def _name(id_: str, node: Mapping[str, Any]) -> str:
    return f"node {id_} ({node['class_type']})"
