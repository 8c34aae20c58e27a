"""`/`: what somebody sees who opens the gateway's address in a browser. It needs no key, and tells nothing of anybody's."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Protocol

from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler

from gateway.pages.frame import rendered

CLIENTS = (
    ("OpenAI’s SDKs, and what speaks as they do", "/openai/v1"),
    ("Open WebUI, front ends of A1111", ""),
    ("Coding agents, by MCP", "/mcp"),
)
"""Who comes in where: what stands behind the gateway's address."""
_BODY = """<div class="said"><h1>Darkroom</h1>
<p>A gateway for image generation runs here.</p>
<p><a href="{base}/schema">The API, to read and try</a> · <a href="{base}/public">Public gallery</a></p>
<p>Programs come in here, with a key:</p>
<dl>{rows}</dl></div>"""


class Links(Protocol):
    """Where this gateway is."""

    @property
    def site(self) -> str: ...
    @property
    def base_url(self) -> str: ...


class Given(Protocol):
    """What the page is made from."""

    @property
    def links(self) -> Links: ...


def welcome_page(current: Callable[[], Given]) -> HTTPRouteHandler:
    """The route; `current` is asked at each request, for routes are made before there is anything to give."""

    @route(
        "/",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        include_in_schema=False,
        media_type="text/html",
        sync_to_thread=False,
    )
    def welcome() -> Response[str]:
        """Where to go from here."""
        links = current().links
        base = escape(links.base_url)
        rows = "".join(f"<dt>{escape(who)}</dt><dd>{base}{path}</dd>\n" for who, path in CLIENTS)
        return rendered(site=links.site, language="en", title="Darkroom", body=_BODY.format(base=base, rows=rows))

    return welcome
