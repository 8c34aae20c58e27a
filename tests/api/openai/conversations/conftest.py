"""A gateway whose models are such as chat clients ask for, and the official SDK that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from openai import AsyncOpenAI

from tests.api.house import ADMIN_KEY, URL
from tests.api.surfaces import FAR, GONE, LOOK, SMALL, TEXT_ONLY, Table, document, troubled, waiting, web_of_pictures
from tests.fakes.web import Web

MODELS: dict[str, Table] = {
    "quick": {"natives": SMALL, "upscaler": "lanczos", "aliases": ["fast"]},
    "free": {**TEXT_ONLY, "natives": SMALL},
    "edit": {"max_references": 2, "natives": SMALL},
    "look": LOOK,
    "short": {"delivers": 1, "natives": SMALL},
    "slow": {"step_seconds": 0.02, "natives": SMALL},
    **troubled(natives=SMALL),
    "away": {"engine": "far", "source": "away"},
    "gone": GONE,
}


@pytest.fixture
def models_toml(journal: Path, seconds: int) -> str:
    return document(journal, MODELS, waiting(seconds), FAR, {"image_to_image": "quick"}, {"openai": 2})


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with web_of_pictures() as web:
        yield web


@pytest.fixture
async def sdk(app: Litestar) -> AsyncIterator[AsyncOpenAI]:
    """The administrator's. It does not try again by itself: what it would hide is what is tested."""
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)))
    async with AsyncOpenAI(base_url=f"{URL}/openai/v1", api_key=ADMIN_KEY, max_retries=0, http_client=http) as sdk:
        yield sdk
