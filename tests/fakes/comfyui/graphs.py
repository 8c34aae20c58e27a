"""Validation and the running of graphs: ComfyUI's execution.py, with flat colours in place of models."""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.fakes.pictures import colour, png

Json = dict[str, Any]
OBJECT_INFO: Json = json.loads((Path(__file__).parent / "object_info.json").read_text())
BROKEN = "broken"
"""A prompt with this word fails in its sampler."""
TOO_LARGE = "too large"
"""One with these words runs out of memory there."""


class Bad(Exception):
    """A 400 of POST /prompt."""

    def __init__(self, kind: str, message: str, details: str = "", node_errors: Json | None = None) -> None:
        super().__init__(message)
        error = {"type": kind, "message": message, "details": details, "extra_info": {}}
        self.body = {"error": error, "node_errors": node_errors or {}}


def validated(graph: Json, info: Json, targets: list[str] | None, files: dict[str, bytes]) -> tuple[list[str], Json]:
    """The outputs that will run, and what is wrong with others. Raises Bad when none can."""
    for id_, node in graph.items():
        if "class_type" not in node:
            raise Bad(
                "invalid_prompt", "Cannot execute because a node is missing the class_type property.", f"Node ID '#{id_}'"
            )
        if node["class_type"] not in info:
            told = f"Cannot execute because node {node['class_type']} does not exist."
            raise Bad("invalid_prompt", told, f"Node ID '#{id_}'")
    outputs = [id_ for id_, node in graph.items() if info[node["class_type"]]["output_node"]]
    outputs = [id_ for id_ in outputs if targets is None or id_ in targets]
    if not outputs:
        raise Bad("prompt_no_outputs", "Prompt has no outputs")
    good: list[str] = []
    errors: Json = {}
    for output in outputs:
        wrong = {id_: found for id_ in needed(graph, output) if (found := list(_node(id_, graph, info, files)))}
        for id_, found in wrong.items():
            told = errors.setdefault(id_, {"errors": found, "dependent_outputs": [], "class_type": graph[id_]["class_type"]})
            told["dependent_outputs"].append(output)
        if not wrong:
            good.append(output)
    if not good:
        raise Bad("prompt_outputs_failed_validation", "Prompt outputs failed validation", node_errors=errors)
    return good, errors


def needed(graph: Json, output: str) -> list[str]:
    """What an output hangs on, itself last."""
    found: list[str] = []

    def visit(id_: str) -> None:
        if id_ in found or id_ not in graph:
            return
        for value in graph[id_]["inputs"].values():
            if is_link(value):
                visit(value[0])
        found.append(id_)

    visit(output)
    return found


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _node(id_: str, graph: Json, info: Json, files: dict[str, bytes]) -> Iterator[Json]:
    node = graph[id_]
    declared = info[node["class_type"]]["input"]
    for name, config in {**declared.get("required", {}), **declared.get("optional", {})}.items():
        value = node["inputs"].get(name)
        extra: Json = {"input_name": name}
        if value is None:
            if name in declared.get("required", {}):
                yield _error("required_input_missing", "Required input is missing", name, extra)
            continue
        if is_link(value):
            yield from _link(name, value, config, graph, info, extra)
            continue
        kind, limits = config[0], (config[1] if len(config) > 1 else {})
        extra |= {"input_config": config, "received_value": value}
        listed = limits.get("options") if kind == "COMBO" else kind if isinstance(kind, list) else None
        if node["class_type"].startswith("LoadImage") and name == "image":
            if f"input/{value}" not in files and _annotated(value) not in files:
                told = f"{name} - Invalid image file: {value}"
                yield _error("custom_validation_failed", "Custom validation failed for node", told, {"input_name": name})
        elif listed is not None and value not in listed:
            long = len(listed) > 20
            shown = f"(list of length {len(listed)})" if long else str(listed)
            extra |= {"input_config": None} if long else {}
            yield _error("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {shown}", extra)
        elif kind in ("INT", "FLOAT") and not _is_number(value):
            said = f"invalid literal for int() with base 10: '{value}'"
            told = f"Failed to convert an input value to a {kind} value"
            yield _error("invalid_input_type", told, f"{name}, {value}, {said}", extra | {"exception_message": said})
        elif kind in ("INT", "FLOAT") and "min" in limits and float(value) < limits["min"]:
            yield _error("value_smaller_than_min", f"Value {value} smaller than min of {limits['min']}", name, extra)
        elif kind in ("INT", "FLOAT") and "max" in limits and float(value) > limits["max"]:
            yield _error("value_bigger_than_max", f"Value {value} bigger than max of {limits['max']}", name, extra)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _link(name: str, value: Any, config: Any, graph: Json, info: Json, extra: Json) -> Iterator[Json]:
    source, slot = value
    if source not in graph:
        wrong = {"exception_type": "KeyError", "exception_message": f"'{source}'"}
        wrong["traceback"] = ['  File "/srv/peer/execution.py", line 808, in validate_inputs\n']  # type: ignore[assignment]
        yield _error("exception_during_inner_validation", "Exception when validating inner node", f"'{source}'", extra | wrong)
        return
    given = info[graph[source]["class_type"]]["output"][slot]
    if isinstance(config[0], str) and given not in (config[0], "*") and config[0] != "*":
        told = f"{name}, received_type({given}) mismatch input_type({config[0]})"
        extra |= {"input_config": config, "received_type": given, "linked_node": value}
        yield _error("return_type_mismatch", "Return type mismatch between linked nodes", told, extra)


