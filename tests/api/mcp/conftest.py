"""A gateway whose models are such as agents ask for, and ways to talk to its tools."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from tests.api.house import ADMIN_KEY, bearer, served
from tests.api.surfaces import EDIT, GONE, GROW, SMALL, TORN, Table, document, troubled

MODELS: dict[str, Table] = {
    "quick": {"title": "Quick", "upscaler": "lanczos", "native_sizes": SMALL, "aliases": ["fast"]},
    "edit": EDIT,
    "grow": GROW,
    "slow": {"step_seconds": 0.05},
    **troubled(),
    "down": {"engine": "torn", "source": "torn:down"},
    "gone": GONE,
}


@pytest.fixture
def models_toml(journal: Path, seconds: int) -> str:
    return document(journal, MODELS, {"mcp": {"ticket_seconds": seconds}}, TORN)


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """Nothing is asked of a database here that other surfaces do not ask of both kinds."""
    path = tmp_path / "darkroom.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


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
