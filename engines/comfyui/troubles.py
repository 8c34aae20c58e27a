"""What a server says is wrong, in the contract's errors: the node and its words, never a path of the server.

Types and shapes: execution.py and server.py of ComfyUI.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from engines.comfyui import nodes
from engines.contract import EngineCrashed, EngineError, EngineUnavailable, ModelUnusable, OutOfMemory
from engines.http import clean

_MOST = 4
"""Faults that one message tells of."""
_MEMORY = ("OutOfMemoryError", "CUDA out of memory", "Allocation on device", "not enough memory")
_PASSING = frozenset({"RuntimeError", "OSError", "ConnectionError", "TimeoutError", "MemoryError"})
"""Exceptions of a server that may be gone the next time; any other says that the graph asks for what cannot be."""
_TIPS = "\n\nTIPS:"
_LISTED = 6


def refused(answer: Any, server: str, outputs: Collection[str], secrets: Collection[str] = ()) -> EngineError | None:
    """For the answer to POST /prompt, whatever its status; None when nothing is wrong with what we want of it.

    A 200 may tell of outputs that were dropped because their branch is not valid.
    """
    if not isinstance(answer, dict):
        return None
    error = answer.get("error")
    faults = list(node_faults(answer.get("node_errors"), outputs if error is None else None))
    if error is None and not faults:
        return None
    words = "; ".join(faults[:_MOST]) + (f"; and {len(faults) - _MOST} more" if len(faults) > _MOST else "")
    if not words:
        words = _words(error)
    return ModelUnusable(f"{server} refuses the workflow: {clean(words, secrets)}.")


def node_faults(node_errors: Any, outputs: Collection[str] | None = None) -> Iterator[str]:
    """One line each; with `outputs` only of what these need."""
    for id_, told in node_errors.items() if isinstance(node_errors, dict) else ():
        if not isinstance(told, dict):
            continue
        if outputs is not None and told.get("dependent_outputs") and not set(told["dependent_outputs"]) & {*outputs}:
            continue
        name = f"node {id_} ({told.get('class_type', 'unknown')})"
        errors = told.get("errors")
        for each in errors if isinstance(errors, list) else ():
            if isinstance(each, dict):
                yield f"{name}: {_fault(each)}"


def failed(trouble: Mapping[str, Any], server: str, secrets: Collection[str] = ()) -> EngineError:
    """For an `execution_error`, off the socket or out of the history."""
    kind = str(trouble.get("exception_type", "")).strip()
    words = str(trouble.get("exception_message", "")).partition(_TIPS)[0].strip()
    node = f"node {trouble.get('node_id', '?')} ({trouble.get('node_type', 'unknown')})"
    told = clean(f"{kind.rpartition('.')[2]}: {words}" if words else kind or "no reason given", secrets).rstrip(".")
    if any(mark in kind or mark in words for mark in _MEMORY):
        return OutOfMemory(f"{server} ran out of memory in {node}.")
    if kind in _PASSING or kind.startswith("torch."):
        return EngineCrashed(f"{server} failed in {node}: {told}.")
    return ModelUnusable(f"{server} failed in {node}: {told}. The workflow would fail so again; mend it, or the server.")


def stopped(server: str) -> EngineError:
    return EngineUnavailable(f"Somebody stopped this on {server}.")


def _fault(error: Mapping[str, Any]) -> str:
    extra = error.get("extra_info")
    extra = extra if isinstance(extra, dict) else {}
    name, value, kind = extra.get("input_name"), extra.get("received_value"), error.get("type")
    if kind == "value_not_in_list":
        have = nodes.options(extra.get("input_config"))
        there = f"; it has {', '.join(have[:_LISTED])}{' …' if len(have) > _LISTED else ''}" if have else ""
        return f"{name}: the server has no {str(value)!r}{there}"
    if kind == "exception_during_inner_validation":
        return f"{name}: {error.get('message', kind)} ({extra.get('exception_type', 'unknown')})"
    details = str(error.get("details") or "")
    return f"{error.get('message', kind)}{f': {details}' if details else ''}"


def _words(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error) if error else "it does not say why"
    message, details = str(error.get("message", "")), str(error.get("details") or "")
    return f"{message}: {details}" if details else message or str(error.get("type", "it does not say why"))
