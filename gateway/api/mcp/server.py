"""The official SDK's server over our tools: what it hands in is put into our words, and what we say into its types.

The SDK takes a second to import, so nothing but `beginning` imports this, and that only when somebody asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import mcp_types as types
import msgspec
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS, is_version_at_least
from starlette.requests import Request

from gateway import __version__
from gateway.accounts import Principal
from gateway.api.mcp.answers import Call, Said
from gateway.api.mcp.calling import Calling, fault
from gateway.api.mcp.looking import Looking
from gateway.api.mcp.serving import SENT, Abandon, Sent
from gateway.api.mcp.tools import TOOLS, Tool, schema
from gateway.api.mcp.wire import IMAGES, uri
from gateway.api.problems import REQUEST_ID
from gateway.errors import DarkroomError, NotFound
from gateway.images.file_names import EXTENSIONS
from gateway.images.image import Image
from gateway.jobs.records import Job

INSTRUCTIONS = (
    "Darkroom makes pictures with the models of its operator and keeps them in a gallery. list_models tells what can be asked "
    "for; a call that names no model gets the best. Every picture has a url that opens without a key for some days: give it to "
    "the user. A job that takes long is answered with its job_id; wait_for_job waits for it."
)
_STRUCTURED = "2025-06-18"
"""The revision since which answers have structured content."""
Context = ServerRequestContext[Any, Request]


class Running:
    """A call that is at work."""

    def __init__(self) -> None:
        self.job: Job | None = None
        """Its own one, once it waits for it."""
        self.unwanted = False
        """Its caller took it back, maybe before there was a job."""


class Answering:
    """The handlers of one server. `abandon` cancels a job that its caller does not want any more."""

    def __init__(self, calling: Calling, looking: Looking, abandon: Abandon) -> None:
        self._calling = calling
        self._looking = looking
        self._abandon = abandon
        self._running: dict[tuple[str, str, types.RequestId], Running] = {}
        """Calls that are at work, by the key's id, the session and the request's id."""

    def server(self) -> Server[Any]:
        made: Server[Any] = Server(
            "darkroom",
            title="Darkroom",
            version=__version__,
            instructions=INSTRUCTIONS,
            get_tool_input_schema=_input_schema,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=_list_templates,
            on_read_resource=self._read_resource,
        )
        made.middleware.append(self._hear)
        return made

    async def _list_tools(self, context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        """Those that the key may use."""
        principal = _principal(context)
        return types.ListToolsResult(tools=[_tool(tool) for tool in TOOLS.values() if tool.open_to(principal)])

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in TOOLS:
            known = ", ".join(TOOLS)
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name[:60]!r}; there are {known}.")
        principal, name = _principal(context), _name(context)
        running = self._running[name] = Running()

        async def tell(percent: float, words: str) -> None:
            await context.session.report_progress(percent, 100.0, words)

        def begun(job: Job) -> None:
            running.job = job
            if running.unwanted:
                self._abandon(principal, job)

        sent: Sent = _request(context).scope[SENT]
        call = Call(principal=principal, tell=tell, begun=begun, priority=sent.priority, key=sent.key)
        try:
            said = await self._calling.call(params.name, params.arguments or {}, call, _request_id(context))
        except asyncio.CancelledError:
            # Of this revision on the end of the stream is how a client cancels; before it, nothing but a lost connection.
            if context.protocol_version in MODERN_PROTOCOL_VERSIONS and running.job is not None:
                self._abandon(principal, running.job)
            raise
        finally:
            # Clients without a session may number their calls alike.
            if self._running.get(name) is running:
                del self._running[name]
        return _result(said, TOOLS[params.name], context.protocol_version)

    async def _hear(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Listens for what takes a call back: it comes with a request of its own and so finds no call beside it."""
        if ctx.method == "notifications/cancelled":  # their spelling
            request_id = (ctx.params or {}).get("requestId")
            running = self._running.get((*_name(ctx)[:2], request_id)) if isinstance(request_id, (str, int)) else None
            if running is not None:
                running.unwanted = True
                if running.job is not None:
                    self._abandon(_principal(ctx), running.job)
        return await call_next(ctx)

    async def _list_resources(self, context: Context, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        cursor = params.cursor if params else None
        listed = await _asked(context, self._looking.resources(_principal(context), cursor))
        return types.ListResourcesResult(resources=[_resource(image) for image in listed.images], next_cursor=listed.next)

    async def _read_resource(self, context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        view = await _asked(context, self._looking.resource(_principal(context), params.uri))
        contents = types.BlobResourceContents(uri=params.uri, blob=view.data, mime_type=view.media_type)
        return types.ReadResourceResult(contents=[contents])


async def _list_templates(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        name="image",
        title="A picture of the gallery",
        uri_template=f"{IMAGES}{{id}}",
        description="The picture itself, by the id that search_images and every tool that makes pictures tell.",
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def _asked(context: Context, work: Coroutine[Any, Any, Any]) -> Any:
    """What is asked for outside of tools; what goes wrong is told as JSON-RPC does."""
    try:
        return await work
    except Exception as error:
        told = fault(error, _request_id(context))
        code = types.INVALID_PARAMS if _callers(error) else types.INTERNAL_ERROR
        raise MCPError(code, told.message, {"code": told.code, **_named(error, context)}) from error


def _callers(error: Exception) -> bool:
    return isinstance(error, DarkroomError) and error.status < 500


def _named(error: Exception, context: Context) -> dict[str, Any]:
    return {"uri": (context.params or {}).get("uri")} if isinstance(error, NotFound) else {}


def _result(said: Said, tool: Tool, version: str) -> types.CallToolResult:
    data = msgspec.to_builtins(said.data)
    if said.is_error:
        data = {"error": data}
    text = types.TextContent(text=msgspec.json.encode(data).decode())
    views = [types.ImageContent(data=view.data, mime_type=view.media_type) for view in said.views]
    structured = tool.gives is not None and not said.is_error and is_version_at_least(version, _STRUCTURED)
    content: list[types.ContentBlock] = [text, *views]
    if structured:
        return types.CallToolResult(content=content, structured_content=data)
    return types.CallToolResult(content=content, is_error=said.is_error)


def _tool(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema(tool.takes),
        output_schema=schema(tool.gives) if tool.gives else None,
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.looks_only,
            # Nothing is ever changed or deleted, but a job that is canceled is lost.
            destructive_hint=tool.name == "cancel_job",
            idempotent_hint=tool.repeatable,
            open_world_hint=False,
        ),
    )


def _input_schema(name: str) -> Mapping[str, Any] | None:
    tool = TOOLS.get(name)
    return schema(tool.takes) if tool else None


def _resource(image: Image) -> types.Resource:
    extension = EXTENSIONS.get(image.media_type, "bin")
    return types.Resource(
        uri=uri(image.id),
        name=f"{image.id}.{extension}",
        title=image.title or image.prompt[:80] or None,
        description=image.prompt[:1_000] or None,
        mime_type=image.media_type,
        size=image.bytes,
    )


def _request(context: Context) -> Request:
    assert context.request is not None
    return context.request


def _principal(context: Context) -> Principal:
    principal: Principal = _request(context).scope["user"]
    return principal


def _request_id(context: Context) -> str:
    return str(_request(context).scope.get(REQUEST_ID, ""))


def _name(context: Context) -> tuple[str, str, types.RequestId]:
    """What a later request calls this one by: whose it is, of which session, and which."""
    session = _request(context).headers.get(MCP_SESSION_ID_HEADER, "")
    return _principal(context).key_id or "", session, context.request_id if context.request_id is not None else ""
