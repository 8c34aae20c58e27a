"""Sign-in, sessions and changes of oneself, as they are sent and shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from gateway.accounts import Profile
from gateway.accounts.first_start import FirstStart
from gateway.accounts.sessions import Session, TeamOfOne
from gateway.accounts.signing_in import Change
from gateway.api.common.wire import Named
from gateway.api.times import moment

Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Email = Annotated[str, Meta(min_length=1, max_length=254)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Credentials(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one signs in."""

    email: Email
    password: Secret


class FirstStartRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The administrator's e-mail and password, to be set once."""

    token: Secret
    """The console shows it at the start, until it was used."""
    email: Email
    password: Secret
    """12 characters or more."""
    name: Name | None = None


class MeChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one changes of oneself; what is left out stays."""

    team_id: str | None = None
    """The team to work in from now on; one's own, or for an administrator any."""
    name: Name | None = None
    password: Secret | None = None
    """A new one, of 12 characters or more; other sessions end with the old one."""
    current_password: Secret | None = None
    """Needed beside `password`."""


class TeamChoice(Struct, frozen=True, kw_only=True):
    """A team to work in; `role` is null for an administrator who is not a member of it."""

    id: str
    name: str
    role: str | None


class SessionAnswer(Struct, frozen=True, kw_only=True):
    """A session of the web pages; its cookie came along with the answer to the sign-in."""

    user: Named
    email: str | None
    team: Named
    """The one that it works in; PATCH /v1/me changes it."""
    teams: list[TeamChoice]
    csrf_token: str
    """To be sent as X-CSRF-Token with everything that is not a GET."""
    expires_at: datetime


def first_start(asked: FirstStartRequest) -> FirstStart:
    return FirstStart(token=asked.token, email=asked.email, password=asked.password, name=asked.name)


def change(asked: MeChange) -> Change:
    return Change(name=asked.name, password=asked.password, current_password=asked.current_password)


def session(found: Session, teams: list[TeamOfOne], who: Profile, csrf_token: str) -> SessionAnswer:
    return SessionAnswer(
        user=Named(found.user_id, who.user_name),
        email=who.email,
        team=Named(found.team_id, who.team_name),
        teams=[TeamChoice(id=team.id, name=team.name, role=team.role) for team in teams],
        csrf_token=csrf_token,
        expires_at=moment(found.expires_at),
    )
