"""Who the one who asks is, in words."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import and_, select

from gateway.accounts.permissions import Principal, Role
from gateway.accounts.tables import keys, members, teams, users
from gateway.db import Database, across_teams
from gateway.errors import NotAuthenticated


class Profile(Struct, frozen=True, kw_only=True):
    """The names behind a principal."""

    team_name: str
    user_name: str
    email: str | None
    role: Role | None
    """None for an administrator who is not a member of the team."""
    key_name: str | None
    """None in a session."""


async def profile(db: Database, principal: Principal) -> Profile:
    """Raises NotAuthenticated when the user, the team or the key has gone meanwhile."""
    query = (
        across_teams(
            select(teams.c.name.label("team_name"), users.c.name, users.c.email, members.c.role, keys.c.name.label("key"))
        )
        .select_from(users)
        .join(teams, teams.c.id == principal.team_id)
        .outerjoin(members, and_(members.c.team_id == teams.c.id, members.c.user_id == users.c.id))
        .outerjoin(keys, keys.c.id == principal.key_id)
        .where(users.c.id == principal.user_id)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None or (principal.key_id and row.key is None):
        raise NotAuthenticated("This key is gone; ask for a new one.")
    return Profile(team_name=row.team_name, user_name=row.name, email=row.email, role=row.role, key_name=row.key)
