"""What every page for those who came by a link has around it: no script, nothing from elsewhere, no place in a search."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from litestar import Response

from gateway.pages.words import RIGHT_TO_LEFT

_STYLE = """
:root { color-scheme: light dark; --quiet: light-dark(#5b6470, #9aa4b2); --line: light-dark(#d8dde3, #343b45); }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; min-height: 100svh; padding: 1rem; display: grid; place-content: center;
  grid-template-columns: minmax(0, 72rem); font: 1rem/1.5 system-ui, sans-serif;
  background: light-dark(#f6f7f9, #14171b); color: light-dark(#1b2026, #e6e9ee); }
main { min-width: 0; }
figure { margin: 0; }
img { display: block; margin: 0 auto; max-width: 100%; max-height: 82vh; max-height: 82svh; width: auto; height: auto;
  border-radius: .5rem; }
figcaption { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: center;
  padding-top: .75rem; color: var(--quiet); }
h1 { margin: 0; font-size: 1.125rem; font-weight: 600; overflow-wrap: anywhere; color: light-dark(#1b2026, #e6e9ee); }
a { color: inherit; }
.label { padding: 0 .6rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .875rem; white-space: nowrap; }
details { max-width: 48rem; margin: 1rem auto 0; padding-top: .75rem; border-top: 1px solid var(--line); }
summary { color: var(--quiet); cursor: pointer; }
dl { margin: .5rem 0 0; }
dt { color: var(--quiet); font-size: .875rem; }
dd { margin: 0 0 .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
form, .said { max-width: 24rem; margin: 0 auto; text-align: center; }
form p { margin: 0 0 1rem; }
input, button { width: 100%; margin-bottom: .5rem; padding: .6rem .75rem; font: inherit; color: inherit;
  border: 1px solid var(--line); border-radius: .5rem; background: light-dark(#fff, #1d2127); }
button { cursor: pointer; background: light-dark(#1b2026, #e6e9ee); color: light-dark(#fff, #14171b); }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    "default-src 'none'; img-src 'self' data: {site}; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<link rel="icon" href="data:,">
{head}<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def rendered(
    *, site: str, language: str, title: str, body: str, head: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response[str]:
    """A whole page. `title` is text; `head` and `body` are HTML, in which everything that others wrote is escaped."""
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    whole = _PAGE.format(language=language, direction=direction, title=escape(title), head=head, style=_STYLE, body=body)
    always = {
        "Content-Security-Policy": _POLICY.format(site=site, hash=_HASH),
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        # It holds addresses that end with the link, and is another one for each language and each cookie.
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Language, Cookie",
        "Content-Language": language,
    }
    return Response(whole, media_type="text/html", status_code=status, headers={**always, **(headers or {})})
