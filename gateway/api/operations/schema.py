"""The API's description: /schema/openapi.json, and a viewer at /schema whose every part is served from here."""

from __future__ import annotations

import asyncio
import gzip
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Server, Tag
from litestar.params import FromPath
from litestar.router import Router

from gateway import __version__
from gateway.api.door import cookie_name
from gateway.api.operations.document import Document
from gateway.errors import NotFound

FOLDER = Path(__file__).parent / "viewer"
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "viewer.js": "text/javascript; charset=utf-8",
}
_TAGS = {
    "Tasks": "Ask for pictures, and follow what becomes of it.",
    "Studio": "Pictures from prompts and presets, answered at once or polled, and the library of them.",
    "Open WebUI": "Its own API for pictures, with every engine behind it.",
    "A1111": "AUTOMATIC1111's own API, for its front ends.",
    "MCP": "Tools for coding agents and chat apps.",
    "Gallery": "Pictures and their bytes.",
    "Common": "Models, and who asks.",
    "Admin": "For keys with the permission `admin`, over all teams.",
    "Operations": "Health and metrics.",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'self'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<base href="{base}">
<title>Darkroom's API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="schema/assets/swagger-ui.css">
</head>
<body>
<div id="viewer"></div>
<script src="schema/assets/swagger-ui-bundle.js"></script>
<script src="schema/assets/viewer.js"></script>
</body>
</html>
"""


class Viewer(OpenAPIRenderPlugin):
    """Swagger UI without a CDN, without inline scripts, and without asking anyone else for anything."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        # Relative to the page's own address, so that it also works under a sub-path of a proxy.
        sent = request.scope.get("raw_path") or b""
        return _PAGE.format(policy=_POLICY, base="../" if sent.endswith(b"/") else "./").encode()

    def receive_router(self, router: Router) -> None:
        router.register(asset)


@get("/assets/{name:str}", include_in_schema=False)
async def asset(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """One file of the viewer, compressed for those who take it so."""
    media_type = ASSETS.get(name)
    if media_type is None:
        raise NotFound(f"The viewer has no file {name}.")
    data = await asyncio.to_thread(_asset, name)
    headers = {"Cache-Control": "public, max-age=3600", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(data, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(await asyncio.to_thread(gzip.decompress, data), media_type=media_type, headers=headers)


@cache
def _asset(name: str) -> bytes:
    """As gzip; the large ones ship so."""
    packed = FOLDER / f"{name}.gz"
    return packed.read_bytes() if packed.exists() else gzip.compress((FOLDER / name).read_bytes(), mtime=0)


def openapi_config(public_url: str | None) -> OpenAPIConfig:
    """`public_url` is how clients reach us from afar, where that is known."""
    # A relative address is resolved against the document's own: whoever can read it can also call what it describes.
    servers = [Server(url="..", description="This gateway")]
    if public_url:
        servers.append(Server(url=public_url, description="The public address"))
    return OpenAPIConfig(
        title="Darkroom",
        version=__version__,
        summary="A self-hosted gateway for image generation.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=servers,
        components=Components(
            security_schemes={
                "BearerToken": SecurityScheme(
                    type="http", scheme="bearer", description="A key: `darkroom keys create` makes one."
                ),
                "Basic": SecurityScheme(
                    type="http", scheme="basic", description="Any user's name, and a key as the password; A1111's API alone."
                ),
                "Session": SecurityScheme(
                    type="apiKey",
                    name=cookie_name(public_url or ""),
                    security_scheme_in="cookie",
                    description="The web pages' own: POST /v1/session gives it. What changes anything also needs X-CSRF-Token.",
                ),
            }
        ),
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        path="/schema",
        use_handler_docstrings=True,
        render_plugins=[Viewer(), Document()],
    )
