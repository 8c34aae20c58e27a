"""What gateways of the surfaces' tests have in common: a models.toml of fake models, and a site with pictures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import tomlkit

from tests.api.pictures import BLUE, RED, flat
from tests.fakes.web import Asked, Web, ok

Table = dict[str, Any]
SMALL = [[128, 128]]
THREE_SIZES = [[128, 128], [160, 96], [96, 160]]
TEXT_ONLY: Table = {"can": ["text_to_image"]}
EDIT: Table = {"max_references": 4, "natives": SMALL, "upscaler": "lanczos"}
LOOK: Table = {"max_references": 2, "takes_source": False, "natives": SMALL}
"""Takes references, and no picture to change."""
GROW: Table = {"can": ["upscale"]}
STUCK: Table = {"hang": True}
BROKEN: Table = {"error": "ModelUnusable"}
PRUDE: Table = {"error": "ContentRejected"}
GONE: Table = {"retired": "quick"}
FAR: dict[str, Table] = {"far": {"plugin": "fake-remote"}}
TORN: dict[str, Table] = {"torn": {"plugin": "torn"}}


def troubled(**told: Any) -> dict[str, Table]:
    """Models that never end, cannot run, and refuse what is asked; `told` of each."""
    return {"stuck": STUCK | told, "broken": BROKEN | told, "prude": PRUDE | told}


def waiting(seconds: int) -> Table:
    """Settings: how long an answer is waited for, and bodies of 64 KiB."""
    return {"jobs": {"sync_timeout_seconds": seconds}, "limits": {"max_body_bytes": 65536}}


def document(
    journal: Path,
    models: dict[str, Table],
    settings: Table,
    engines: dict[str, Table] | None = None,
    defaults: Table | None = None,
    tariffs: Table | None = None,
) -> str:
    """A models.toml: of a model only what it has beside its id, `engine = "fake"` and the source fake:ID is told."""
    return tomlkit.dumps(
        {
            "settings": settings,
            "engines": {"fake": {"plugin": "fake", "journal": str(journal)}, **(engines or {})},
            "devices": {"cpu": {"device": "cpu"}},
            **({"tariffs": tariffs} if tariffs else {}),
            "defaults": {"text_to_image": "quick", "image_to_image": "edit", **(defaults or {})},
            "models": [{"id": name, "engine": "fake", "source": f"fake:{name}", **told} for name, told in models.items()],
        }
    )


@asynccontextmanager
async def web_of_pictures() -> AsyncIterator[Web]:
    """An Internet with two pictures and a page, at http://pictures.example."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        found = {"/red.png": ok(flat(RED)), "/blue.png": ok(flat(BLUE)), "/page.html": ok(b"<html>")}.get(asked.target)
        writer.write(found or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async with Web() as web:
        await web.serve(answer)
        yield web
