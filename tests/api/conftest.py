"""A whole gateway over a real database and the fake engine, reached through its ASGI application."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from litestar import Litestar

from gateway.registry import Registry
from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, URL, anyone, bearer, create_app, member_key
from tests.fakes.fake_engine import FakeEngine, FakeRemoteEngine
from tests.fakes.web import Web

MODELS = """
[settings.limits]
max_body_bytes = 4096

[engines.fake]
plugin = "fake"

[engines.far]
plugin = "fake-remote"

[devices.cpu]
device = "cpu"

[defaults]
text_to_image = "quick"

[[models]]
id = "quick"
title = "Quick"
engine = "fake"
source = "fake:quick"
upscaler = "lanczos"
native_sizes = [[128, 128]]
aliases = ["fast", "old"]

[[models]]
id = "free"
engine = "fake"
source = "fake:free"
megapixels = { standard = 0.0625, hd = 0.25 }

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
id = "gone"
engine = "fake"
source = "fake:gone"
retired = "quick"
"""


PLUGINS = Registry(
    {"fake": FakeEngine, "fake-remote": FakeRemoteEngine},
    {"torn": "the plugin torn does not load: ModuleNotFoundError: /secret/path"},
)


WHATEVER_THE_DATABASE = {
    "test_chat_language",
    "test_content",
    "test_events",
    "test_generate",
    "test_importing",
    "test_operations",
    "test_problems",
    "test_upscale",
}
"""Modules about bytes, streams and bad bodies: what they ask of a database other modules ask too, so SQLite does."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    twice = [item for item in items if item.path.parent == here and item.path.stem in WHATEVER_THE_DATABASE]
    dropped = [item for item in twice if "[postgresql" in item.name]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


@pytest.fixture
def models_toml() -> str:
    """What stands in models.toml at the start."""
    return MODELS


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where fake engines write what reaches them."""
    return tmp_path / "journal"


@pytest.fixture
def seconds() -> int:
    """How long a surface waits for a generation before it answers without it."""
    return 60


@pytest.fixture
def wiring(tmp_path: Path, database_url: str, models_toml: str) -> Wiring:
    """A data folder with a models.toml of fake models, and a migrated database of either kind."""
    data = tmp_path / "data"
    data.mkdir()
    models = data / "models.toml"
    models.write_text(models_toml)
    wiring = Wiring(data=data, models=models, public_url=URL, admin_key=ADMIN_KEY)
    if database_url.startswith("sqlite"):
        shutil.move(database_url.removeprefix("sqlite:///"), data / "darkroom.db")
        return wiring
    return msgspec.structs.replace(wiring, database_url=database_url)


@pytest.fixture
def make_app(wiring: Wiring, web: Web) -> Callable[[], Litestar]:
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


@pytest.fixture
async def app(make_app: Callable[[], Litestar]) -> AsyncIterator[Litestar]:
    app = make_app()
    # Begun and ended by one task, as Litestar needs it; a fixture's two halves are run by two.
    started, ending = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await ending.wait()

    life = asyncio.create_task(live())
    await asyncio.wait((life, asyncio.ensure_future(started.wait())), return_when=asyncio.FIRST_COMPLETED)
    yield app
    ending.set()
    await life


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator's."""
    async with anyone(app, bearer(ADMIN_KEY)) as client:
        yield client


@pytest.fixture
async def stranger(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """One without a key."""
    async with anyone(app) as client:
        yield client


@pytest.fixture
async def other_team(app: Litestar, wiring: Wiring) -> AsyncIterator[httpx.AsyncClient]:
    """A member of another team."""
    async with anyone(app, bearer(await member_key(wiring))) as client:
        yield client
