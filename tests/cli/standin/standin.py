"""A gateway as the command sees one: plain ASGI, its tasks in a file, what happens to a task said by its prompt.

"slow" runs until it is canceled, "fail" fails, "refuse" is refused, "silent" has no stream, "crash" ends the process
once while it runs, "half" makes one picture less than was asked, "elsewhere" is made by another model.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gateway.db import lock
from gateway.errors import CatalogError
from gateway.wiring import Wiring

KEY = "dk_of-the-command"
FIRST_KEY = "dk_of-the-first-start"
FIRST_TOKEN = "first_of-the-console"
STEPS = 3


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """For tests: poll what happens in another thread or process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def picture(artifact_id: str) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + artifact_id.encode()


MAX_CONNECTIONS = 40


class StandIn:
    def __init__(self, data: Path) -> None:
        self.file = data / "tasks.json"
        self.tasks: dict[str, dict[str, Any]] = json.loads(self.file.read_text()) if self.file.exists() else {}
        first = (None, None) if self.file.exists() else (FIRST_KEY, FIRST_TOKEN)
        self.state = SimpleNamespace(command_key=KEY, first_key=first[0], first_token=first[1], max_connections=MAX_CONNECTIONS)
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[dict[str, Any]] = []
        self.changes: list[tuple[str, str, Any]] = []
        """Method, path and body of what was changed under /admin, keys apart."""
        self.answers: dict[str, Any] = {}
        """Path -> what GET answers, for what a test needs beside the tasks."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        yield

    # ------------------------------------------------------------------------------------------ tasks

    def save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.tasks))

    def submit(self, body: dict[str, Any]) -> dict[str, Any]:
        self.bodies.append(body)
        task_id = f"task-{len(self.tasks) + 1}"
        progress = dict.fromkeys(("step", "steps", "queue_position", "eta_seconds", "reason"))
        self.tasks[task_id] = {
            "task_id": task_id, "status": "queued", "model": "shapes", "n": body.get("n", 1), "prompt": body["prompt"],
            "seed": body.get("seed", 5), "progress": {**progress, "queue_position": 1}, "output": {"images": []}, "error": None,
        }  # fmt: skip
        self.save()
        return self.tasks[task_id]

    def step(self, task: dict[str, Any]) -> None:
        """One event's worth of work."""
        if task["status"] in ("succeeded", "failed", "canceled"):
            return
        progress, prompt = task["progress"], task["prompt"]
        task["status"] = "running"
        progress.update(step=(progress["step"] or 0) + 1, steps=STEPS, queue_position=None)
        if "slow" in prompt:
            progress["step"] = 1
        elif "crash" in prompt and not task.get("crashed"):
            task["crashed"] = True
            self.save()
            os._exit(1)
        elif "fail" in prompt:
            task.update(status="failed", error={"code": "out_of_memory", "message": "The device is too small for this."})
        elif progress["step"] >= STEPS:
            count = task["n"] - ("half" in prompt)
            images = [self.image(f"{task['task_id']}-{place}", task["seed"] + place) for place in range(count)]
            task.update(status="succeeded", output={"images": images})
            if "elsewhere" in prompt:
                task["moved_from"] = [{"model": "cloud", "code": "engine_unavailable", "message": "The cloud is away."}]
        self.save()

    def image(self, artifact_id: str, seed: int) -> dict[str, Any]:
        url = f"http://signed/{artifact_id}"
        return {"url": url, "artifact_id": artifact_id, "width": 8, "height": 8, "media_type": "image/png", "seed": seed}

    async def events(self, task: dict[str, Any], send: Any) -> None:
        async def tell(event: str, data: Any) -> None:
            body = f"event: {event}\nid: 1\ndata: {json.dumps(data)}\n\n".encode()
            await send({"type": "http.response.body", "body": body, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await tell("task", task)
        while task["status"] not in ("succeeded", "failed", "canceled"):
            await asyncio.sleep(0.02)
            self.step(task)
            await tell("progress", {"task_id": task["task_id"], "status": task["status"], **task["progress"]})
            await tell("preview", {"data": "not for us"})
        await tell("task", task)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    # ------------------------------------------------------------------------------------------ HTTP

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await self.answer(scope["method"], scope["path"], dict(scope["headers"]), json.loads(body or b"null"), send)

    async def answer(self, method: str, path: str, headers: dict[bytes, bytes], body: Any, send: Any) -> None:
        async def reply(status: int, content: Any, media_type: bytes = b"application/json") -> None:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", media_type)]})
            await send({"type": "http.response.body", "body": data})

        parts = path.strip("/").split("/")
        if path == "/health/live":
            await reply(200, {"status": "ok"})
        elif headers.get(b"authorization") != f"Bearer {KEY}".encode():
            await reply(401, {"title": "Not authenticated", "detail": "This key is not known."})
        elif path == "/v1/images/generations" and "refuse" in body["prompt"]:
            errors = [{"field": "size", "message": "size must be at most 512x512."}]
            await reply(422, {"title": "Invalid", "detail": "size must be at most 512x512.", "errors": errors})
        elif path == "/v1/images/generations":
            await reply(202, self.submit(body))
        elif parts[:2] == ["v1", "tasks"] and parts[3:] == ["events"] and "silent" not in self.tasks[parts[2]]["prompt"]:
            await self.events(self.tasks[parts[2]], send)
        elif parts[:2] == ["v1", "tasks"] and parts[3:] == ["cancel"]:
            self.tasks[parts[2]]["status"] = "canceled"
            self.save()
            await reply(200, self.tasks[parts[2]])
        elif parts[:2] == ["v1", "tasks"] and len(parts) == 3:
            self.step(self.tasks[parts[2]])
            await reply(200, self.tasks[parts[2]])
        elif parts[:2] == ["v1", "images"] and parts[3:] == ["content"]:
            await reply(200, picture(parts[2]), b"image/png")
        elif path == "/admin/keys" and method == "POST":
            self.keys.append(body)
            await reply(201, {"id": "key-1", "key": "dk_new"})
        elif method == "DELETE" and parts[1] == "keys":
            self.keys.append({"revoked": parts[-1]})
            await reply(204, b"")
        elif parts[0] == "admin" and method != "GET":
            self.changes.append((method, path, body))
            await reply(*((204, b"") if method == "DELETE" else (200, {"id": "id-1", "key": "dk_new"})))
        elif path in self.answers:
            await reply(200, self.answers[path])
        else:
            await reply(404, {"title": "Not found", "detail": "There is nothing here."})


class Started(StandIn):
    """As the real one starts: it takes the lock, and refuses what is not right."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__(wiring.data)
        self.wiring = wiring

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        models = self.wiring.models_path
        if models.exists() and "wrong" in models.read_text():
            raise CatalogError(["line 1, [[models]] steps: wrong", "line 2, [[models]] size: wrong"])
        if models.exists() and "broken" in models.read_text():
            zlib.decompress(b"broken")
        if models.exists() and "missing" in models.read_text():
            import a_module_that_nobody_has  # noqa: F401
        with lock.hold(self.wiring.data):
            yield


def create_app(wiring: Wiring) -> StandIn:
    return Started(wiring)
