"""`/public`: the public gallery as a page. It needs no key, no script, and nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Annotated, Protocol
from urllib.parse import quote

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, QueryParameter

from gateway.db import Database
from gateway.images import publishing
from gateway.images.records import Image
from gateway.pages.words import SPOKEN, language

ON_A_PAGE = 48
_POLICY = "default-src 'none'; img-src 'self' data: {site}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Public gallery</title>
<link rel="icon" href="data:,">
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0 auto; max-width: 90rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif;
  background: light-dark(#f6f7f9, #14171b); color: light-dark(#1b2026, #e6e9ee); }}
h1 {{ margin: 0 0 .75rem; font-size: 1.25rem; }}
a {{ color: inherit; }}
ul {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .5rem; padding: 0; margin: 0;
  list-style: none; }}
li {{ position: relative; }}
span {{ position: absolute; inset: auto auto .5rem .5rem; padding: 0 .5rem; border-radius: 1rem; font-size: .8125rem;
  color: #fff; background: #000a; }}
img {{ display: block; width: 100%; height: 100%; object-fit: cover; aspect-ratio: 1; border-radius: .5rem; }}
</style>
</head>
<body>
<h1>Public gallery</h1>
{body}
</body>
</html>
"""


class Links(Protocol):
    """Where pictures are."""

    @property
    def site(self) -> str: ...
    def public_content(self, image: Image) -> str: ...
    def public_thumbnail(self, image: Image) -> str: ...


class Cursors(Protocol):
    """How a list goes on."""

    def open(self, cursor: str | None, *scope: object) -> str | None: ...
    def cut(self, rows: Sequence[Image], limit: int, *scope: object) -> tuple[Sequence[Image], str | None]: ...


class Given(Protocol):
    """What the page is made from."""

    @property
    def db(self) -> Database: ...
    @property
    def links(self) -> Links: ...
    @property
    def cursors(self) -> Cursors: ...


def public_page(current: Callable[[], Given]) -> HTTPRouteHandler:
    """The route; `current` is asked at each request, for routes are made before there is anything to give."""

    @get("/public", include_in_schema=False, media_type="text/html")
    async def page(
        accepted: Annotated[str, HeaderParameter(name="accept-language")] = "",
        cursor: Annotated[str | None, QueryParameter(name="next")] = None,
    ) -> Response[str]:
        """What all teams have published, newest first."""
        given = current()
        async with given.db.read() as connection:
            found = await publishing.public(connection, limit=ON_A_PAGE + 1, before=given.cursors.open(cursor, "public"))
        shown, following = given.cursors.cut(found, ON_A_PAGE, "public")
        spoken = language(accepted)
        whole = _PAGE.format(body=_body([_item(each, given.links, spoken) for each in shown], following))
        headers = {
            "Content-Security-Policy": _POLICY.format(site=given.links.site),
            "Cache-Control": "public, max-age=60",
            "Vary": "Accept-Language",
        }
        return Response(whole, media_type="text/html", headers=headers)

    return page


def _body(items: list[str], following: str | None) -> str:
    if not items:
        return "<p>Nothing has been published yet.</p>"
    # Relative to the page's own address, so that it also works under a sub-path of a proxy.
    more = f'<p><a href="public?next={quote(following)}" rel="next">Older pictures</a></p>' if following else ""
    return f"<ul>\n{''.join(items)}</ul>\n{more}"


def _item(image: Image, links: Links, spoken: str) -> str:
    whole, small = escape(links.public_content(image)), escape(links.public_thumbnail(image))
    said = f"Picture of {image.width} by {image.height} pixels, made with {escape(image.model)}"
    return f'<li><a href="{whole}"><img src="{small}" alt="{said}" loading="lazy">{_label(image, spoken)}</a></li>\n'


def _label(image: Image, spoken: str) -> str:
    """That a machine made it, for those who look at it, where a model's name says so."""
    if not image.model:
        return ""
    words = SPOKEN[spoken]
    text = words.edited if image.parameters.get("changes_real_picture") else words.generated
    return f'<span lang="{spoken}">{escape(text)}</span>'
