"""One ComfyUI server over HTTP: what the engine asks of it, in its own words and shapes (server.py of ComfyUI)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from engines import http
from engines.comfyui import nodes, troubles
from engines.comfyui.watching import Ending
from engines.comfyui.workflows import Graph
from engines.contract import EngineCrashed, EngineError, EngineUnavailable, ModelUnusable

SECONDS = 30.0
"""For an answer; its event loop shares an interpreter with the sampler, and may be slow to come to us."""
NODES_SECONDS = 60.0
"""How long what /object_info said is believed."""
State = Literal["waiting", "running"]


class File(Struct, frozen=True):
    """One picture of a finished prompt."""

    filename: str
    subfolder: str = ""
    type: str = "output"


class Record(Struct, frozen=True):
    """What the history has of a prompt."""

    ending: Ending
    outputs: dict[str, tuple[File, ...]]
    trouble: dict[str, Any] = {}


class Comfy:
    """Every call raises an EngineError; `name` is how messages call the server."""

    def __init__(self, url: str, lane: str, *, key: str = "", user: str = "", ca_file: str = "") -> None:
        self.name = f"ComfyUI at {lane}"
        self.url = url.rstrip("/")
        self.secrets = (key,) if key else ()
        self.headers = {"Authorization": f"Bearer {key}"} if key and not user else {}
        self.auth = (user, key) if user else None
        self.ca_file = ca_file
        self._http = http.Server(
            self.name, self.url, headers=self.headers, auth=self.auth, secrets=self.secrets, ca_file=ca_file
        )
        self._nodes: tuple[float, dict[str, Any]] | None = None
        self._cancels_jobs: bool | None = None
        """Whether it has the newer call that cancels a job, running or not; None: not tried yet."""

    async def aclose(self) -> None:
        await self._http.aclose()

    async def submit(self, prompt_id: str, graph: Graph, client_id: str, outputs: Sequence[str], previews: str) -> str:
        """Returns the id that the server gave it, which older servers may choose themselves."""
        body = {
            "prompt": graph,
            "prompt_id": prompt_id,
            "client_id": client_id,
            "partial_execution_targets": list(outputs),
            "extra_data": {"preview_method": previews},
        }
        answer = await self._http.ask("POST", "/prompt", json=body, seconds=SECONDS, work=True)
        told = _json(answer)
        error = troubles.refused(told, self.name, outputs, self.secrets)
        given = told.get("prompt_id") if isinstance(told, dict) else None
        if error is not None and isinstance(given, str):
            await self.cancel(given)  # what is left of it would make pictures that nobody takes
        if error is None and not answer.ok:
            raise self._http.refusal(answer)
        if error is None and not isinstance(given, str):
            raise EngineCrashed(f"{self.name} took the workflow and named no prompt; is it a ComfyUI?")
        if error is not None:
            raise error
        return str(given)

    async def record(self, prompt_id: str) -> Record | None:
        """None while it is not finished, and for what the server does not know."""
        told = await self._http.json("GET", f"/history/{prompt_id}", seconds=SECONDS)
        entry = told.get(prompt_id) if isinstance(told, dict) else None
        return _record(entry) if isinstance(entry, dict) else None

    async def queue(self) -> dict[str, State]:
        """Every prompt that waits or runs, ours and others'. The answer has whole graphs: not to be asked often."""
        told = await self._http.json("GET", "/queue", seconds=SECONDS)
        if not isinstance(told, dict):
            raise EngineCrashed(f"{self.name} answered /queue with what is none; is it a ComfyUI?")
        found: dict[str, State] = {_id(each): "waiting" for each in told.get("queue_pending") or ()}
        return found | dict.fromkeys((_id(each) for each in told.get("queue_running") or ()), "running")

    async def cancel(self, prompt_id: str) -> None:
        """Take it out of the queue, or stop it if it runs; never another one. What is over already is no error."""
        if self._cancels_jobs is not False:
            answer = await self._http.ask("POST", f"/api/jobs/{prompt_id}/cancel", seconds=SECONDS)
            if answer.ok:
                self._cancels_jobs = True
                return
            if self._cancels_jobs is None and answer.status in (404, 405):
                self._cancels_jobs = False
        await self._http.checked("POST", "/queue", json={"delete": [prompt_id]}, seconds=SECONDS)
        # Servers of before 2025-10 stop whatever runs, whatever they are told: they are asked first who runs.
        if (await self.queue()).get(prompt_id) == "running":
            await self._http.checked("POST", "/interrupt", json={"prompt_id": prompt_id}, seconds=SECONDS)

    async def picture(self, file: File) -> bytes | None:
        """None for a file that is gone."""
        named = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        answer = await self._http.ask("GET", "/view", params=named)
        if answer.status == 404:
            return None
        if not answer.ok:
            raise self._http.refusal(answer)
        return answer.body

    async def upload(self, name: str, png: bytes, kind: str) -> str:
        """Returns what a loader has to be told to find it."""
        form = {"type": kind, "subfolder": "darkroom", "overwrite": "false"}
        told = await self._http.json("POST", "/upload/image", data=form, files={"image": (name, png, "image/png")})
        if not (isinstance(told, dict) and isinstance(told.get("name"), str)):
            raise EngineCrashed(f"{self.name} took a picture and did not say where it is; is it a ComfyUI?")
        folder = told.get("subfolder") or ""
        path = f"{folder}/{told['name']}" if folder else told["name"]
        return path if kind == "input" else f"{path} [{kind}]"

    async def nodes(self) -> dict[str, Any]:
        """Its node classes with their inputs, as of a minute ago at most."""
        if self._nodes is None or time.monotonic() - self._nodes[0] > NODES_SECONDS:
            told = await self._http.json("GET", "/object_info", seconds=SECONDS)
            if not isinstance(told, dict):
                raise EngineCrashed(f"{self.name} answered /object_info with what is none; is it a ComfyUI?")
            self._nodes = time.monotonic(), told
        return self._nodes[1]

    async def choices(self, class_type: str, name: str) -> list[str]:
        """What a node's input can be, where that is a list."""
        return nodes.choices(await self.nodes(), class_type, name) or []

    async def free_memory(self) -> int | None:
        """Bytes on its first device. The cheapest question that shows that it is a ComfyUI and well."""
        told = await self._http.json("GET", "/system_stats", seconds=SECONDS)
        devices = told.get("devices") if isinstance(told, dict) else None
        if not isinstance(devices, list):
            raise ModelUnusable(f"{self.name} is no ComfyUI; its address in models.toml leads elsewhere.")
        free = devices[0].get("vram_free") if devices and isinstance(devices[0], dict) else None
        return free if isinstance(free, int) else None

    async def free(self) -> None:
        """Unload its models, when what runs is over."""
        await self._http.checked("POST", "/free", json={"unload_models": True, "free_memory": True}, seconds=SECONDS)

    async def is_up(self, seconds: float) -> bool:
        """Whether it answers within that time."""
        until = time.monotonic() + seconds
        while True:
            try:
                await self._http.json("GET", "/prompt", seconds=min(SECONDS, max(1.0, seconds)))
            except EngineUnavailable:
                if time.monotonic() >= until:
                    return False
                await asyncio.sleep(0.5)
            except EngineError:
                return True
            else:
                return True