def _annotated(name: str) -> str:
    """`folder/x.png [temp]` as the key of the file."""
    if found := re.fullmatch(r"(.*) \[(input|temp|output)\]", name):
        return f"{found[2]}/{found[1]}"
    return f"input/{name}"


def _error(kind: str, message: str, details: str, extra: Json) -> Json:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


# ------------------------------------------------------------------------------------------------ pictures


def behind(graph: Json, id_: str, pattern: str) -> Json | None:
    """The inputs of the nearest node of such a class that this one hangs on."""
    for each in reversed(needed(graph, id_)):
        if re.fullmatch(pattern, graph[each]["class_type"]):
            inputs: Json = graph[each]["inputs"]
            return inputs
    return None


def text(graph: Json, id_: str) -> str:
    link = graph[id_]["inputs"].get("positive")
    node = graph[link[0]] if is_link(link) else {"inputs": {}}
    return str(node["inputs"].get("text", node["inputs"].get("prompt", "")))


def made(graph: Json, id_: str, files: dict[str, bytes]) -> list[bytes]:
    """The PNGs that an output would save, with the graph in them as ComfyUI writes it: a colour for what they hang on."""
    scale, empty = behind(graph, id_, "ImageScale"), behind(graph, id_, "Empty.*")
    loaded = behind(graph, id_, "LoadImage")
    size = scale or empty
    source = _read(files[_annotated(loaded["image"])]) if loaded else None
    if size is not None:
        width, height = size["width"], size["height"]
    else:
        assert source is not None
        height, width = source.shape[:2]
    told = {each: {k: v for k, v in graph[each]["inputs"].items() if k != "filename_prefix"} for each in needed(graph, id_)}
    pixels = np.full((height, width, 3), colour(hash_of(told)), np.uint8)
    mask = behind(graph, id_, "LoadImageMask")
    if mask is not None and source is not None:
        kept = _read(files[_annotated(mask["image"])])[..., 0] < 128
        pixels[kept] = source[..., :3][kept]
    return [with_text(png(pixels), graph)] * int((empty or {}).get("batch_size", 1))


def hash_of(value: Any) -> int:
    return int(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12], 16)


def with_text(data: bytes, graph: Json) -> bytes:
    """A tEXt chunk with the graph before the end, where ComfyUI has it before the pixels; no reader minds."""
    body = b"tEXt" + b"prompt\x00" + json.dumps(graph).encode("latin-1", "replace")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


def _read(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        return np.array(picture.convert("RGBA"))
