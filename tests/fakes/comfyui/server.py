"""The server of the fake: routes, the queue with its one worker, sockets, history and files. An ASGI app."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import time
import uuid
from collections.abc import Callable
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.comfyui import graphs
from tests.fakes.comfyui.graphs import OBJECT_INFO, Bad, Json, needed
from tests.fakes.comfyui.sockets import FEATURES, JPEG, Sockets

TROUBLE = b"500 Internal Server Error\n\nServer got itself in trouble"
_PROGRESS = ("KSampler", "SamplerCustomAdvanced")


class Prompt:
    """One entry of the queue."""

    def __init__(self, number: float, id_: str, graph: Json, extra: Json, outputs: list[str]) -> None:
        self.number, self.id, self.graph, self.extra, self.outputs = number, id_, graph, extra, outputs

    @property
    def client(self) -> str | None:
        return self.extra.get("client_id")

    def listed(self) -> list[Any]:
        return [self.number, self.id, self.graph, self.extra, self.outputs]

    def __lt__(self, other: Prompt) -> bool:
        return self.number < other.number


class FakeComfy:
    """What a test may set: `step_seconds`, `load_seconds`, `newer` (the job API, ids that must be UUIDs), `previews`, `key`.

    `on_request` is called with the method and path of each request. `restart` forgets all but the files of `output`.
    """

    def __init__(self, *, step_seconds: float = 0.005, newer: bool = False, previews: bool = True, key: str = "") -> None:
        self.step_seconds = step_seconds
        self.load_seconds = 0.0
        self.newer = newer
        self.sockets = Sockets()
        self.sockets.previews = previews
        self.authorization = key
        """The whole header that is wanted; empty: none."""
        self.info = json.loads(json.dumps(OBJECT_INFO))
        self.on_request: Callable[[str, str], None] | None = None
        self.posted: list[Json] = []
        """The body of every POST /prompt."""
        self.freed: list[Json] = []
        self.interrupts: list[Any] = []
        self.asked: list[str] = []
        self.executed: list[tuple[str, str]] = []
        """(prompt id, node) of every node that ran."""
        self.files: dict[str, bytes] = {}
        self._counter = itertools.count()
        self._saved = itertools.count(1)
        self.restart()

    def restart(self) -> None:
        """Sockets are the test's to cut."""
        self.history: dict[str, Json] = {}
        self.pending: list[Prompt] = []
        self.running: Prompt | None = None
        self.sockets.clients.clear()
        self._cache: dict[str, str] = {}
        self._outputs: dict[str, Json] = {}
        self._interrupted = False
        self._worker: asyncio.Task[None] | None = None
        self.files = {name: data for name, data in self.files.items() if not name.startswith("temp/")}

    def kill(self) -> None:
        """What runs is lost."""
        if self._worker:
            self._worker.cancel()
        self.restart()

    # ------------------------------------------------------------------------------------------ the app

    async def __call__(self, scope: Json, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix("/api") if not scope["path"].startswith("/api/jobs") else scope["path"]
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        allowed = not self.authorization or headers.get("authorization") == self.authorization
        if scope["type"] == "websocket":
            await self.sockets.serve(scope, receive, send, self._remaining(), allowed=allowed)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.asked.append(f"{scope['method']} {path}")
        if self.on_request:
            self.on_request(scope["method"], path)
        if "origin" in headers:
            status, kind, answer = 403, "", b""
        elif not allowed:
            status, kind, answer = 401, "text/html", b"<html><title>401 Authorization Required</title></html>"
        else:
            status, kind, answer = self._answer(scope["method"], path, parse_qs(scope["query_string"].decode()), headers, body)
        named = [(b"content-type", kind.encode())] if kind else []
        await send(
            {"type": "http.response.start", "status": status, "headers": [*named, (b"content-length", b"%d" % len(answer))]}
        )
        await send({"type": "http.response.body", "body": answer})

    def _answer(
        self, method: str, path: str, query: dict[str, list[str]], headers: Json, body: bytes
    ) -> tuple[int, str, bytes]:
        try:
            match method, path.strip("/").split("/"):
                case "POST", ["prompt"]:
                    return _json(200, self._prompt(json.loads(body)))
                case "GET", ["prompt"]:
                    return _json(200, {"exec_info": {"queue_remaining": self._remaining()}})
                case "GET", ["queue"]:
                    running = [self.running.listed()] if self.running else []
                    return _json(
                        200, {"queue_running": running, "queue_pending": [each.listed() for each in sorted(self.pending)]}
                    )
                case "POST", ["queue"]:
                    told = dict(json.loads(body))
                    gone = set(told.get("delete", ())) if not told.get("clear") else {each.id for each in self.pending}
                    self.pending = [each for each in self.pending if each.id not in gone]
                    self.sockets.status(self._remaining())
                    return 200, "", b""
                case "POST", ["interrupt"]:
                    self._interrupt(json.loads(body) if body else None)
                    return 200, "", b""
                case "POST", ["api", "jobs", id_, "cancel"]:
                    return self._cancel(id_)
                case _, ["api", "jobs", *_] if not self.newer:
                    return 404, "", b""
                case "GET", ["history", id_]:
                    return _json(200, {id_: self.history[id_]} if id_ in self.history else {})
                case "GET", ["view"]:
                    return self._view({name: value[0] for name, value in query.items()})
                case "POST", ["upload", "image"]:
                    return self._upload(headers["content-type"], body)
                case "GET", ["object_info"]:
                    return _json(200, self.info)
                case "GET", ["object_info", name]:
                    return _json(200, {name: self.info[name]} if name in self.info else {})
                case "GET", ["features"]:
                    return _json(200, FEATURES)
                case "GET", ["system_stats"]:
                    device = {"name": "cpu", "type": "cpu", "index": None, "vram_total": 32 * 2**30, "vram_free": 20 * 2**30}
                    return _json(200, {"system": {"comfyui_version": "0.3.64"}, "devices": [device]})
                case "POST", ["free"]:
                    self.freed.append(json.loads(body))
                    return 200, "", b""
        except Bad as error:
            return _json(400, error.body)
        except (ValueError, TypeError, KeyError, AttributeError):
            return 500, "text/plain; charset=utf-8", TROUBLE
        return 404, "text/plain; charset=utf-8", b"404: Not Found"

    # ------------------------------------------------------------------------------------------ prompts

    def _prompt(self, told: Json) -> Json:
        self.posted.append(told)
        number = float(told["number"]) if "number" in told else next(self._counter)
        if "prompt" not in told:
            raise Bad("no_prompt", "No prompt provided", "No prompt provided")
        id_ = str(told.get("prompt_id", uuid.uuid4()))
        if self.newer and id_ != str(uuid.UUID(id_)):
            raise Bad("invalid_prompt_id", "prompt_id must be a valid UUID")
        outputs, errors = graphs.validated(told["prompt"], self.info, told.get("partial_execution_targets"), self.files)
        extra = dict(told.get("extra_data", {}))
        if "client_id" in told:
            extra["client_id"] = told["client_id"]
        heapq.heappush(self.pending, Prompt(number, id_, told["prompt"], extra, outputs))
        self.sockets.status(self._remaining())
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return {"prompt_id": id_, "number": number, "node_errors": errors}

    def _interrupt(self, told: Any) -> None:
        self.interrupts.append(told)
        if told is not None and not isinstance(told, dict):
            raise TypeError
        wanted = (told or {}).get("prompt_id")
        if self.running and (wanted is None or wanted == self.running.id):
            self._interrupted = True

    def _cancel(self, id_: str) -> tuple[int, str, bytes]:
        if not self.newer:
            return 405, "text/plain; charset=utf-8", b"405: Method Not Allowed"
        waits = [each for each in self.pending if each.id == id_]
        runs = self.running is not None and self.running.id == id_
        self.pending = [each for each in self.pending if each.id != id_]
        self._interrupted = self._interrupted or runs
        return _json(200, {"cancelled": bool(waits) or runs})  # their spelling

    async def _work(self) -> None:
        while self.pending:
            prompt = heapq.heappop(self.pending)
            self.running, self._interrupted = prompt, False
            self.sockets.status(self._remaining())
            await self._execute(prompt)
            self.running = None
            self.sockets.status(self._remaining())
            self.sockets.say({"type": "executing", "data": {"node": None, "prompt_id": prompt.id}}, prompt.client)
            await asyncio.sleep(0)

    async def _execute(self, prompt: Prompt) -> None:
        messages: list[list[Any]] = []
        outputs: Json = {}
        try:
            ending, about = await self._nodes(prompt, messages, outputs)
        except Exception as error:
            ending, about = "execution_error", {"node_id": "?", "node_type": "?", "exception_message": str(error)}
        self._event(prompt, messages, ending, about)
        good = ending == "execution_success"
        status = {"status_str": "success" if good else "error", "completed": good, "messages": messages}
        self.history[prompt.id] = {"prompt": prompt.listed(), "outputs": outputs, "status": status, "meta": {}}

    async def _nodes(self, prompt: Prompt, messages: list[list[Any]], outputs: Json) -> tuple[str, Json]:
        order = list(dict.fromkeys(id_ for output in prompt.outputs for id_ in needed(prompt.graph, output)))
        marks = {id_: self._signature(prompt.graph, id_) for id_ in order}
        cached = [id_ for id_ in order if self._cache.get(id_) == marks[id_]]
        self._event(prompt, messages, "execution_start", {})
        self._event(prompt, messages, "execution_cached", {"nodes": cached})
        done: list[str] = []
        for id_ in order:
            node = prompt.graph[id_]
            if id_ in cached:
                if id_ in self._outputs and id_ in prompt.outputs:
                    outputs[id_] = self._outputs[id_]
                    self._executed(prompt, id_, outputs[id_])
                continue
            self.sockets.say(
                {"type": "executing", "data": {"node": id_, "display_node": id_, "prompt_id": prompt.id}}, prompt.client
            )
            self.executed.append((prompt.id, id_))
            where = {"node_id": id_, "node_type": node["class_type"], "executed": done}
            trouble = await self._node(prompt, id_)
            if trouble == "interrupted":
                return "execution_interrupted", where
            if trouble:
                return "execution_error", where | _raised(*trouble)
            done.append(id_)
            self._cache[id_] = marks[id_]
            if id_ in prompt.outputs and (saved := self._save(prompt, id_)) is not None:
                outputs[id_] = self._outputs[id_] = saved
                self._executed(prompt, id_, saved)
        return "execution_success", {}

    async def _node(self, prompt: Prompt, id_: str) -> Any:
        node = prompt.graph[id_]
        if "Loader" in node["class_type"]:
            await asyncio.sleep(self.load_seconds)
        if node["class_type"] not in _PROGRESS:
            await asyncio.sleep(0)
            return "interrupted" if self._interrupted else None
        words, steps = graphs.text(prompt.graph, id_), int(node["inputs"].get("steps", 4))
        for step in range(1, steps + 1):
            await asyncio.sleep(self.step_seconds)
            if self._interrupted:
                return "interrupted"
            if graphs.BROKEN in words:
                return "RuntimeError", "shape '[1, 4]' is invalid for input /srv/comfy-base/models/x.safetensors\n"
            if graphs.TOO_LARGE in words:
                return "torch.OutOfMemoryError", "Allocation on device\n\nTIPS: This error means you ran out of memory."
            self._step(prompt, id_, step, steps)
        return None

    def _step(self, prompt: Prompt, id_: str, step: int, steps: int) -> None:
        progress = {"type": "progress", "data": {"value": step, "max": steps, "prompt_id": prompt.id, "node": id_}}
        if self.sockets.wants_metadata(prompt.client):
            self.sockets.picture(prompt.id, id_, JPEG, "image/jpeg", prompt.client)
            self.sockets.say(progress, prompt.client, everyone=True)
        else:
            self.sockets.say(progress, prompt.client, everyone=True)
            self.sockets.picture(prompt.id, id_, JPEG, "image/jpeg", prompt.client)

    def _save(self, prompt: Prompt, id_: str) -> Json | None:
        node, found = prompt.graph[id_], []
        for data in graphs.made(prompt.graph, id_, self.files):
            if node["class_type"] == "SaveImageWebsocket":
                self.sockets.picture(prompt.id, id_, data, "image/png", prompt.client)
                continue
            kind = "temp" if node["class_type"] == "PreviewImage" else "output"
            prefix = node["inputs"].get("filename_prefix", "ComfyUI_temp")
            folder, _, stem = prefix.rpartition("/")
            name = f"{stem}_{next(self._saved):05}_.png"
            self.files["/".join(part for part in (kind, folder, name) if part)] = data
            found.append({"filename": name, "subfolder": folder, "type": kind})
        return {"images": found} if found else None

    def _signature(self, graph: Json, id_: str) -> str:
        if graph[id_]["class_type"] == "SaveImageWebsocket":
            return str(time.time_ns())
        return json.dumps([graph[each]["inputs"] for each in needed(graph, id_)], sort_keys=True)

    # ------------------------------------------------------------------------------------------ messages

    def _event(self, prompt: Prompt, messages: list[list[Any]], kind: str, about: Json) -> None:
        data = {"prompt_id": prompt.id, **about, "timestamp": time.time_ns() // 10**6}
        messages.append([kind, data])
        self.sockets.say({"type": kind, "data": data}, prompt.client)

    def _executed(self, prompt: Prompt, id_: str, output: Json) -> None:
        data = {"node": id_, "display_node": id_, "output": output, "prompt_id": prompt.id}
        self.sockets.say({"type": "executed", "data": data}, prompt.client)

    def _remaining(self) -> int:
        return len(self.pending) + (self.running is not None)

    # ------------------------------------------------------------------------------------------ files

    def _view(self, named: dict[str, str]) -> tuple[int, str, bytes]:
        if ".." in named["filename"] or named.get("type", "output") not in ("input", "output", "temp"):
            return 400, "", b""
        if ".." in named.get("subfolder", ""):
            return 403, "", b""
        parts = (named.get("type", "output"), named.get("subfolder", ""), named["filename"])
        data = self.files.get("/".join(part for part in parts if part))
        return (404, "", b"") if data is None else (200, "image/png", data)

    def _upload(self, kind: str, body: bytes) -> tuple[int, str, bytes]:
        form = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        fields: Json = {}
        for part in form.get_payload():  # type: ignore[union-attr]
            fields[str(part.get_param("name", header="content-disposition"))] = part
        if "image" not in fields:
            return 400, "", b""
        data = fields["image"].get_payload(decode=True)
        told = {name: part.get_payload() for name, part in fields.items() if name != "image"}
        folder, name = told.get("subfolder", ""), fields["image"].get_filename()
        stem, _, ending = name.rpartition(".")
        for number in itertools.count(1):
            key = "/".join(part for part in (told.get("type", "input"), folder, name) if part)
            if self.files.get(key, data) == data or told.get("overwrite") in ("true", "1"):
                break
            name = f"{stem} ({number}).{ending}"
        self.files[key] = data
        return _json(200, {"name": name, "subfolder": folder, "type": told.get("type", "input")})


def _json(status: int, body: Any) -> tuple[int, str, bytes]:
    return status, "application/json; charset=utf-8", json.dumps(body).encode()


def _raised(kind: str, message: str) -> Json:
    return {
        "exception_message": message,
        "exception_type": kind,
        "traceback": ['  File "/srv/peer/execution.py", line 496, in execute\n'],
        "current_inputs": {},
        "current_outputs": [],
    }
