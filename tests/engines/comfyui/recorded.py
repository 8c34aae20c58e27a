"""Excerpts of what a ComfyUI 0.3.64 said: pictures and tracebacks cut short, `progress_state` left out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import tests.fakes.comfyui as fake

_LINES = [json.loads(line) for line in (Path(fake.__file__).parent / "recorded.jsonl").read_text().splitlines()]


def scenario(name: str) -> list[dict[str, Any]]:
    return [line for line in _LINES if line["scenario"] == name]


def heard(name: str) -> list[dict[str, Any] | bytes]:
    """What came over the socket, in its order."""
    return [
        base64.b64decode(line["base64"]) if "base64" in line else line["json"]
        for line in scenario(name)
        if line["dir"] in ("ws-recv", "ws-recv-bin")
    ]


def exchanges(name: str, path: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Requests to a path, with their answers."""
    asked = [line for line in scenario(name) if line["dir"] == "http-req" and line["path"].startswith(path)]
    answers = [line for line in scenario(name) if line["dir"] == "http-resp" and line["path"].startswith(path)]
    return list(zip(asked, answers, strict=True))


def prompt_id(name: str) -> str:
    found = next(each for each in heard(name) if isinstance(each, dict) and each["type"] == "execution_start")
    return str(found["data"]["prompt_id"])  # type: ignore[call-overload]
