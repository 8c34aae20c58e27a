"""What servers answer: pictures compared with what was asked, and refusals in four shapes."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from msgspec import Struct

from engines.a1111 import cards, names
from engines.a1111.requests import Job
from engines.contract import EngineCrashed, EngineError, EngineUnavailable, InvalidRequest, ModelUnusable, OutOfMemory, Size
from engines.http import Answer, Server, clean, size_of

_MEMORY = ("out of memory", "outofmemory", "not enough memory", "alloc failed", "failed to allocate")
_OURS = {"Invalid encoded image": "source", "Init image not found": "source", "Sampler not found": "sampler"}
"""What a server says whose status would blame itself, and the field that it is about."""
_FIELDS = {
    "steps": "steps", "width": "width", "height": "height", "cfg_scale": "guidance_scale", "seed": "pictures",
    "sampler_name": "sampler", "denoising_strength": "strength", "prompt": "prompt", "negative_prompt": "negative_prompt",
}  # fmt: skip
_KEPT = {"sd_model_name": "checkpoint", "sd_model_hash": "checkpoint_hash", "sd_vae_name": "vae", "version": "server_version"}


class Made(Struct, frozen=True):
    """The pictures of one call, in their order; fewer than asked where the server makes one at a time."""

    pictures: tuple[bytes, ...]
    parameters: dict[str, Any]
    began: str = ""
    """The server's `job_timestamp` of it."""


def read(answer: Answer, job: Job) -> Made:
    """Blocks: in a thread. Raises EngineCrashed for what is no picture, and what `info` shows to be another than asked."""
    told = answer.json()
    if not isinstance(told, dict):
        raise EngineCrashed(f"{answer.server} answered no object, but {type(told).__name__}.")
    if job.path.endswith("/extra-single-image"):
        return Made((_picture(told.get("image"), job.size, answer.server),), {})
    info = _info(told.get("info"))
    _compare(info, job, answer.server)
    images = told.get("images")
    images = images if isinstance(images, list) else []
    # A grid stands before the pictures, the maps of ControlNet behind them.
    first = info.get("index_of_first_image")
    first = first if isinstance(first, int) and 0 <= first < len(images) else 0
    wanted = images[first : first + len(job.pictures)]
    if not wanted:
        raise EngineCrashed(f"{answer.server} answered without a picture.")
    kept = {ours: info[theirs] for theirs, ours in _KEPT.items() if isinstance(info.get(theirs), str) and info[theirs]}
    pictures = tuple(_picture(each, job.size, answer.server) for each in wanted)
    return Made(pictures, kept, str(info.get("job_timestamp") or ""))


def refusal(answer: Answer, server: Server) -> EngineError:
    """The contract's error for a bad status. A 500 is often about the request, and a 404 may be about a name in it."""
    words, kind, field = _words(answer.body)
    words = clean(words, server.secrets)
    said = f"{server.name} answered {answer.status}: {words}" if words else f"{server.name} answered {answer.status}."
    lowered = f"{kind} {words}".lower()
    if any(mark in lowered for mark in _MEMORY):
        return OutOfMemory(f"{server.name} has too little memory for this: {words}")
    if words in _OURS:
        return InvalidRequest(said, _OURS[words])
    if answer.status in (401, 403):
        told = "put user:password into a secret, and its name as `auth` into the engine's table"
        return ModelUnusable(f"{said}; {told}." if words else f"{server.name} wants a user and a password; {told}.")
    if answer.status in (400, 422):
        return InvalidRequest(said, _FIELDS.get(field, ""))
    if "upscaler named" in lowered:
        return ModelUnusable(said)
    if answer.status == 500:
        return EngineCrashed(said)
    return server.refusal(answer)


def _words(body: bytes) -> tuple[str, str, str]:
    """What it says, the kind of error, and the field, in the order in which the family's shapes tell most."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace").strip()
        return ("", "", "") if text.startswith("<") else (text, "", "")
    if not isinstance(told, dict):
        return "", "", ""
    kind = told["error"] if isinstance(told.get("error"), str) else ""
    detail = told.get("detail")
    if isinstance(detail, list):
        rows = [row for row in detail if isinstance(row, dict)]
        places = [[str(part) for part in row.get("loc") or () if part != "body"] for row in rows]
        parts = [f"{'.'.join(place)}: {row.get('msg', '')}" for place, row in zip(places, rows, strict=True)]
        return "; ".join(parts[:5]), kind, places[0][0] if places and places[0] else ""
    for key in ("detail", "errors", "message", "error"):
        if isinstance(told.get(key), str) and told[key].strip():
            # SD.Next writes the status before its words.
            words = told[key].strip()
            return words.partition(": ")[2] if words[:5] in ("404: ", "422: ", "500: ") else words, kind, ""
    return "", kind, ""


def _info(told: Any) -> dict[str, Any]:
    """koboldcpp's is empty."""
    try:
        info = json.loads(told) if isinstance(told, str) and told else told
    except (ValueError, RecursionError):
        return {}
    return info if isinstance(info, dict) else {}


def _compare(info: dict[str, Any], job: Job, server: str) -> None:
    """What `info` leaves out cannot be compared."""
    name, short = str(info.get("sd_model_name") or "").lower(), str(info.get("sd_model_hash") or "").lower()
    row = job.checkpoint
    file = name.replace("\\", "/").rpartition("/")[2]
    if row is not None and (name or short) and not {name, file, file.rpartition(".")[0], short} & cards.called(row):
        told = "somebody else may have changed it meanwhile, or it cannot load this one"
        raise EngineUnavailable(f'{server} made it with the checkpoint "{name}", not with "{row.name}"; {told}.')
    said = info.get("sampler_name")
    more = info.get("extra_generation_params")
    schedule = more.get("Schedule type") if isinstance(more, dict) else None
    if job.sampler and isinstance(said, str) and not names.agrees(job.sampler, said, schedule):
        asked = " ".join(filter(None, (job.sampler.sampler, job.sampler.schedule)))
        had = " ".join(filter(None, (said, schedule)))
        raise InvalidRequest(f'{server} made it with the sampler "{had}", not with "{asked}"; choose another.', "sampler")
    seeds = info.get("all_seeds")
    for picture, seed in zip(job.pictures, seeds if isinstance(seeds, list) else (), strict=False):
        if picture.seed is not None and seed != picture.seed:
            raise EngineCrashed(f"{server} made it from the seed {seed}, not from {picture.seed}.")
    steps = info.get("steps")
    if isinstance(steps, int) and "steps" in job.fields and steps != job.fields["steps"]:
        raise InvalidRequest(f"{server} made it in {steps} steps, not in {job.fields['steps']}.", "steps")


def _picture(text: Any, size: Size, server: str) -> bytes:
    """Raises EngineCrashed."""
    if not isinstance(text, str):
        raise EngineCrashed(f"{server} answered without a picture.")
    try:
        data = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        raise EngineCrashed(f"{server} delivered a picture that is no base64.") from None
    made = size_of(data, server)
    if made != size:
        raise EngineCrashed(f"{server} made {made.width}x{made.height}, not {size.width}x{size.height}.")
    return data
