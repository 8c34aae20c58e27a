"""`limits` of `darkroom teams`, `users` and `keys`: numbers of one's own in place of those of [settings.limits]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from gateway.cli.output import print_json, print_table
from gateway.cli.reach import Reach, reached

USUAL = "usual"
NAMES = {
    "requests_per_minute": "Requests in a minute; beyond that 429.",
    "queued_jobs": "Jobs that wait; beyond that 429.",
    "interactive_jobs": "Interactive jobs that wait or run; bulk ones are taken beyond that.",
    "running_jobs": "Jobs that run at once; more of them wait.",
}


def _most(_: click.Context, __: click.Parameter, value: str | None) -> int | str | None:
    """A number, or `usual`."""
    if value is None or value == USUAL:
        return value
    if not (value.isascii() and value.isdigit()):
        raise click.BadParameter(f"{value!r} is not possible; give a number, 0 for as many as they like, or {USUAL}.")
    return int(value)


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, about in reversed(NAMES.items()):
        flag = f"--{name.replace('_', '-')}"
        command = click.option(flag, callback=_most, metavar="NUMBER", help=about)(command)
    return click.option("--reset", is_flag=True, help="Take all of them away, before what else is given.")(command)


def settle(reach: Reach, find: Callable[[Any], str], asked: dict[str, Any], *, as_json: bool) -> None:
    """Send what was given, if anything, and show what holds. `find` tells the path."""
    reset = asked.pop("reset")
    change = {name: None if most == USUAL else most for name, most in asked.items() if most is not None}
    with reached(reach) as gateway:
        path = find(gateway)
        if reset:
            change = {**dict.fromkeys(NAMES), **change}
        if change:
            gateway.patch(path, {"limits": change})
        limits = gateway.get(path)["limits"]
    if as_json:
        print_json(limits)
        return
    rows = [(name, USUAL if limits[name] is None else limits[name] or "any number") for name in NAMES]
    print_table(("limit", "own>"), rows, empty="")
