"""Studio's example against the bundled model, which the document's model id is an alias of."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from PIL import Image

from gateway.wiring import Wiring
from tests.api.house import create_app

pytestmark = [pytest.mark.server, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
KEY = "the-administrators-key-of-this-test"


async def test_the_bundled_model_answers_the_documents_example(tmp_path: Path) -> None:
    models = tmp_path / "models.toml"
    text = (ROOT / "models.toml").read_text()
    assert text.count('source = "bundled:shapes"\n') == 1
    models.write_text(
        text.replace('source = "bundled:shapes"\n', 'source = "bundled:shapes"\naliases = ["gemini-3-pro-image-preview"]\n')
    )
    app = create_app(Wiring(data=tmp_path, models=models, public_url="http://darkroom.test", admin_key=KEY))
    example = {
        "prompt": "a red circle on a blue background",
        "negativePrompt": "watermark, text",
        "variables": {},
        "aspectRatio": "16:9",
        "resolution": "standard",
        "sampleCount": 2,
        "modelVersion": "gemini-3-pro-image-preview",
        "isPublic": False,
    }
    transport = httpx.ASGITransport(cast("Any", app))
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://darkroom.test", headers=headers) as client,
    ):
        async with asyncio.timeout(150):
            made = (await client.post("/v0/images/generations?response_format=both", json=example, timeout=None)).json()["data"]
            first = made["data"][0]["b64_json"]
            edit = {**example, "sampleCount": 1, "refImageBase64": [{"mimeType": "image/webp", "data": first}]}
            changed = (await client.post("/v0/images/generations", json=edit, timeout=None)).json()
    assert (made["model"], made["usage"], len(made["data"])) == ("shapes", {"credits": 2}, 2)
    with Image.open(io.BytesIO(base64.b64decode(first))) as picture:
        assert (picture.format, picture.width / picture.height) == ("WEBP", pytest.approx(16 / 9, rel=0.02))
    assert (changed["data"]["model"], len(changed["data"]["data"])) == ("shapes", 1)
