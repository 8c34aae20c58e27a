"""Who asks, and whether they may: guards, which run before a body is read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from gateway.accounts import Permission, Principal
from gateway.api.door import Door
from gateway.errors import NotAuthenticated

Connection = ASGIConnection[Any, Any, Any, Any]
SECURITY: list[dict[str, list[str]]] = [{"BearerToken": []}, {"Session": []}]
"""For the OpenAPI document of every handler that needs a key or a session."""
OPEN = "open_to_all"
"""In the `opt` of a handler that needs neither, though its path has others that do."""
BASIC_TOO = "basic_too"
"""In the `opt` of handlers whose clients know HTTP basic alone: the password is the key, whatever the user's name."""


def bearer(value: str | None) -> str | None:
    """The key in an Authorization header's value; None where there is none. Raises NotAuthenticated for another scheme."""
    if not value:
        return None
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("Only bearer keys open this: send `Authorization: Bearer <key>`.")
    return token.strip()


def bearer_or_basic(value: str | None) -> str | None:
    """The same, or the password of HTTP basic (RFC 7617); None for a header that is empty, as some clients send it."""
    scheme, _, packed = (value or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return bearer(value)
    try:
        _user, _, password = base64.b64decode(packed.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise NotAuthenticated(
            "The Authorization header is no HTTP basic; send any user's name, and a key as password."
        ) from None
    return password.strip() or None


def authenticated(door: Callable[[], Door]) -> Guard:
    """A guard that lets in who has a key or a session, and all to what is `OPEN`.

    The principal is then the connection's `user`.
    """

    async def guard(connection: Connection, route: BaseRouteHandler) -> None:
        if OPEN in route.opt:
            return
        key_in = bearer_or_basic if BASIC_TOO in route.opt else bearer
        connection.scope["user"] = await door().admit(connection, key_in(connection.headers.get("authorization")))

    return guard


def allows(permission: Permission) -> Guard:
    """A guard that lets in whose key carries `permission`; it comes after `authenticated`.

    Guards are coroutines, for the framework calls every other function in a thread.
    """

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        principal: Principal = connection.scope["user"]
        principal.require(permission)

    return guard


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """For dependency injection: who `authenticated` let in."""
    principal: Principal = request.scope["user"]
    return principal
