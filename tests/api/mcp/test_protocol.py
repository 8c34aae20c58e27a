"""The way to the tools: both eras of the protocol, keys, tickets, what is canceled and what goes on, and odd messages."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest
from litestar import Litestar
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, BlobResourceContents

from gateway.api.mcp.routes import MOST_BYTES
from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, anyone, bearer
from tests.api.mcp.talking import ACCEPT, MODERN, MODES, agent, data, post, refusal
from tests.api.pictures import flat

pytestmark = pytest.mark.server
Client = httpx.AsyncClient
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


@pytest.mark.parametrize("mode", MODES)
async def test_what_the_server_says_of_itself(url: str, mode: str) -> None:
    async with agent(url, mode) as client:
        assert client.server_info is None or client.server_info.name == "darkroom"
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            "generate_image", "edit_image", "upscale_image", "wait_for_job", "cancel_job", "list_models", "search_images",
            "get_image",
        }  # fmt: skip
        hints = tools["search_images"].annotations
        assert hints is not None
        assert hints.read_only_hint
        assert tools["search_images"].output_schema is not None
        assert tools["generate_image"].output_schema is None
        templates = (await client.list_resource_templates()).resource_templates
        assert [each.uri_template for each in templates] == ["darkroom://images/{id}"]
        with pytest.raises(MCPError, match="no tool 'draw'") as refused:
            await client.call_tool("draw", {})
        assert refused.value.code == INVALID_PARAMS


@pytest.mark.parametrize("revision", REVISIONS)
async def test_every_revision_with_a_handshake(app: Litestar, client: Client, revision: str) -> None:
    params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    for path in ("/mcp", "/mcp/"):
        begun = await client.post(path, json=body, headers={"Accept": ACCEPT})
        assert (begun.status_code, f'"protocolVersion":"{revision}"' in begun.text) == (200, True)
        session = begun.headers["mcp-session-id"]
    headers = {"Accept": ACCEPT, "MCP-Protocol-Version": revision, "Mcp-Session-Id": session}
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_models", "arguments": {}}}
    called = await client.post("/mcp", json=call, headers=headers)
    assert '"quick' in called.text
    assert ("structuredContent" in called.text) == (revision >= "2025-06-18")
    assert "mcp-session-id" not in called.headers
    assert (await client.get("/mcp", headers={"Accept": "text/event-stream"})).status_code == 405
    assert (await client.delete("/mcp", headers=headers)).status_code == 405


async def test_a_session_outlives_the_gateway(make_app: Callable[[], Litestar]) -> None:
    headers = {"Mcp-Session-Id": "of-before"}
    for _ in range(2):
        app = make_app()
        async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
            assert "generate_image" in (await post(client, headers=headers)).text


@pytest.mark.parametrize("mode", MODES)
async def test_pictures_are_resources(url: str, mode: str) -> None:
    async with agent(url, mode) as client:
        made = data(await client.call_tool("generate_image", {"prompt": "a red circle", "n": 2}))
        listed = (await client.list_resources()).resources
        assert {each.uri for each in listed} == {f"darkroom://images/{image['id']}" for image in made["images"]}
        (read,) = (await client.read_resource(listed[0].uri)).contents
        assert isinstance(read, BlobResourceContents)
        assert (read.mime_type, len(base64.b64decode(read.blob))) == ("image/png", listed[0].size)
        for uri, words in (
            ("darkroom://images/01900000-0000-7000-8000-000000000000", "no image"), ("darkroom://images/a", "no picture's id"),
            ("file:///etc/passwd", "no resource"),
        ):  # fmt: skip
            with pytest.raises(MCPError, match=words):
                await client.read_resource(uri)
        with pytest.raises(MCPError, match="cursor"):
            await client.list_resources(cursor="x")


async def test_resources_come_page_by_page(url: str, tasks: Client) -> None:
    for _ in range(51):
        upload = (await tasks.post("/v1/uploads", files={"file": ("a.png", flat())})).json()["artifact_id"]
        await tasks.patch(f"/v1/images/{upload}", json={"saved": True})
    async with agent(url) as client:
        first = await client.list_resources()
        second = await client.list_resources(cursor=first.next_cursor)
        assert (len(first.resources), len(second.resources), second.next_cursor) == (50, 1, None)
        assert {each.uri for each in first.resources}.isdisjoint(each.uri for each in second.resources)


async def test_who_may_not_come_in(stranger: Client, client: Client, wiring: Wiring) -> None:
    refusal(await post(stranger), 401, "not_authenticated")
    refusal(await post(stranger, headers={"Authorization": "Bearer dk_wrong"}), 401, "not_authenticated")
    refusal(await post(stranger, headers={"Authorization": "Bearer "}), 401, "not_authenticated")
    basic = base64.b64encode(b":").decode()
    refusal(await post(stranger, headers={"Authorization": f"Basic {basic}"}), 401, "not_authenticated")
    assert (await post(stranger)).headers["www-authenticate"] == "Bearer"
    refusal(await post(client, headers={"Origin": "http://evil.example"}), 403, "csrf")
    for origin in ("http://darkroom.test", "null", "app://desktop"):
        assert (await post(client, headers={"Origin": origin})).status_code == 200


async def test_a_cookie_is_no_key(client: Client, stranger: Client) -> None:
    who = {"email": "cat@example.org", "password": "correct horse battery"}
    made = (await client.post("/admin/users", json={"name": "cat", **who})).json()
    team = (await client.get("/v1/me")).json()["team"]["id"]
    await client.post(f"/admin/teams/{team}/members", json={"user_id": made["id"], "role": "member"})
    signed_in = (await stranger.post("/v1/session", json=who)).json()
    headers = {"X-CSRF-Token": signed_in["csrf_token"]}
    assert (await stranger.get("/v1/me")).status_code == 200
    refusal(await post(stranger, headers=headers), 401, "not_authenticated")


async def test_odd_messages(client: Client) -> None:
    refusal(await post(client, headers={"Accept": "application/json"}), 406, "not_acceptable")
    refusal(await post(client, headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    large = await post(client, content=b'"' + b"x" * MOST_BYTES + b'"', headers={"Content-Type": "application/json"}, json=None)
    assert "/v1/uploads" in refusal(large, 413, "body_too_large")["error"]["message"]
    refusal(await post(client, headers={"Idempotency-Key": "ü".encode()}), 422, "invalid_request")
    refusal(await post(client, headers={"X-Darkroom-Priority": "now"}), 422, "invalid_request")
    json = {"Content-Type": "application/json"}
    for version in ("2025-11-25", MODERN):
        for body in (b"", b"{", b"[]", b"7", b'{"a": 1, "id": 2}', b"[" * 100_000):
            told = await post(client, content=body, json=None, headers={**json, "MCP-Protocol-Version": version})
            assert told.status_code == 400, (version, body[:20], told.text)
            assert told.json()["error"]["message"]
            assert "pydantic" not in told.text
    batch = [{"jsonrpc": "2.0", "id": 1, "method": "ping"}]
    told = await post(client, json=batch, headers={"MCP-Protocol-Version": "2025-03-26"})
    assert "one by one" in refusal(told, 400, "invalid_request")["error"]["message"]
    assert "-32601" in (await post(client, "no/such")).text
    params = b'{"name": "generate_image", "arguments": {"prompt": "\\ud800"}}'
    half = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": %s}' % params
    told = await post(client, content=half, json=None, headers=json)
    assert told.status_code == 400 or '"code":"invalid_request"' in told.text.replace("\\", "")
    assert (await post(client, headers={"MCP-Protocol-Version": "2031-01-01"})).status_code == 400


async def test_the_description_of_the_route(client: Client) -> None:
    document = (await client.get("/schema/openapi.json")).json()
    told = document["paths"]["/mcp"]["post"]
    assert {"200", "202", "400", "401", "403", "404", "406", "413", "415", "422", "429"} <= set(told["responses"])
    assert set(told["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert told["tags"] == ["MCP"]


def test_nothing_of_the_sdk_is_imported_before_it_is_asked_for() -> None:
    told = "import sys, gateway.app; print([name for name in sys.modules if name.split('.')[0] in ('mcp', 'mcp_types')])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
