"""The words in a ComfyUI graph: from a sampler's conditioning back to what was typed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from gateway.images.reading.graph import DEEPEST, Graph, Link, Node, linked
from gateway.images.reading.recipe import LONGEST_PROMPT, text

_WORDS = (
    "populated_text", "wildcard_text", "text", "prompt", "text_g", "text_l", "clip_g", "clip_l", "t5xxl", "bert", "mt5xl",
    "user_prompt", "string", "value", "text_positive", "positive_prompt", "Text", "String",
)  # fmt: skip
"""Inputs that hold what was typed, or what a node made of it."""
_JOINED = (
    "string_a",
    "string_b",
    "text_a",
    "text_b",
    "text_c",
    "text_d",
    "text1",
    "text2",
    "text3",
    "text4",
    "string1",
    "string2",
)
_CONDITIONS = (
    "conditioning",
    "conditioning_to",
    "conditioning_from",
    "conditioning_1",
    "conditioning_2",
    "cond",
    "cond1",
    "cond2",
)
_PAIR = ("positive", "negative")
_NO_WORDS = frozenset({"clip", "model", "vae", "image", "images", "pixels", "mask", "control_net", "samples", "latent"})


class Words(NamedTuple):
    prompt: str = ""
    negative_prompt: str = ""
    guidance: Any = None
    """Of a model that takes it with its prompt."""


def prompts(graph: Graph, guider: Node) -> Words:
    """`guider` has the conditionings: the sampler itself, or the node that guides it."""
    positive, negative = _Walk(graph), _Walk(graph)
    wanted = positive.said(guider.link("positive", "conditioning", "cond1", "cond"))
    unwanted = negative.said(guider.link("negative"))
    return Words(_joined(wanted) or own(graph, guider), "" if unwanted == wanted else _joined(unwanted), positive.guidance)


def own(graph: Graph, node: Node) -> str:
    """What a node itself was told, where it takes words and no conditioning."""
    return _joined(text(graph.value(node, name)) for name in _WORDS[:4])


class _Walk:
    """Back from one conditioning; no node's output is heard twice."""

    def __init__(self, graph: Graph) -> None:
        self.guidance: Any = None
        self._graph = graph
        self._seen: set[Link] = set()

    def said(self, link: Link | None, depth: int = 0) -> list[str]:
        node = self._graph.node(link)
        if link is None or node is None or link in self._seen or depth > DEEPEST or "ZeroOut" in node.kind:
            return []
        self._seen.add(link)
        if self.guidance is None and "guidance" in node.inputs:
            self.guidance = self._graph.value(node, "guidance")
        if pair := _of_pair(node, link.output):
            return self._one(pair, depth)
        conditions = self._all((node.inputs.get(name) for name in _CONDITIONS), depth)
        if conditions:
            return conditions
        if parts := self._all((node.inputs.get(name) for name in _JOINED), depth):
            between = node.inputs.get("delimiter", node.inputs.get("separator", ""))
            return [str(between)[:20].join(parts)]
        words = self._all((node.inputs.get(name) for name in _WORDS), depth)
        return words or self._passed_on(node, depth)

    def _passed_on(self, node: Node, depth: int) -> list[str]:
        """Of a switch or a reroute: what comes first."""
        ways = (self.said(link, depth + 1) for name, link in node.links() if name not in _NO_WORDS)
        return next((found for found in ways if found), [])

    def _all(self, values: Iterable[Any], depth: int) -> list[str]:
        return [said for value in values for said in self._one(value, depth)]

    def _one(self, value: Any, depth: int) -> list[str]:
        if link := linked(value):
            return self.said(link, depth + 1)
        return [value] if isinstance(value, str) and value.strip() else []


def _of_pair(node: Node, output: int) -> Any:
    """Which of a positive and a negative input a node's output is: of ControlNets, and of loaders that take both texts."""
    wanted, unwanted = (node.inputs.get(name) for name in _PAIR)
    if linked(wanted) and linked(unwanted):
        return unwanted if output == 1 else wanted
    if isinstance(wanted, str) and isinstance(unwanted, str):
        return unwanted if output == 2 else wanted
    return None


def _joined(parts: Iterable[str]) -> str:
    """Each once: a model with two text encoders is often told the same twice."""
    return text("\n".join(dict.fromkeys(part.strip() for part in parts if part.strip()))[:LONGEST_PROMPT])
