"""A ComfyUI graph in API form, and ways through it that end: `{"3": {"class_type": "KSampler", "inputs": {…}}}`.

An input is a value, or a link to another node's output: `["4", 0]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

MOST_NODES = 5_000
DEEPEST = 60
"""Links that one way follows."""
MOST_VISITS = 20_000
"""Nodes that reading one graph looks at, those that it meets again included."""


class Link(NamedTuple):
    node: str
    output: int


class Node(NamedTuple):
    id: str
    kind: str
    """Its class."""
    inputs: dict[str, Any]

    def link(self, *names: str) -> Link | None:
        """The first of these inputs that is a link."""
        return next((found for name in names if (found := linked(self.inputs.get(name)))), None)

    def links(self) -> Iterator[tuple[str, Link]]:
        for name, value in self.inputs.items():
            if link := linked(value):
                yield name, link


class Graph:
    """Never more nodes and visits than the bounds; what is no node is passed over."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.nodes: dict[str, Node] = {}
        self._left = MOST_VISITS
        for id, node in said.items():
            if len(self.nodes) < MOST_NODES and isinstance(node, dict) and isinstance(node.get("inputs"), dict):
                kind = node.get("class_type")
                self.nodes[id] = Node(id, kind if isinstance(kind, str) else "", node["inputs"])

    def node(self, link: Link | None) -> Node | None:
        """What the link comes from; None too once the graph has had its visits."""
        self._left -= 1
        return self.nodes.get(link.node) if link and self._left > 0 else None

    def up(self, link: Link | None, *names: str) -> Iterator[Node]:
        """The nodes along one way, as each is linked by the first of these inputs that it has."""
        seen: set[str] = set()
        while len(seen) < DEEPEST and (node := self.node(link)) is not None and node.id not in seen:
            seen.add(node.id)
            yield node
            link = node.link(*names) or only_link(node)

    def upstream(self, start: Node) -> Iterator[Node]:
        """All that a node is made from, the nearest first, itself included."""
        seen = {start.id}
        near = [start]
        while near:
            yield from near
            following: list[Node] = []
            for node in near:
                for _, link in node.links():
                    other = self.node(link)
                    if other is not None and other.id not in seen:
                        seen.add(other.id)
                        following.append(other)
            near = following

    def value(self, node: Node, *names: str) -> Any:
        """The first of these inputs that comes down to a value, through nodes that only hold one."""
        for name in names:
            given = node.inputs.get(name)
            link = linked(given)
            if link is None and given is not None:
                return given
            for other in self.up(link, *_HOLDERS):
                held = next((other.inputs[key] for key in _HOLDERS if _is_value(other.inputs.get(key))), None)
                if held is not None:
                    return held
        return None


_HOLDERS = (
    "value",
    "seed",
    "noise_seed",
    "int",
    "float",
    "number",
    "Number",
    "string",
    "text",
    "width",
    "height",
    "steps",
    "cfg",
)


def linked(value: Any) -> Link | None:
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int):
        return Link(value[0], value[1])
    return None


def only_link(node: Node) -> Link | None:
    """Of a node that passes on what it gets, such as Reroute."""
    links = [link for _, link in node.links()]
    return links[0] if len(links) == 1 else None


def _is_value(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
