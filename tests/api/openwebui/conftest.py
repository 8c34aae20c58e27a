"""A gateway whose models are such as Open WebUI's users ask for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.house import create_app
from tests.api.pictures import BLUE, RED, flat
from tests.fakes.web import Asked, Web, ok

MODELS = """
[settings.jobs]
sync_timeout_seconds = {seconds}

[settings.limits]
max_body_bytes = 65536

[settings.openwebui]
{settings}

[engines.fake]
plugin = "fake"
journal = {journal}

[engines.far]
plugin = "fake-remote"
journal = {journal}

[devices.cpu]
device = "cpu"

[defaults]
text_to_image = "quick"
image_to_image = "edit"

[[models]]
id = "quick"
title = "Quick"
engine = "fake"
source = "fake:quick"
upscaler = "lanczos"
native_sizes = [[128, 128], [160, 96], [96, 160]]
aliases = ["gpt-image-1"]

[[models]]
id = "free"
engine = "fake"
source = "fake:free"
can = ["text_to_image"]
limits = {{ max_size = "256x256", steps = [1, 10] }}
natives = [[64, 64]]

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
can = ["image_to_image", "inpaint"]
max_references = 4
natives = [[128, 128]]
upscaler = "lanczos"

[[models]]
id = "afar"
engine = "far"
source = "fake:afar"
native_sizes = [[128, 128]]
upscaler = "lanczos"

[[models]]
id = "grow"
engine = "fake"
source = "fake:grow"
can = ["upscale"]

[[models]]
id = "secret"
engine = "fake"
source = "fake:secret"
teams = ["nobody"]

[[models]]
id = "stuck"
engine = "fake"
source = "fake:stuck"
native_sizes = [[128, 128]]
hang = true

[[models]]
id = "broken"
engine = "fake"
source = "fake:broken"
native_sizes = [[128, 128]]
error = "ModelUnusable"

[[models]]
id = "prude"
engine = "fake"
source = "fake:prude"
native_sizes = [[128, 128]]
error = "ContentRejected"

[[models]]
id = "gone"
engine = "fake"
source = "fake:gone"
retired = "quick"
"""


@pytest.fixture
def seconds() -> int:
    """How long a generation waits before it is told that it took too long."""
    return 60


@pytest.fixture
def settings() -> str:
    """Of [settings.openwebui]."""
    return ""


@pytest.fixture
def more() -> str:
    """What else stands in models.toml."""
    return ""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """Has two pictures and a page, at http://pictures.example."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        found = {"/red.png": ok(flat(RED)), "/blue.png": ok(flat(BLUE)), "/page.html": ok(b"<html>")}.get(asked.target)
        writer.write(found or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async with Web() as web:
        await web.serve(answer)
        yield web


@pytest.fixture
def make_app(wiring: Wiring, journal: Path, web: Web, seconds: int, settings: str, more: str) -> Callable[[], Litestar]:
    text = MODELS.format(journal=json.dumps(str(journal)), seconds=seconds, settings=settings) + more
    wiring.models_path.write_text(text)
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


@pytest.fixture
async def upload(client: httpx.AsyncClient) -> str:
    """The id of a red file."""
    response = await client.post("/api/v1/files/", files={"file": ("red.png", flat(RED))})
    assert response.status_code == 200, response.text
    return str(response.json()["id"])
