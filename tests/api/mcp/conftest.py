"""A gateway whose models are such as agents ask for, and ways to talk to its tools."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.house import ADMIN_KEY, bearer, create_app, served
from tests.fakes.web import Web

MODELS = """
[settings.mcp]
ticket_seconds = {seconds}

[engines.fake]
plugin = "fake"
journal = {journal}

[engines.torn]
plugin = "torn"

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
native_sizes = [[128, 128]]
aliases = ["fast"]

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
max_references = 4
natives = [[128, 128]]
upscaler = "lanczos"

[[models]]
id = "grow"
engine = "fake"
source = "fake:grow"
can = ["upscale"]

[[models]]
id = "slow"
engine = "fake"
source = "fake:slow"
step_seconds = 0.05

[[models]]
id = "stuck"
engine = "fake"
source = "fake:stuck"
hang = true

[[models]]
id = "broken"
engine = "fake"
source = "fake:broken"
error = "ModelUnusable"

[[models]]
id = "prude"
engine = "fake"
source = "fake:prude"
error = "ContentRejected"

[[models]]
id = "down"
engine = "torn"
source = "torn:down"

[[models]]
id = "gone"
engine = "fake"
source = "fake:gone"
retired = "quick"
"""


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """Nothing is asked of a database here that other surfaces do not ask of both kinds."""
    path = tmp_path / "darkroom.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def seconds() -> int:
    """How long a tool waits before it answers with a ticket."""
    return 60


@pytest.fixture
def make_app(wiring: Wiring, tmp_path: Path, web: Web, seconds: int) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS.format(journal=json.dumps(str(tmp_path / "journal")), seconds=seconds))
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


@pytest.fixture
def url(make_app: Callable[[], Litestar]) -> Iterator[str]:
    """A real server's."""
    with served(make_app()) as url:
        yield url


@pytest.fixture
async def tasks(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator's, at the same server."""
    async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), trust_env=False, timeout=30) as client:
        yield client
