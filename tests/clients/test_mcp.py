"""The official `mcp` client against a real server with the bundled model, in both modes of the protocol."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import numpy as np
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import BlobResourceContents, CallToolResult, ImageContent, TextContent
from PIL import Image

from tests.clients.conftest import BLUE, NEAR, RED
from tests.gateways import Running

pytestmark = [pytest.mark.server, pytest.mark.slow]
PROMPT = "a large red circle on a blue background"


@asynccontextmanager
async def connected(gateway: Running, key: str, mode: Any) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=120, trust_env=False) as http,
        Client(streamable_http_client(f"{gateway.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def ended(client: Client, result: CallToolResult) -> tuple[dict[str, Any], list[Image.Image]]:
    """What came of a job, however long a busy machine takes; and the pictures that the language model is shown."""
    while True:
        assert isinstance(result.content[0], TextContent)
        told: dict[str, Any] = json.loads(result.content[0].text)
        assert not result.is_error, told
        if told["status"] == "succeeded":
            shown = [base64.b64decode(part.data) for part in result.content if isinstance(part, ImageContent)]
            return told, [Image.open(io.BytesIO(data)).convert("RGB") for data in shown]
        result = await client.call_tool("wait_for_job", {"job_id": told["job_id"]})


def share(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    """How much of the picture has this colour."""
    off = np.abs(np.asarray(picture, np.int16) - colour).max(axis=2)
    return float((off < NEAR).mean())


def _middle(picture: Image.Image) -> Image.Image:
    """Within the circle."""
    return picture.crop((56, 56, 72, 72))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_draws_looks_edits_and_finds(darkroom: Running, key: str, other_key: str, mode: str) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(progress)

    async with connected(darkroom, key, mode) as client:
        assert client.protocol_version == ("2026-07-28" if mode == "auto" else "2025-11-25")
        assert {"generate_image", "edit_image"} <= {tool.name for tool in (await client.list_tools()).tools}
        listed = (await client.call_tool("list_models", {})).structured_content
        assert "shapes" in {each["id"] for each in listed["models"]}

        asked = {"prompt": PROMPT, "seed": 7, "size": "128x128", "steps": 10}
        drawn, (picture,) = await ended(client, await client.call_tool("generate_image", asked, progress_callback=hear))
        assert heard == sorted(heard)
        assert share(picture, BLUE) > 0.2
        (image,) = drawn["images"]
        async with httpx2.AsyncClient(trust_env=False) as anyone:
            whole = await anyone.get(image["url"])
        assert (whole.status_code, whole.headers["content-type"]) == (200, "image/png")

        change = {**asked, "prompt": "a large blue circle on a red background", "image": image["id"], "strength": 1.0}
        edited, (changed,) = await ended(client, await client.call_tool("edit_image", change))
        assert share(_middle(picture), RED) > 0.8
        assert share(_middle(changed), BLUE) > 0.8
        larger, _ = await ended(client, await client.call_tool("upscale_image", {"image": edited["images"][0]["id"]}))
        assert larger["images"][0]["width"] == 256

        found = (await client.call_tool("search_images", {"q": "red circle"})).structured_content
        assert image["id"] in {each["id"] for each in found["images"]}
        (read,) = (await client.read_resource(f"darkroom://images/{image['id']}")).contents
        assert isinstance(read, BlobResourceContents)
        assert base64.b64decode(read.blob) == whole.content

    async with connected(darkroom, other_key, mode) as stranger:
        assert (await stranger.call_tool("get_image", {"image": image["id"]})).is_error
