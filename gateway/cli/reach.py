"""Which gateway a command talks to: the one named by flags, else the one that runs on this data folder."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import click

from gateway.cli import server_file
from gateway.cli.errors import CommandFailed

if TYPE_CHECKING:
    from gateway.cli.gateway import Gateway
    from gateway.wiring import Wiring


class Reach(NamedTuple):
    """The flags that say it."""

    server: str | None = None
    key: str | None = None
    data: str | None = None


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise click.BadParameter("give the address of a gateway, such as http://127.0.0.1:7878")
    return url.rstrip("/")


def reach_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --server, --key and --data; the command gets them as `reach`."""

    @click.option("--server", metavar="URL", callback=_address, help="The gateway; else the one that runs on this machine.")
    @click.option("--key", metavar="KEY", help="The key to come in with; - reads it from standard input.")
    @click.option("--data", metavar="DIR", help="The data folder of the gateway that runs on this machine.")
    @functools.wraps(command)
    def with_reach(*args: Any, server: str | None, key: str | None, data: str | None, **kwargs: Any) -> Any:
        if key == "-":
            key = sys.stdin.readline().strip()
        return command(*args, reach=Reach(server, key, data), **kwargs)

    return with_reach


def wiring_of(reach: Reach) -> Wiring:
    """Raises CommandFailed for a variable that is not right."""
    from gateway.errors import ConfigurationError
    from gateway.wiring import Wiring

    try:
        return Wiring.from_environment(data=reach.data)
    except ConfigurationError as error:
        raise CommandFailed(error.message) from None


def find(reach: Reach) -> Gateway | None:
    """The gateway that is meant, or None where none is named and none runs here."""
    from gateway.cli.gateway import Gateway, answers

    wiring = wiring_of(reach)
    local = server_file.read(wiring.server_file)
    if reach.server:
        is_local = local is not None and reach.server in (local.url, wiring.url)
        return Gateway(reach.server, reach.key or (local.key if local and is_local else None))
    if local is None or not server_file.is_alive(local) or not answers(local.url):
        return None
    return Gateway(local.url, reach.key or local.key)


def reached(reach: Reach) -> Gateway:
    """The gateway that is meant. Raises CommandFailed that says how to start one."""
    gateway = find(reach)
    if gateway is None:
        raise CommandFailed(
            f"No gateway runs on {wiring_of(reach).data}: start one with `darkroom serve`, or name one with --server and --key."
        )
    return gateway
