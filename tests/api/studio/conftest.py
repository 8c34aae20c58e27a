"""A gateway whose models are such as Studio's clients ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.api.surfaces import (
    EDIT,
    GONE,
    LOOK,
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

ALIASES = ["gemini-3-pro-image-preview"]
MODELS: dict[str, Table] = {
    "quick": {"max_images": 10, "upscaler": "lanczos", "native_sizes": THREE_SIZES, "aliases": ALIASES},
    "free": TEXT_ONLY,
    "edit": EDIT,
    "look": {**LOOK, "upscaler": "lanczos"},
    "short": {"delivers": 1, "native_sizes": SMALL, "upscaler": "lanczos"},
    **troubled(native_sizes=SMALL, upscaler="lanczos"),
    "gone": GONE,
}


@pytest.fixture
def models_toml(journal: Path, seconds: int) -> str:
    return document(journal, MODELS, waiting(seconds))


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with web_of_pictures() as web:
        yield web


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
