"""What a key may do, and who stands behind it."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from gateway.accounts.own_limits import NOBODYS, OwnLimits
from gateway.errors import Forbidden

Permission = Literal["features.image_generation", "gallery.read", "gallery.write", "admin"]
Role = Literal["viewer", "member", "owner"]

PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
_DAILY: frozenset[Permission] = frozenset({"features.image_generation", "gallery.read", "gallery.write"})
OF_ROLE: dict[Role, frozenset[Permission]] = {
    "viewer": frozenset({"gallery.read"}),
    "member": _DAILY,
    "owner": _DAILY,
}
"""The most that a key of a team's member can carry; `admin` comes with the user, not with a role."""


class Principal(Struct, frozen=True):
    """The one who asks: a user, in a team, by a key or in a session of the web pages."""

    team_id: str
    user_id: str
    key_id: str | None
    """None in a session."""
    permissions: frozenset[Permission]
    """What the key carries and the user's role still allows; all of them where `admin` is among them."""
    is_admin: bool = False
    """The box's administrator: `/admin` is open, over all teams."""
    bulk: bool = False
    """Its jobs are bulk unless they say otherwise."""
    role: Role | None = None
    """In the team; None for an administrator who is not a member of it."""

    session_id: str | None = None
    """None with a key."""
    expires_at: int | None = None
    """When the key ends, in microseconds since the epoch; no key that it makes or changes may last longer."""
    address: str | None = None
    """Where the request comes from, for the audit log; None where nobody asks from anywhere."""
    limits: OwnLimits = NOBODYS
    """What was settled for this key, user and team in place of [settings.limits]."""

    def has(self, permission: Permission) -> bool:
        return self.is_admin or permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raises Forbidden when the key does not carry `permission`."""
        if not self.has(permission):
            who = "Your role in this team" if self.session_id else "This key"
            cure = "ask for another role" if self.session_id else "ask for a key that carries it"
            raise Forbidden(f"{who} lacks the permission {permission}; {cure}.")

    @property
    def is_owner(self) -> bool:
        """Whether they may manage the team: its owner, by a key that may write, or an administrator."""
        return self.is_admin or (self.role == "owner" and "gallery.write" in self.permissions)

    def require_owner(self) -> None:
        """Raises Forbidden when the one who asks does not manage the team."""
        if not self.is_owner:
            raise Forbidden("Only an owner of the team, with a key that carries gallery.write, and administrators do this.")


def effective(carried: frozenset[Permission], role: Role | None, *, admin_user: bool) -> frozenset[Permission]:
    """What is left of a key's permissions when its user's role has changed since it was made."""
    if admin_user:
        return frozenset(PERMISSIONS) if "admin" in carried else carried
    return carried & OF_ROLE[role] if role else frozenset()