def _json(answer: http.Answer) -> Any:
    try:
        return answer.json()
    except EngineCrashed:
        if answer.ok:
            raise
        return None


def _id(entry: Any) -> str:
    return str(entry[1]) if isinstance(entry, list) and len(entry) > 1 else ""


def _record(entry: Mapping[str, Any]) -> Record:
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    outputs = {id_: _files(told) for id_, told in (entry.get("outputs") or {}).items()}
    # Outputs alone tell nothing: a prompt that failed may name pictures that were there before.
    if status.get("status_str") == "success":
        return Record("success", outputs)
    for event in reversed(status.get("messages") or ()):
        if isinstance(event, list) and len(event) == 2 and isinstance(event[1], dict):
            if event[0] == "execution_interrupted":
                return Record("interrupted", outputs)
            if event[0] == "execution_error":
                return Record("error", outputs, event[1])
    return Record("error", outputs)


def _files(told: Any) -> tuple[File, ...]:
    """Pictures in whatever list they stand; what was saved before what is only shown."""
    found = []
    for listed in told.values() if isinstance(told, dict) else ():
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict) and isinstance(each.get("filename"), str):
                found.append(File(each["filename"], str(each.get("subfolder") or ""), str(each.get("type") or "output")))
    saved = tuple(file for file in found if file.type == "output")
    return saved or tuple(found)
