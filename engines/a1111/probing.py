"""What one server is and has. Asked, not guessed from a version: each of the family lacks something else."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec import Struct

from engines.contract import EngineCrashed, ModelUnusable
from engines.http import Server

API = "/sdapi/v1"
PROBE_SECONDS = 15.0
_NOBODY = "darkroom-probe"
"""A task id that no server knows."""


class Checkpoint(Struct, frozen=True):
    title: str
    name: str
    hash: str
    """Short; empty until the server has computed it."""
    sha256: str
    file: str
    """The file's name, without its folder."""


class ServerSampler(Struct, frozen=True):
    name: str
    aliases: tuple[str, ...]
    schedule: str
    """What it takes for the schedule type "Automatic"; empty: the plain one."""


class Schedule(Struct, frozen=True):
    name: str
    label: str


class Facts(Struct, frozen=True, kw_only=True):
    checkpoints: tuple[Checkpoint, ...]
    loaded: str
    """The title of the checkpoint that is loaded, or will be for the next picture; empty where it is not told."""
    samplers: tuple[ServerSampler, ...]
    schedules: tuple[Schedule, ...] | None
    """None: the schedule type is part of the sampler's name, as before A1111 1.9."""
    upscalers: tuple[str, ...]
    latent_upscalers: tuple[str, ...]
    loras: dict[str, str] | None
    """By name, the path that a request names it by; empty where the prompt does (`<lora:name:1>`). None: it has none."""
    extras: bool
    """Whether it enlarges pictures (`extra-single-image`)."""
    progress: bool
    interrupts: bool
    tasks: bool
    """Whether it tells of one task (`/internal/progress`, which a server without a web interface lacks)."""

    def lacks(self) -> tuple[str, ...]:
        """In words, for operators."""
        told = (
            (self.extras, "upscaling"),
            (self.schedules is not None, "schedule types of their own"),
            (bool(self.loras), "LoRAs"),
            (self.progress or self.tasks, "progress"),
            (self.tasks, "progress of one task"),
            (self.interrupts, "interrupting"),
        )
        return tuple(words for has, words in told if not has)


async def probe(server: Server) -> Facts:
    """All of it, at once. Raises ModelUnusable for what is no such server or wants a password, EngineUnavailable."""
    names = "sd-models", "samplers", "schedulers", "options", "upscalers", "latent-upscale-modes", "loras", "progress"
    asked = (*(_asked(server, name) for name in names), _paths(server), _tells_of_tasks(server))
    told: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    for error in told:
        if isinstance(error, BaseException):
            raise error
    models, samplers, schedules, options, upscalers, latent, loras, progress, paths, tasks = told
    if not isinstance(models, list) or not isinstance(samplers, list):
        missing = "sd-models" if not isinstance(models, list) else "samplers"
        told_why = "was it started with --api, and does its address in models.toml lead to it?"
        raise ModelUnusable(f"{server.name} has no {API}/{missing}: it is no server of the A1111 family; {told_why}")
    options = options if isinstance(options, dict) else {}
    return Facts(
        checkpoints=tuple(_checkpoint(row) for row in _rows(models)),
        loaded=str(options.get("sd_model_checkpoint") or ""),
        samplers=tuple(_sampler(row) for row in _rows(samplers) if row["name"].lower() != "default"),
        schedules=None if not isinstance(schedules, list) else tuple(_schedule(row) for row in _rows(schedules)),
        upscalers=tuple(row["name"] for row in _rows(upscalers) if row["name"] != "None"),
        latent_upscalers=tuple(row["name"] for row in _rows(latent)),
        loras=None if not isinstance(loras, list) else {row["name"]: _path(row) for row in _rows(loras)},
        extras=f"{API}/extra-single-image" in paths if paths else await _has_extras(server),
        progress=isinstance(progress, dict) and isinstance(progress.get("state"), dict),
        interrupts=f"{API}/interrupt" in paths if paths else isinstance(progress, dict),
        tasks=tasks,
    )


async def checkpoints(server: Server) -> tuple[Checkpoint, ...]:
    """After the server has looked into its folders again."""
    await server.ask("POST", f"{API}/refresh-checkpoints", seconds=PROBE_SECONDS)
    return tuple(_checkpoint(row) for row in _rows(await _asked(server, "sd-models")))


async def _asked(server: Server, name: str) -> Any:
    """The JSON of one route; None where the server has no such route, or breaks on it, as Forge does on some."""
    answer = await server.ask("GET", f"{API}/{name}", seconds=PROBE_SECONDS)
    if answer.status in (401, 403):
        told = "put user:password into a secret, and its name as `auth` into the engine's table"
        raise ModelUnusable(f"{server.name} wants a user and a password, or other ones; {told}.")
    if not answer.ok:
        return None
    try:
        return answer.json()
    except EngineCrashed:
        return None


async def _paths(server: Server) -> frozenset[str]:
    """The routes that it has, by its own document; empty where it has none, and must be asked otherwise."""
    answer = await server.ask("GET", "/openapi.json", seconds=PROBE_SECONDS)
    if not answer.ok:
        return frozenset()
    try:
        told = await asyncio.to_thread(answer.json)
    except EngineCrashed:
        return frozenset()
    paths = told.get("paths") if isinstance(told, dict) else None
    return frozenset(paths) if isinstance(paths, dict) else frozenset()


async def _tells_of_tasks(server: Server) -> bool:
    asked = {"id_task": _NOBODY, "id_live_preview": -1, "live_preview": False}
    answer = await server.ask("POST", "/internal/progress", json=asked, seconds=PROBE_SECONDS)
    try:
        told = answer.json() if answer.ok else None
    except EngineCrashed:
        return False
    return isinstance(told, dict) and "active" in told


async def _has_extras(server: Server) -> bool:
    """By a request that every server with this route refuses."""
    answer = await server.ask("POST", f"{API}/extra-single-image", json={"upscaling_resize": 0}, seconds=PROBE_SECONDS)
    return answer.status in (400, 422)


def _rows(told: Any) -> list[dict[str, Any]]:
    """Those of a list that have a name."""
    rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
    named = [{**row, "name": row.get("name") or row.get("model_name") or row.get("title")} for row in rows]
    return [row for row in named if isinstance(row["name"], str)]


def _checkpoint(row: dict[str, Any]) -> Checkpoint:
    title = str(row.get("title") or row["name"])
    return Checkpoint(
        title=title,
        name=str(row.get("model_name") or title),
        hash=str(row.get("hash") or ""),
        sha256=str(row.get("sha256") or ""),
        file=str(row.get("filename") or "").replace("\\", "/").rpartition("/")[2],
    )


def _sampler(row: dict[str, Any]) -> ServerSampler:
    options = row.get("options") if isinstance(row.get("options"), dict) else {}
    aliases = tuple(alias for alias in row.get("aliases") or () if isinstance(alias, str))
    return ServerSampler(row["name"], aliases, str((options or {}).get("scheduler") or ""))


def _schedule(row: dict[str, Any]) -> Schedule:
    return Schedule(row["name"], str(row.get("label") or row["name"]))


def _path(row: dict[str, Any]) -> str:
    """stable-diffusion.cpp's rows have a path and no alias, and its requests name LoRAs by that."""
    return str(row["path"]) if "alias" not in row and isinstance(row.get("path"), str) else ""
