"""A gateway whose models are such as chat clients ask for, and the official SDK that asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from openai import AsyncOpenAI

from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.house import ADMIN_KEY, URL, create_app
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

[engines.far]
plugin = "fake-remote"

[devices.cpu]
device = "cpu"

[tariffs]
openai = 2

[defaults]
text_to_image = "quick"
image_to_image = "quick"

[[models]]
id = "quick"
engine = "fake"
source = "fake:quick"
natives = [[128, 128]]
upscaler = "lanczos"
aliases = ["fast"]

[[models]]
id = "free"
engine = "fake"
source = "fake:free"
can = ["text_to_image"]
natives = [[128, 128]]

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
max_references = 2
natives = [[128, 128]]

[[models]]
id = "look"
engine = "fake"
source = "fake:look"
max_references = 2
takes_source = false
natives = [[128, 128]]

[[models]]
id = "short"
engine = "fake"
source = "fake:short"
delivers = 1
natives = [[128, 128]]

[[models]]
id = "slow"
engine = "fake"
source = "fake:slow"
step_seconds = 0.02
natives = [[128, 128]]

[[models]]
id = "stuck"
engine = "fake"
source = "fake:stuck"
natives = [[128, 128]]
hang = true

[[models]]
id = "broken"
engine = "fake"
source = "fake:broken"
natives = [[128, 128]]
error = "ModelUnusable"

[[models]]
id = "prude"
engine = "fake"
source = "fake:prude"
natives = [[128, 128]]
error = "ContentRejected"

[[models]]
id = "away"
engine = "far"
source = "away"

[[models]]
id = "gone"
engine = "fake"
source = "fake:gone"
retired = "quick"
"""


@pytest.fixture
def seconds() -> int:
    """How long an answer is waited for."""
    return 60


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """Has two pictures, at http://pictures.example."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        found = {"/red.png": ok(flat(RED)), "/blue.png": ok(flat(BLUE))}.get(asked.target)
        writer.write(found or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async with Web() as web:
        await web.serve(answer)
        yield web


@pytest.fixture
def make_app(wiring: Wiring, journal: Path, web: Web, seconds: int) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS.format(journal=json.dumps(str(journal)), seconds=seconds))
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


@pytest.fixture
async def sdk(app: Litestar) -> AsyncIterator[AsyncOpenAI]:
    """The administrator's. It does not try again by itself: what it would hide is what is tested."""
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)))
    async with AsyncOpenAI(base_url=f"{URL}/openai/v1", api_key=ADMIN_KEY, max_retries=0, http_client=http) as sdk:
        yield sdk
