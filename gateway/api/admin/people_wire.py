"""How teams, users and the audit log are shown to an administrator, and how teams and users are asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.accounts import Act, Team, User
from gateway.accounts.own_limits import Own, OwnChange
from gateway.api.team.wire import Name
from gateway.api.times import moment

Email = Annotated[str, Meta(min_length=3, max_length=254)]
Password = Annotated[str, Meta(min_length=1, max_length=1024)]


class TeamRow(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    members: int
    created_at: datetime
    closed_at: datetime | None
    """Since then its keys open nothing; what it owns stays."""
    limits: Own
    """Its own, in place of those of [settings.limits]; null: as those say."""


class TeamPage(Struct, frozen=True, kw_only=True):
    data: list[TeamRow]
    limit: int
    next: str | None


class TeamRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name


class TeamChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    name: Name | UnsetType = UNSET
    closed: bool | UnsetType = UNSET
    """False opens it again."""
    limits: OwnChange | UnsetType | None = UNSET
    """Null: as [settings.limits] says, in all four."""


class UserRow(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    email: str | None
    is_admin: bool
    has_password: bool
    """Whether they can sign in; keys need none."""
    created_at: datetime
    closed_at: datetime | None
    """Since then their keys and sessions open nothing."""
    limits: Own
    """Their own, with all keys, in place of those of [settings.limits]; null: as those say."""


class UserPage(Struct, frozen=True, kw_only=True):
    data: list[UserRow]
    limit: int
    next: str | None


class UserRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    email: Email | None = None
    """Null: one who only has keys."""
    password: Password | None = None
    is_admin: bool = False


class UserChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is; a null e-mail or password is taken away."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    password: Password | UnsetType | None = UNSET
    is_admin: bool | UnsetType = UNSET
    closed: bool | UnsetType = UNSET
    """False opens them again."""
    limits: OwnChange | UnsetType | None = UNSET
    """Null: as [settings.limits] says, in all four."""


class ActRow(Struct, frozen=True, kw_only=True):
    """One thing that was done."""

    id: str
    created_at: datetime
    user_id: str
    user_name: str
    key_id: str | None
    """Null: from a session of the web pages."""
    address: str | None
    """Where the request came from; null for what was done before this was noted."""
    action: str
    """Such as `team.create`, `key.revoke` or `settings.update`."""
    target: str
    """What it was done to: an id, or the name of a model."""
    details: dict[str, Any]
    """What of it was set, and to what; never a secret."""


class ActPage(Struct, frozen=True, kw_only=True):
    data: list[ActRow]
    limit: int
    next: str | None


def team(found: Team) -> TeamRow:
    return TeamRow(**_shown(found, TeamRow))


def user(found: User) -> UserRow:
    return UserRow(**_shown(found, UserRow))


def act(found: Act) -> ActRow:
    row = _shown(found, ActRow)
    return ActRow(**row | {"details": {name: _on_the_wire(name, each) for name, each in found.details.items()}})


def _on_the_wire(name: str, value: Any) -> Any:
    """Times are microseconds in the log."""
    return moment(value) if name.endswith("_at") and isinstance(value, int) else value


def _shown(found: Struct, row: type[Struct]) -> dict[str, Any]:
    values = {name: getattr(found, name) for name in row.__struct_fields__}
    return values | {name: moment(values[name]) for name in ("created_at", "closed_at") if name in values}
