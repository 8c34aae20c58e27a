"""`/s/{token}`: a shared picture as a page. It needs no sign-in and no script."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from litestar import HttpMethod, Request, Response, Router, post, route
from litestar.datastructures import Cookie
from litestar.params import FromPath

from gateway.errors import LinkExpired, NotFound, TooManyRequests
from gateway.pages.frame import rendered
from gateway.pages.words import SPOKEN, Words, language
from gateway.sharing import Sharing
from gateway.sharing.entry import SECONDS, WrongPassword
from gateway.sharing.live import Shown
from gateway.storage.thumbnails import SIDES

COOKIE = "darkroom-share"
SMALL = 8_192
"""Bytes of a body that anybody may send: a password."""
_EDITED = frozenset({"compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"})
_GENERATED = "trainedAlgorithmicMedia"
_ROBOT = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|externalhit|whatsapp|slack|embed|monitor|headless|lighthouse"
    r"|curl|wget|python|httpx|java/|go-http|libwww|^$",
    re.IGNORECASE,
)
Asked = Request[Any, Any, Any]


class Links(Protocol):
    """Where shared pictures are."""

    @property
    def site(self) -> str: ...
    def share_content(self, shown: Shown) -> str: ...
    def share_thumbnail(self, shown: Shown, size: int = 768) -> str: ...


class Given(Protocol):
    """What the page is made from."""

    @property
    def sharing(self) -> Sharing: ...
    @property
    def links(self) -> Links: ...


def share_pages(current: Callable[[], Given]) -> Router:
    """The routes; `current` is asked at each request, for routes are made before there is anything to give."""

    @route("/{token:str}", http_method=[HttpMethod.GET, HttpMethod.HEAD], media_type="text/html")
    async def show_shared(request: Asked, token: FromPath[str]) -> Response[str]:
        """The picture, or what must come before it."""
        given, spoken = current(), _language(request)
        try:
            shown = await given.sharing.live.by_token(token)
        except (NotFound, LinkExpired) as error:
            return _nothing(given.links, spoken, error)
        if not given.sharing.entry.is_open(shown.share, request.cookies.get(COOKIE)):
            return _door(given.links, spoken)
        if request.method == "GET" and not _is_robot(request):
            given.sharing.views.saw(shown.share.id)
        return _picture(given, spoken, shown)

    @post("/{token:str}", media_type="text/html", status_code=200, request_max_body_size=SMALL)
    async def open_shared(request: Asked, token: FromPath[str]) -> Response[str]:
        """Take the password of the form, and lead back to the picture."""
        given, spoken = current(), _language(request)
        try:
            shown = await given.sharing.live.by_token(token)
            if shown.share.password is not None:
                address = request.client.host if request.client else ""
                cookie = await given.sharing.entry.by_password(shown.share, _password(await request.body()), address)
        except (NotFound, LinkExpired) as error:
            return _nothing(given.links, spoken, error)
        except WrongPassword:
            return _door(given.links, spoken, said=SPOKEN[spoken].wrong, status=403)
        except TooManyRequests as error:
            return _door(given.links, spoken, said=SPOKEN[spoken].wait, status=429, headers=error.headers)
        # Relative to the page's own address, so that it also works under a sub-path of a proxy.
        answer = Response("", status_code=303, media_type="text/html", headers={"Location": token, "Cache-Control": "no-store"})
        if shown.share.password is not None:
            answer.set_cookie(_cookie(given.sharing.url(shown.share), cookie))
        return answer

    return Router("/s", route_handlers=[show_shared, open_shared], include_in_schema=False)


def _language(request: Asked) -> str:
    return language(request.headers.get("accept-language", ""))


def _is_robot(request: Asked) -> bool:
    """One that opens links for its own purposes; or a browser that only gets ready for a click."""
    early = "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", ""))
    return early or _ROBOT.search(request.headers.get("user-agent", "")) is not None


def _password(body: bytes) -> str:
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=8).get("password", [""])[0]
    except ValueError:
        return ""


def _cookie(url: str, value: str) -> Cookie:
    """For this link's own page alone."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    return Cookie(key=COOKIE, value=value, path=parts.path, max_age=SECONDS, httponly=True, secure=secure, samesite="lax")


