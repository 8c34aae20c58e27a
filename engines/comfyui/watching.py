"""What the websocket says of one prompt: a state that only its own messages change. Pure.

Messages ride another connection than the requests, and may come before the answer to POST /prompt. `executing` with no node
comes after the history is written, `execution_success` and its kin before; only the latter tell how it ended.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any, Literal

from engines.comfyui.frames import Picture

Ending = Literal["success", "error", "interrupted"]
_ENDINGS: dict[str, Ending] = {
    "execution_success": "success",
    "execution_error": "error",
    "execution_interrupted": "interrupted",
}


class Watch:
    """`steps` are the nodes that work in the steps that were asked for; `streamed` those that send their pictures."""

    def __init__(
        self,
        prompt_id: str,
        nodes: Collection[str],
        *,
        steps: Collection[str] = (),
        loaders: Collection[str] = (),
        streamed: Collection[str] = (),
    ) -> None:
        self.prompt_id = prompt_id
        self.ending: Ending | None = None
        self.over = False
        """Nothing more comes, and the history has it."""
        self.heard = False
        self.loading = False
        """A node that reads weights works now."""
        self.trouble: Mapping[str, Any] = {}
        """What `execution_error` said."""
        self.preview: bytes | None = None
        """The last one that nobody has taken yet."""
        self.streamed: list[bytes] = []
        self._nodes = set(nodes)
        self._steps = frozenset(steps)
        self._loaders = frozenset(loaders)
        self._streamed = frozenset(streamed)
        self._done: set[str] = set()
        self._node: str | None = None
        self._part: dict[str, float] = {}
        self._running = False

    @property
    def share(self) -> float:
        """How much is done, 0 to 1. By the steps where a node works in steps, else by the nodes."""
        if self.ending == "success":
            return 1.0
        ours = self._steps & self._nodes
        counted = ours or self._nodes
        if not counted:
            return 0.0
        return sum(1.0 if node in self._done else self._part.get(node, 0.0) for node in counted) / len(counted)

    def hear(self, message: Any) -> None:
        """One text message, decoded; what is not of this prompt, or is not understood, changes nothing."""
        if not isinstance(message, dict) or not isinstance(data := message.get("data"), dict):
            return
        if data.get("prompt_id") != self.prompt_id:
            return
        self.heard = True
        kind = message.get("type")
        if kind == "execution_start":
            self._running = True
        elif kind == "execution_cached":
            self._skip(data.get("nodes"))
        elif kind == "executing":
            self._enter(data.get("node"))
        elif kind == "progress":
            self._count(data.get("node"), data.get("value"), data.get("max"))
        elif kind in _ENDINGS:
            self.ending, self._running = _ENDINGS[kind], False
            if kind == "execution_error":
                self.trouble = data

    def see(self, picture: Picture) -> None:
        """One picture of a frame. One that does not say whose it is belongs to the node that runs, if that is ours."""
        if picture.prompt_id is None and not self._running:
            return
        if picture.prompt_id not in (None, self.prompt_id):
            return
        if (picture.node or self._node) in self._streamed:
            self.streamed.append(picture.data)
        else:
            self.preview = picture.data

    def take_preview(self) -> bytes | None:
        taken, self.preview = self.preview, None
        return taken

    def _skip(self, nodes: Any) -> None:
        """What the server has from before is neither run nor told of."""
        self._running = True
        if isinstance(nodes, list):
            self._nodes.difference_update(node for node in nodes if isinstance(node, str))

    def _enter(self, node: Any) -> None:
        if self._node is not None:
            self._done.add(self._node)
        self._node = node if isinstance(node, str) else None
        self.loading = self._node in self._loaders
        self._running = node is not None
        self.over = self.over or node is None

    def _count(self, node: Any, value: Any, most: Any) -> None:
        node = node if isinstance(node, str) else self._node
        if not (isinstance(value, int | float) and isinstance(most, int | float)) or node is None:
            return
        try:
            part = value / most
        except (ZeroDivisionError, OverflowError):
            return
        if math.isfinite(part):
            self._part[node] = max(self._part.get(node, 0.0), min(max(part, 0.0), 1.0))


def decoded(text: str) -> Any:
    """None for what is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
