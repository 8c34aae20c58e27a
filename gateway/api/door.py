"""Who comes in: by a key, or by a session's cookie when the request is our own pages'; and how often."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from gateway.accounts import Principal, authenticate
from gateway.accounts.device_cookies import DAYS
from gateway.accounts.limits import RequestLimits
from gateway.accounts.sessions import Sessions
from gateway.db import Database
from gateway.errors import CrossSite

CSRF_HEADER = "X-CSRF-Token"
_LOOKS_ONLY = frozenset({"GET", "HEAD", "OPTIONS"})
_MICROSECONDS = 1_000_000
Connection = ASGIConnection[Any, Any, Any, Any]


def cookie_name(url: str) -> str:
    """Of the session's cookie. Where clients come by https, browsers see to it that nobody else can set it."""
    return "__Host-darkroom" if url.startswith("https:") else "darkroom"


def address_of(connection: Connection) -> str:
    """Where the request comes from, as `forwarded` understood it."""
    return connection.client.host if connection.client else ""


class Door:
    """`url` is how clients reach us."""

    def __init__(self, db: Database, sessions: Sessions, requests: RequestLimits, url: str) -> None:
        self._db = db
        self._sessions = sessions
        self._requests = requests
        self._site = urlsplit(url).netloc.lower()
        self._secure = url.startswith("https:")
        self._cookie = cookie_name(url)
        self._device = f"{self._cookie}-device"

    async def admit(self, connection: Connection, key: str | None) -> Principal:
        """Who asks. A key goes before a cookie, and alone needs nothing else.

        Raises NotAuthenticated, CrossSite, TooManyRequests.
        """
        cookie = None if key else connection.cookies.get(self._cookie)
        if cookie is None:
            principal = await authenticate(self._db, key)
        else:
            principal = await self._sessions.authenticate(cookie)
            if connection.scope.get("method") not in _LOOKS_ONLY:
                self._see_that_it_is_ours(connection, principal)
        self._requests.count(principal)
        return msgspec.structs.replace(principal, address=address_of(connection))

    async def again(self, connection: Connection) -> Principal:
        """The one in this session, as it is by now."""
        principal = await self._sessions.authenticate(connection.cookies.get(self._cookie) or "")
        return msgspec.structs.replace(principal, address=address_of(connection))

    def device(self, connection: Connection) -> str | None:
        """The cookie of an earlier sign-in from this browser."""
        return connection.cookies.get(self._device)

    def refuse_other_sites(self, connection: Connection) -> None:
        """Raises CrossSite where a browser says that another site's page made the request."""
        origin = connection.headers.get("origin")
        if origin is None:
            # Left out by programs, which carry no cookies of anyone; by browsers only beside this one.
            foreign = connection.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        else:
            foreign = urlsplit(origin).netloc.lower() not in {self._site, connection.headers.get("host", "").lower()}
        if foreign:
            raise CrossSite("This came from another site's page; sign-in and what follows are for our own pages.")

    def set_cookie(self, value: str, expires_at: int, now: int) -> Cookie:
        """The session's cookie; both times in microseconds since the epoch."""
        return self._made(self._cookie, value, max(1, (expires_at - now) // _MICROSECONDS))

    def device_cookie(self, value: str) -> Cookie:
        """What lets this browser sign in while strangers guess. Signing out leaves it."""
        return self._made(self._device, value, DAYS * 86_400)

    def clear_cookie(self) -> Cookie:
        return self._made(self._cookie, "", 0)

    def _made(self, key: str, value: str, seconds: int) -> Cookie:
        # Lax, so that a link in a mail opens the pages signed in; what changes anything needs the token as well.
        return Cookie(key=key, value=value, path="/", max_age=seconds, httponly=True, secure=self._secure, samesite="lax")

    def _see_that_it_is_ours(self, connection: Connection, principal: Principal) -> None:
        self.refuse_other_sites(connection)
        sent = connection.headers.get(CSRF_HEADER) or ""
        wanted = self._sessions.csrf_token(principal.session_id or "")
        if not hmac.compare_digest(sent.encode(), wanted.encode()):
            raise CrossSite(f"With a session's cookie, send its csrf_token (GET /v1/session shows it) as {CSRF_HEADER}.")
