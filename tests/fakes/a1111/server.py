"""A server of the A1111 family that paints flat colours: an ASGI app with the ways of one of them, as they were recorded.

`lists.json` has what such servers list, and their fields with their defaults; `recorded.jsonl` what they answered, by which
tests/engines/a1111/test_fake.py holds this one. `kind` is one of

    a1111    AUTOMATIC1111 1.8.0, started without a web interface
    webui    Forge with its web interface: /internal/progress tells of one task
    forge    Forge without one
    sdnext   as `forge`, answers interrupts with 204, and its errors carry a code (its source)
    sdcpp    stable-diffusion.cpp's server
    kobold   koboldcpp's: an empty `info`, one picture for each call
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.fakes.a1111.plans import Plan, picture_of
from tests.fakes.a1111.refusals import KINDS, Refused, check_types, login_of, refusal
from tests.fakes.pictures import png

DATA = json.loads(Path(__file__).with_name("lists.json").read_text())
API = "/sdapi/v1"
_LISTS = ("sd-models", "samplers", "schedulers", "upscalers", "latent-upscale-modes", "loras", "memory")
_times = itertools.count(20_260_101_000_000)
Send = Callable[[dict[str, Any]], Awaitable[None]]


class A1111:
    """`login` is `user:password`. What a test may set: `step_seconds`, `load_seconds`, `grid`, `maps`, `live`, `fault`."""

    def __init__(self, kind: str = "webui", *, login: str = "", step_seconds: float = 0.01) -> None:
        self.kind = kind
        self.login = login
        self.step_seconds = step_seconds
        self.load_seconds = 0.0
        """That a change of the checkpoint takes."""
        self.grid = False
        self.maps = False
        self.live = False
        """Whether it makes live previews."""
        self.fault: Callable[[str, Send], Awaitable[bool]] | None = None
        """Asked first, with the path; True: it has answered."""
        self.data = DATA[KINDS[kind]]
        self.lists = {name: json.loads(json.dumps(self.data[name])) for name in _LISTS if name in self.data}
        self.loaded = self.lists["sd-models"][0]["title"]
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """The path and body of every POST."""
        self.clients: dict[str, list[int]] = {}
        """By path, the ports from which it was asked."""
        self.loads: list[str] = []
        self.interrupted: list[str | None] = []
        """What ran at each interrupt."""
        self.began: list[str | None] = []
        self.forget()

    def forget(self) -> None:
        """As after a restart."""
        self._turn = asyncio.Lock()
        self._current: str | None = None
        self._pending: list[str] = []
        self._finished: list[str] = []
        self._state: dict[str, Any] = {
            "skipped": False, "interrupted": False, "stopping_generation": False, "job": "", "job_count": 0,
            "job_timestamp": "0", "job_no": 0, "sampling_step": 0, "sampling_steps": 0,
        }  # fmt: skip

    @property
    def busy(self) -> bool:
        return bool(self._state["job"])

    def add_checkpoint(self, name: str, short: str) -> None:
        row = {**self.lists["sd-models"][0], "model_name": name, "hash": short, "sha256": short * 6 + "0000"}
        self.lists["sd-models"].append(
            {**row, "title": f"{name}.safetensors [{short}]", "filename": f"/models/{name}.safetensors"}
        )

    async def someone_else(self, steps: int = 20) -> None:
        """A call of a stranger, who sits at the web interface."""
        await self._make(f"{API}/txt2img", {**self.data.get("txt2img", {}), "steps": steps, "force_task_id": "task(stranger)"})

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]], send: Send) -> None:
        raw = b""
        while (message := await receive())["type"] == "http.request":
            raw += message.get("body", b"")
            if not message.get("more_body"):
                break
        path, method = scope["path"], scope["method"]
        self.clients.setdefault(path, []).append(scope["client"][1])
        if self.fault and await self.fault(path, send):
            return
        try:
            login_of(self.kind, self.login, path, dict(scope["headers"]).get(b"authorization", b"").decode())
            status, told = await self._answer(method, path, raw, scope["query_string"].decode())
        except Refused as error:
            status, told = error.status, error.body
        except Exception as error:
            status, told = 500, refusal(self.kind, error)
        await reply(send, status, told)

    async def _answer(self, method: str, path: str, raw: bytes, query: str) -> tuple[int, Any]:
        name = path.removeprefix(f"{API}/")
        if path == "/openapi.json" and "paths" in self.data and self.kind != "kobold":
            return 200, {"paths": {path: {} for path in self.data["paths"]}}
        if path == "/internal/progress" and self.kind == "webui":
            return 200, self._task(json.loads(raw))
        if not path.startswith(API):
            raise Refused.missing(self.kind)
        if method == "GET" and name == "options":
            return 200, {"samples_format": "png", "sd_model_checkpoint": self.loaded}
        if method == "GET" and name in self.lists:
            return 200, self.lists[name]
        if self.kind in ("sdcpp", "kobold"):
            has = {"txt2img", "img2img"} if method == "POST" else set()
        else:
            has = {"progress"} if method == "GET" else {"txt2img", "img2img", "interrupt", "skip", "extra-single-image"}
            has |= {"refresh-checkpoints"} if method == "POST" else set()
            if name in ("txt2img", "img2img") and method == "GET":
                raise Refused(405, {"detail": "Method Not Allowed"})
        if name not in has:
            raise Refused.missing(self.kind)
        if name == "progress":
            return 200, self._progress("skip_current_image=true" not in query)
        if name in ("interrupt", "skip"):
            self.interrupted.append(self._current)
            self._state["interrupted" if name == "interrupt" else "skipped"] = True
            return (204, None) if self.kind == "sdnext" else (200, {} if name == "interrupt" else None)
        if name == "refresh-checkpoints":
            return (204, None) if self.kind == "sdnext" else (200, None)
        body = check_types(self.kind, self.data, name, raw)
        self.asked.append((path, body))
        return 200, await (self._enlarge(body) if name == "extra-single-image" else self._make(path, body))

    def _progress(self, shows: bool) -> dict[str, Any]:
        state = self._state
        share = 0.0
        if state["job_count"]:
            step = state["sampling_step"] / state["sampling_steps"] if state["sampling_steps"] else 0
            share = min(1.0, 0.01 + (state["job_no"] + step) / state["job_count"])
        told = {"progress": share, "eta_relative": 0.0, "state": dict(state), "current_image": None, "textinfo": None}
        if shows and self.live and self.busy:
            told["current_image"] = base64.b64encode(png(np.full((8, 8, 3), 90, np.uint8))).decode()
        return told

    def _task(self, body: dict[str, Any]) -> dict[str, Any]:
        task, state = body["id_task"], self._state
        active = task is not None and task == self._current
        told = {"active": active, "queued": task in self._pending, "completed": task in self._finished}
        told |= {"progress": None, "eta": None, "live_preview": None, "id_live_preview": -1, "textinfo": "Waiting..."}
        if active:
            step = state["sampling_step"] / state["sampling_steps"] if state["sampling_steps"] else 0
            told |= {"progress": (state["job_no"] + step) / max(1, state["job_count"]), "textinfo": None}
            if self.live and body.get("live_preview", True) and body.get("id_live_preview", -1) != state["sampling_step"]:
                frame = base64.b64encode(png(np.full((8, 8, 3), 90, np.uint8))).decode()
                told |= {"live_preview": f"data:image/png;base64,{frame}", "id_live_preview": state["sampling_step"]}
        return told

    async def _make(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        kind = path.rpartition("/")[2]
        body = {**self.data.get(kind, {"width": 512, "height": 512, "steps": 20, "batch_size": 1, "seed": -1}), **given}
        plan = Plan(self, kind, body)
        task = body.get("force_task_id") if self.kind not in ("sdnext", "sdcpp", "kobold") else None
        task = task or f"task({next(_times)})"
        self._pending.append(task)
        async with self._turn:
            self._pending.remove(task)
            self._current = task
            self.began.append(task)
            try:
                broken = await self._sample(plan)
            finally:
                self._current = None
                self._finished.append(task)
                self._state |= {"job": "", "job_count": 0, "job_no": 1, "sampling_step": 0}
        return plan.answer(broken, self._state["job_timestamp"])

    async def _sample(self, plan: Plan) -> bool:
        """Whether it was broken off."""
        state = self._state
        state |= {"skipped": False, "interrupted": False, "job": f"scripts_{plan.kind}", "job_timestamp": str(next(_times))}
        state |= {"job_count": len(plan.passes), "job_no": 0, "sampling_step": 0}  # the steps are still the last job's
        if plan.checkpoint != self.loaded:
            self.loads.append(plan.checkpoint)
            self.loaded = plan.checkpoint
            await asyncio.sleep(self.load_seconds)
        for number, steps in enumerate(plan.passes):
            state |= {"job_no": number, "sampling_step": 0, "sampling_steps": steps}
            for step in range(steps):
                await asyncio.sleep(self.step_seconds)
                if state["interrupted"] or state["skipped"]:
                    return True
                state["sampling_step"] = step + 1
        return False

    async def _enlarge(self, given: dict[str, Any]) -> dict[str, Any]:
        body = {**self.data["extras"], **given}
        source = picture_of(body["image"])
        if body["upscaler_1"] not in [row["name"] for row in self.lists["upscalers"]]:
            raise AssertionError(f"could not find upscaler named {body['upscaler_1']}")
        size = body["upscaling_resize_w"], body["upscaling_resize_h"]
        if body["resize_mode"] == 0:
            size = round(source.width * body["upscaling_resize"]), round(source.height * body["upscaling_resize"])
        async with self._turn:
            self._state |= {"job": "Upscale", "job_count": 1, "job_no": 1, "sampling_step": 0}  # and so it stays
            await asyncio.sleep(self.step_seconds)
        told = f"<p>Postprocess upscale by: 2.0, Postprocess upscaler: {body['upscaler_1']}</p>"
        return {"html_info": told, "image": base64.b64encode(png(np.array(source.resize(size)))).decode()}


async def reply(send: Send, status: int, told: Any) -> None:
    body = b"" if status == 204 or told == "" else told if isinstance(told, bytes) else json.dumps(told).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
