"""Teams by name and users by e-mail, where the gateway wants ids."""

from __future__ import annotations

import re

from gateway.cli.errors import CommandFailed
from gateway.cli.gateway import Gateway

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def team_id(gateway: Gateway, team: str) -> str:
    """Raises CommandFailed when there is no team of this name."""
    return _found(gateway, "/admin/teams", "name", team, "team called", "`darkroom teams` lists those that are")


def user_id(gateway: Gateway, user: str) -> str:
    """Raises CommandFailed when nobody has this address."""
    return _found(gateway, "/admin/users", "email", user, "user with the e-mail", "`darkroom users` lists those that are")


def _found(gateway: Gateway, path: str, name: str, value: str, what: str, hint: str) -> str:
    if _ID.fullmatch(value):
        return value
    rows = gateway.get(path, **{name: value})["data"]
    if not rows:
        raise CommandFailed(f"There is no {what} {value}; {hint}.")
    return str(rows[0]["id"])
