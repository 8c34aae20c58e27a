"""How these tests talk to the tools: by the official client, in both eras of the protocol, and by hand."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ImageContent, TextContent

from tests.api.house import ADMIN_KEY, finished

Json = dict[str, Any]
MODERN, LEGACY = "2026-07-28", "legacy"
MODES = (MODERN, LEGACY)
"""How `mcp.client.Client` calls the two eras."""
ACCEPT = "application/json, text/event-stream"


@asynccontextmanager
async def agent(url: str, mode: str = MODERN, key: str = ADMIN_KEY, **headers: str) -> AsyncIterator[Client]:
    """The official client, connected."""
    sent = {"Authorization": f"Bearer {key}", **headers}
    async with (
        httpx2.AsyncClient(headers=sent, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode, cache=None) as client,
    ):
        yield client


def data(result: CallToolResult) -> Json:
    """What a tool answered with; it did what it was asked."""
    told = _told(result)
    assert not result.is_error, told
    return told


def fault(result: CallToolResult) -> Json:
    """Why it did not."""
    told = _told(result)
    assert result.is_error, told
    found: Json = told["error"]
    return found


def pictures(result: CallToolResult) -> list[tuple[str, bytes]]:
    """The pictures to look at: type and bytes."""
    shown = [part for part in result.content if isinstance(part, ImageContent)]
    return [(part.mime_type, base64.b64decode(part.data)) for part in shown]


def uri(picture: bytes) -> str:
    """A picture as an argument."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


async def post(client: httpx.AsyncClient, method: str = "tools/list", **more: Any) -> httpx.Response:
    """A message by hand, as a client of 2025-11-25 would send it."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, **more.pop("body", {})}
    headers = {"Accept": ACCEPT, "MCP-Protocol-Version": "2025-11-25", **more.pop("headers", {})}
    return await client.post("/mcp", **{"json": body, **more}, headers=headers)


def refusal(response: httpx.Response, status: int, code: str) -> Json:
    """A refusal before any message was looked at, in JSON-RPC's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    told: Json = response.json()
    assert (told["jsonrpc"], told["id"]) == ("2.0", None)
    assert told["error"]["data"]["code"] == code, told
    assert told["error"]["data"]["request_id"] == response.headers["x-request-id"]
    assert told["error"]["message"]
    return told


async def only_task(tasks: httpx.AsyncClient, *states: str) -> Json:
    """The one there is, once it is in one of the states."""
    async with asyncio.timeout(10):
        while not (found := (await tasks.get("/v1/tasks")).json()["data"]):
            await asyncio.sleep(0.02)
    return await finished(tasks, found[0]["task_id"], states)


def _told(result: CallToolResult) -> Json:
    first = result.content[0]
    assert isinstance(first, TextContent)
    told: Json = json.loads(first.text)
    return told
