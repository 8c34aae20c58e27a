"""A gateway whose models are such as Open WebUI's users ask for."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.api.pictures import RED, flat
from tests.api.surfaces import (
    EDIT,
    GONE,
    GROW,
    SMALL,
    TEXT_ONLY,
    THREE_SIZES,
    Table,
    document,
    troubled,
    waiting,
    web_of_pictures,
)
from tests.fakes.web import Web

MODELS: dict[str, Table] = {
    "quick": {"title": "Quick", "upscaler": "lanczos", "native_sizes": THREE_SIZES, "aliases": ["gpt-image-1"]},
    "free": {**TEXT_ONLY, "limits": {"max_size": "256x256", "steps": [1, 10]}, "natives": [[64, 64]]},
    "edit": {**EDIT, "can": ["image_to_image", "inpaint"]},
    "afar": {"engine": "far", "native_sizes": SMALL, "upscaler": "lanczos"},
    "grow": GROW,
    "secret": {"teams": ["nobody"]},
    **troubled(native_sizes=SMALL),
    "gone": GONE,
}


@pytest.fixture
def settings() -> str:
    """Of [settings.openwebui]."""
    return ""


@pytest.fixture
def more() -> str:
    """What else stands in models.toml."""
    return ""


@pytest.fixture
def models_toml(journal: Path, seconds: int, settings: str, more: str) -> str:
    far = {"far": {"plugin": "fake-remote", "journal": str(journal)}}
    return document(journal, MODELS, {**waiting(seconds), "openwebui": tomllib.loads(settings)}, far) + more


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with web_of_pictures() as web:
        yield web


@pytest.fixture
async def upload(client: httpx.AsyncClient) -> str:
    """The id of a red file."""
    response = await client.post("/api/v1/files/", files={"file": ("red.png", flat(RED))})
    assert response.status_code == 200, response.text
    return str(response.json()["id"])
