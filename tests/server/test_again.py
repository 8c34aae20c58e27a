"""A picture of a real model, made again by its recipe: the same bytes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from gateway.wiring import Wiring
from tests.api.house import bearer, create_app

pytestmark = [pytest.mark.server, pytest.mark.slow]
KEY = "the-administrators-key-of-this-test"
MODELS = """
[engines.diffusers]
plugin = "diffusers"

[devices.cpu]
device = "cpu"

[[models]]
id = "dot"
engine = "diffusers"
source = {source!r}
upscaler = "lanczos"
"""


async def test_a_recipe_makes_the_same_bytes(tmp_path: Path) -> None:
    from scripts.make_model import make_dot

    models = tmp_path / "models.toml"
    models.write_text(MODELS.format(source=str(make_dot(tmp_path / "dot"))))
    app = create_app(Wiring(data=tmp_path, models=models, public_url="http://darkroom.test", admin_key=KEY))
    transport = httpx.ASGITransport(cast("Any", app))
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://darkroom.test", headers=bearer(KEY)) as client,
        asyncio.timeout(150),
    ):
        first = await _made(client, "/v1/images/generations", {"prompt": "a dot", "size": "80x48", "steps": 3})
        recipe = (await client.get(f"/v1/images/{first}/recipe")).json()
        assert (recipe["exact"], recipe["why"]) == (True, None)
        again = await _made(client, recipe["request"]["path"], recipe["request"]["body"])
        one, other = [(await client.get(f"/v1/images/{each}/content")).content for each in (first, again)]
        told = (await client.post("/v1/images/inspect", files={"file": ("a.png", one)})).json()
    assert one == other
    assert told["recipe"] == recipe["request"]["body"]


async def _made(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> str:
    task = (await client.post(path, json=body)).json()
    while task["status"] in ("queued", "running"):
        await asyncio.sleep(0.05)
        task = (await client.get(f"/v1/tasks/{task['task_id']}")).json()
    (image,) = task["output"]["images"]
    return str(image["artifact_id"])
