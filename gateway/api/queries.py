"""Queries of addresses: a word that nobody reads is refused, as one in a body is; a filter that was misspelled shows all."""

from __future__ import annotations

from litestar import Litestar
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from gateway.api.access import Connection
from gateway.errors import InvalidInput
from gateway.nearest import did_you_mean, listed

ANY_QUERY = {"any_query": True}
"""The `opt` of what is no JSON: browsers, players and proxies hang things of their own on such addresses."""
_KNOWN = "known_parameters"


def learn_parameters(app: Litestar) -> None:
    """Note with each route what its query may have, those of its dependencies included, for `known_parameters`."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (asked, model) in route.route_handler_map.items():
            if method == "GET" and not ANY_QUERY.keys() & asked.opt.keys():
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
