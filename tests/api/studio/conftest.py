"""A gateway whose models are such as Studio's clients ask for."""

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

[engines.fake]
plugin = "fake"
journal = {journal}

[devices.cpu]
device = "cpu"

[defaults]
text_to_image = "quick"
image_to_image = "edit"

[[models]]
id = "quick"
engine = "fake"
source = "fake:quick"
max_images = 10
upscaler = "lanczos"
native_sizes = [[128, 128], [160, 96], [96, 160]]
aliases = ["gemini-3-pro-image-preview"]

[[models]]
id = "free"
engine = "fake"
source = "fake:free"
can = ["text_to_image"]

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
max_references = 4
natives = [[128, 128]]
upscaler = "lanczos"

[[models]]
id = "look"
engine = "fake"
source = "fake:look"
max_references = 2
takes_source = false
natives = [[128, 128]]
upscaler = "lanczos"

[[models]]
id = "short"
engine = "fake"
source = "fake:short"
delivers = 1
native_sizes = [[128, 128]]
upscaler = "lanczos"

[[models]]
id = "stuck"
engine = "fake"
source = "fake:stuck"
native_sizes = [[128, 128]]
upscaler = "lanczos"
hang = true

[[models]]
id = "broken"
engine = "fake"
source = "fake:broken"
native_sizes = [[128, 128]]
upscaler = "lanczos"
error = "ModelUnusable"

[[models]]
id = "prude"
engine = "fake"
source = "fake:prude"
native_sizes = [[128, 128]]
upscaler = "lanczos"
error = "ContentRejected"

[[models]]
id = "gone"
engine = "fake"
source = "fake:gone"
retired = "quick"
"""


@pytest.fixture
def seconds() -> int:
    """How long a generation waits before its answer is 504."""
    return 60


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
def make_app(wiring: Wiring, journal: Path, web: Web, seconds: int) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS.format(journal=json.dumps(str(journal)), seconds=seconds))
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


@pytest.fixture
async def preset(client: httpx.AsyncClient) -> str:
    """The id of one about shoes."""
    body = {
        "name": "Product shots",
        "promptTemplate": "a photo of {{product_name}}, {{colour}}",
        "negativePrompt": "blur",
        "requirements": [
            {"key": "product_name", "label": "Product"},
            {"key": "colour", "type": "select", "options": ["red", "blue"], "default": "red"},
        ],
    }
    response = await client.post("/v0/presets", json=body)
    assert response.status_code == 201, response.text
    preset_id: str = response.json()["data"]["id"]
    return preset_id
