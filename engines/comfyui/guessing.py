"""Which input of which node of a stranger's graph is what: by how the nodes hang together, their names and titles. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engines.comfyui.filling import is_link
from engines.comfyui.nodes import Nodes, is_output, kind, links
from engines.comfyui.workflows import Graph
from engines.contract import Capability

Roles = dict[str, list[str]]
"""Places as text, by role."""
_TEXTS = ("text", "prompt", "string", "value", "text_g", "text_l", "clip_l", "t5xxl", "clip_g", "wildcard_text")
_SEEDS = ("seed", "noise_seed")
_FILES = ("ckpt_name", "unet_name", "model_name", "gguf_name")
_SAVERS = ("SaveImage", "SaveImageWebsocket", "PreviewImage")


def roles(graph: Graph, nodes: Nodes) -> Roles:
    """Best guesses; what is not there is not in it."""
    found: Roles = {}
    positive, negative = _texts(graph, "positive", "conditioning"), _texts(graph, "negative")
    if not positive:
        positive = [place for place in _titled(graph, "prompt", "positive", "text") if place not in _titled(graph, "negative")]
        negative = _titled(graph, "negative")
    _put(found, "prompt", positive)
    _put(found, "negative_prompt", [place for place in negative if place not in positive])
    _put(found, "seed", _literals(graph, _SEEDS, int))
    _put(found, "steps", _literals(graph, ("steps",), int))
    guided = _literals(graph, ("guidance",), int | float)
    _put(found, "guidance_scale", guided or _literals(graph, ("cfg",), int | float))
    _put(found, "sampler", _literals(graph, ("sampler_name", "sampler"), str))
    _put(found, "scheduler", _literals(graph, ("scheduler",), str))
    _put(found, "model", _literals(graph, _FILES, str)[:1])
    sized = _sized(graph)
    for role in ("width", "height", "batch_size"):
        _put(found, role, [f"{id_}.{role}" for id_ in sized if isinstance(graph[id_]["inputs"].get(role), int)])
    _pictures(graph, nodes, found)
    if "image" in found:
        _put(found, "strength", _literals(graph, ("denoise",), int | float))
    return found


def outputs(graph: Graph, nodes: Nodes) -> list[str]:
    """What saves pictures, else what shows them."""
    saving = [id_ for id_, node in graph.items() if _saves(node, nodes)]
    shown = [id_ for id_ in saving if graph[id_]["class_type"] == "PreviewImage"]
    return [id_ for id_ in saving if id_ not in shown] or shown


def capabilities(found: Roles) -> tuple[Capability, ...]:
    if "image" not in found:
        return ("text_to_image",)
    if "mask" in found:
        return ("inpaint",)
    return ("image_to_image",) if "seed" in found and "prompt" in found else ("upscale",)


def lora_places(graph: Graph) -> tuple[str, str] | None:
    """Behind which outputs LoRAs go: a checkpoint's model and text encoder, else the model alone."""
    for id_, node in graph.items():
        if node["class_type"] in ("CheckpointLoaderSimple", "CheckpointLoader"):
            return f"{id_}.0", f"{id_}.1"
    return next(((f"{id_}.0", "") for id_, node in graph.items() if node["class_type"] == "UNETLoader"), None)


def _put(found: Roles, role: str, places: Sequence[str]) -> None:
    if places:
        found[role] = list(dict.fromkeys(places))


def _literals(graph: Graph, names: Sequence[str], kinds: Any) -> list[str]:
    return [
        f"{id_}.{name}"
        for id_, node in graph.items()
        for name in names
        if isinstance(value := node["inputs"].get(name), kinds) and not isinstance(value, bool)
    ]


def _texts(graph: Graph, *inputs: str) -> list[str]:
    """Texts that reach an input of that name, over whatever lies between."""
    found: list[str] = []
    for id_ in graph:
        for name, source in links(graph, id_):
            if name in inputs and not any(link == name for link, _ in links(graph, source)):
                found += _texts_behind(graph, source)
    return list(dict.fromkeys(found))


def _texts_behind(graph: Graph, start: str) -> list[str]:
    """Of the nearest nodes that have any. What was turned into nothing says nothing."""
    level, seen = [start], {start}
    while level:
        if any(graph[id_]["class_type"] == "ConditioningZeroOut" for id_ in level):
            return []
        found = [place for id_ in level for place in _text_of(graph, id_)]
        if found:
            return found
        level = [source for id_ in level for _, source in links(graph, id_) if source not in seen]
        seen.update(level)
    return []


def _text_of(graph: Graph, id_: str) -> Iterator[str]:
    for name in _TEXTS:
        if isinstance(graph[id_]["inputs"].get(name), str):
            yield f"{id_}.{name}"


def _titled(graph: Graph, *words: str) -> list[str]:
    found = []
    for id_, node in graph.items():
        title = str(node.get("_meta", {}).get("title", "")).lower()
        if any(word in title for word in words):
            found += list(_text_of(graph, id_))[:1]
    return found


def _sized(graph: Graph) -> list[str]:
    """Nodes that say how large the picture becomes: empty ones, else the scaling that comes last."""
    both = [
        id_ for id_, node in graph.items() if all(isinstance(node["inputs"].get(each), int) for each in ("width", "height"))
    ]  # fmt: skip
    empty = [id_ for id_ in both if "Empty" in graph[id_]["class_type"]]
    scaling = [id_ for id_ in both if "Scale" in graph[id_]["class_type"]]
    return empty or scaling[-1:]


def _pictures(graph: Graph, nodes: Nodes, found: Roles) -> None:
    loaders = [(id_, name) for id_, node in graph.items() for name in _uploads(node, nodes)]
    masks = [each for each in loaders if "Mask" in graph[each[0]]["class_type"] or "mask" in _title(graph, each[0])]
    pictures = [f"{id_}.{name}" for id_, name in loaders if (id_, name) not in masks]
    _put(found, "image", pictures[:1])
    _put(found, "references", pictures[1:])
    _put(found, "mask", [f"{id_}.{name}" for id_, name in masks])
    first = pictures[0].partition(".")[0] if pictures else ""
    drawn = any(is_link(value) and value == [first, 1] for node in graph.values() for value in node["inputs"].values())
    if not masks and drawn:
        found["mask"] = ["alpha"]


def _uploads(node: dict[str, Any], nodes: Nodes) -> Iterator[str]:
    loads = node["class_type"].startswith("LoadImage") or "LoadImage" in node["class_type"]
    if loads and isinstance(node["inputs"].get("image"), str) and kind(nodes, node["class_type"], "image") != "IMAGE":
        yield "image"


def _title(graph: Graph, id_: str) -> str:
    return str(graph[id_].get("_meta", {}).get("title", "")).lower()


def _saves(node: dict[str, Any], nodes: Nodes) -> bool:
    if not any(is_link(node["inputs"].get(name)) for name in ("images", "image")):
        return False
    return node["class_type"] in _SAVERS or is_output(nodes, node["class_type"])