def _nothing(links: Links, spoken: str, error: NotFound | LinkExpired) -> Response[str]:
    said = SPOKEN[spoken].expired if isinstance(error, LinkExpired) else SPOKEN[spoken].gone
    body = f'<p class="said">{escape(said)}</p>'
    return rendered(site=links.site, language=spoken, title=SPOKEN[spoken].picture, body=body, status=error.status)


def _door(
    links: Links, spoken: str, *, said: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response[str]:
    """Asks for the password; nothing of the picture is told."""
    words = SPOKEN[spoken]
    wrong = f'<p role="alert">{escape(said)}</p>' if said else ""
    body = (
        f'<form method="post"><p><label for="password">{escape(words.password)}</label></p>{wrong}'
        '<input id="password" name="password" type="password" required autofocus autocomplete="off" maxlength="1024">'
        f"<button>{escape(words.show)}</button></form>"
    )
    return rendered(site=links.site, language=spoken, title=words.picture, body=body, status=status, headers=headers)


def _picture(given: Given, spoken: str, shown: Shown) -> Response[str]:
    words, image, links = SPOKEN[spoken], shown.image, given.links
    label = _label(shown, words)
    title = image.title or words.picture
    whole, small = links.share_content(shown), links.share_thumbnail(shown)
    width, height = _fitted(image.width, image.height)
    sources = f' srcset="{escape(small)} {width}w, {escape(whole)} {image.width}w"' if width < image.width else ""
    caption = f'<h1 dir="auto">{escape(image.title)}</h1>' if image.title else ""
    if label:
        caption += f'<span class="label">{escape(label)}</span>'
    caption += f'<a href="{escape(whole)}">{escape(words.full_size)} ({image.width} × {image.height})</a>'
    body = (
        f'<figure><a href="{escape(whole)}"><img src="{escape(small)}"{sources} sizes="(max-width: 72rem) 100vw, 72rem"'
        f' width="{image.width}" height="{image.height}" alt="{escape(title)}"></a>'
        f"<figcaption>{caption}</figcaption></figure>{_how(shown, words)}"
    )
    kind = "image/webp" if image.thumbnail_768 else image.media_type
    head = _cards(given.sharing.url(shown.share), title, label, small, kind, (width, height), spoken)
    return rendered(site=links.site, language=spoken, title=title, head=head, body=body)


def _label(shown: Shown, words: Words) -> str:
    """What the law asks for at first sight of a picture that a machine made; empty for one that declares no such thing."""
    if shown.share.source_type in _EDITED:
        return words.edited
    return words.generated if shown.share.source_type == _GENERATED else ""


def _fitted(width: int, height: int) -> tuple[int, int]:
    """How large the picture is that stands for it: no side is longer than the larger thumbnail's."""
    longest = max(width, height, 1)
    if longest <= SIDES[-1]:
        return width, height
    return max(1, round(width * SIDES[-1] / longest)), max(1, round(height * SIDES[-1] / longest))


def _how(shown: Shown, words: Words) -> str:
    """Where the owner wants it, and only there."""
    image = shown.image
    if not shown.share.show_prompt:
        return ""
    told = {
        words.prompt: image.prompt,
        words.negative_prompt: image.negative_prompt,
        words.model: image.model,
        words.seed: "" if image.seed is None else str(image.seed),
    }
    rows = "".join(f'<dt>{escape(name)}</dt><dd dir="auto">{escape(text)}</dd>' for name, text in told.items() if text)
    if not rows:
        return ""
    return f"<details open><summary>{escape(words.how)}</summary><dl>{rows}</dl></details>"


def _cards(url: str, title: str, label: str, picture: str, kind: str, size: tuple[int, int], spoken: str) -> str:
    """For those who show a preview of links: OpenGraph (https://ogp.me) and X's cards."""
    graph = {
        "og:type": "website",
        "og:url": url,
        "og:site_name": "Darkroom",
        "og:locale": spoken,
        "og:title": title,
        "og:description": label,
        "og:image": picture,
        "og:image:type": kind,
        "og:image:width": str(size[0]),
        "og:image:height": str(size[1]),
        "og:image:alt": title,
    }
    card = {
        "twitter:card": "summary_large_image",
        "twitter:title": title,
        "twitter:description": label,
        "twitter:image": picture,
        "twitter:image:alt": title,
    }
    lines = [f'<meta property="{name}" content="{escape(text)}">\n' for name, text in graph.items() if text]
    lines += [f'<meta name="{name}" content="{escape(text)}">\n' for name, text in card.items() if text]
    return "".join(lines)
