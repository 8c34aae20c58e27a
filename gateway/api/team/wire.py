"""How keys and members are asked for and shown; administrators and owners see the same."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.accounts import Key, Member, Permission
from gateway.accounts.keys import Origin
from gateway.accounts.own_limits import Own
from gateway.accounts.permissions import Role
from gateway.api.times import microseconds, moment

Name = Annotated[str, Meta(min_length=1, max_length=200)]
MONTH_SECONDS = 31 * 86_400
DAILY = ("features.image_generation", "gallery.read", "gallery.write")


class KeyRow(Struct, frozen=True, kw_only=True):
    id: str
    team_id: str
    user_id: str
    name: str
    origin: Origin
    prefix: str
    permissions: tuple[Permission, ...]
    bulk: bool
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    limits: Own
    """Its own, in place of those of the whole server; null: as those are. Administrators settle them."""


class NewKey(KeyRow, frozen=True, kw_only=True):
    key: str
    """Shown this once."""


class KeyPage(Struct, frozen=True, kw_only=True):
    data: list[KeyRow]
    limit: int
    next: str | None


class TeamKeyRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key for oneself, or for another member of the team."""

    name: Name
    permissions: tuple[str, ...] = DAILY
    expires_at: datetime | None = None
    user_id: str | None = None
    bulk: bool = False
    """Its jobs are bulk unless they say otherwise."""


class KeyChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    name: Name | UnsetType = UNSET
    permissions: tuple[str, ...] | UnsetType = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    """Null: never."""
    bulk: bool | UnsetType = UNSET


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    overlap_seconds: Annotated[int, Meta(ge=0, le=MONTH_SECONDS)] = 0
    """How long the old text still opens, beside the new one."""


class MemberRow(Struct, frozen=True, kw_only=True):
    user_id: str
    name: str
    email: str | None
    role: Role
    created_at: datetime
    """Since when they are in the team."""
    closed_at: datetime | None
    """Since then nothing opens for this user, in any team."""


class MemberPage(Struct, frozen=True, kw_only=True):
    data: list[MemberRow]
    limit: int
    next: str | None


class MemberRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user, by id or by e-mail."""

    user_id: str | None = None
    email: str | None = None
    role: Role = "member"


class MemberChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    role: Role


class TeamShown(Struct, frozen=True, kw_only=True):
    """One's own team."""

    id: str
    name: str
    members: int
    role: Role | None
    """One's own in it; null for an administrator who is not a member."""
    created_at: datetime


def key(made: Key) -> KeyRow:
    return KeyRow(**_fields(made))


def new_key(made: Key, text: str) -> NewKey:
    return NewKey(**_fields(made), key=text)


def member(found: Member) -> MemberRow:
    return MemberRow(
        user_id=found.id,
        name=found.name,
        email=found.email,
        role=found.role,
        created_at=moment(found.created_at),
        closed_at=moment(found.closed_at),
    )


def changes(data: Struct) -> dict[str, Any]:
    """A change as keyword arguments, with times as the database has them."""
    return {
        name: microseconds(value) if isinstance(value, datetime) else value
        for name, value in msgspec.structs.asdict(data).items()
    }


def _fields(made: Key) -> dict[str, Any]:
    times = {name: moment(getattr(made, name)) for name in ("created_at", "expires_at", "last_used_at", "revoked_at")}
    return {name: getattr(made, name) for name in KeyRow.__struct_fields__} | times
