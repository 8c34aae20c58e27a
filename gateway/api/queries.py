"""Queries of addresses: a word that nobody reads is refused, as one in a body is; a filter that was misspelled shows all."""

from __future__ import annotations

from litestar import Litestar
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from gateway.api.access import Connection
from gateway.errors import InvalidInput
from gateway.nearest import did_you_mean, listed

_LENIENT = frozenset({"text/event-stream", "image/*"})
"""Streams and bytes: what plays them hangs things of its own on their addresses."""
_KNOWN = "known_parameters"


def learn_parameters(app: Litestar) -> None:
    """Note with each route what its query may have, those of its dependencies included, for `known_parameters`."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (asked, model) in route.route_handler_map.items():
            if method == "GET" and asked.media_type not in _LENIENT:
                asked.opt[_KNOWN] = frozenset(parameter.field_alias for parameter in model.expected_query_params)


async def known_parameters(connection: Connection, route: BaseRouteHandler) -> None:
    """A guard that raises InvalidInput, naming the parameter, for a GET with one that its route does not know."""
    if not connection.scope["query_string"]:
        return
    known: frozenset[str] | None = route.opt.get(_KNOWN)
    if known is None or known.issuperset(connection.query_params):
        return
    name = next(name for name in connection.query_params if name not in known)
    raise InvalidInput(f"{_shown(name)} is not known here{_instead(name, known)}", field=_shown(name))


def _instead(name: str, known: frozenset[str]) -> str:
    if not known:
        return "; this address takes no parameters."
    return did_you_mean(name, sorted(known)) or f"; there are {listed(sorted(known))}."


def _shown(name: str) -> str:
    """No longer than somebody reads."""
    return name if len(name) <= 60 else f"{name[:60]}…"
