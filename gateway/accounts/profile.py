"""Who the one who asks is, in words."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import and_, select

from gateway.accounts.permissions import Principal, Role
from gateway.accounts.tables import keys, members, teams, users
from gateway.db import Database
from gateway.errors import NotAuthenticated


class Profile(Struct, frozen=True, kw_only=True):
    """The names behind a principal."""

    team_name: str
    user_name: str
    email: str | None
    role: Role | None
    """None for an administrator who is not a member of the team."""
    key_name: str


async def profile(db: Database, principal: Principal) -> Profile:
    """Raises NotAuthenticated when the key has gone meanwhile."""
    query = (
        select(teams.c.name.label("team_name"), users.c.name.label("user_name"), users.c.email, members.c.role, keys.c.name)
        .select_from(keys)
        .join(teams, teams.c.id == keys.c.team_id)
        .join(users, users.c.id == keys.c.user_id)
        .outerjoin(members, and_(members.c.team_id == teams.c.id, members.c.user_id == users.c.id))
        .where(keys.c.id == principal.key_id)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotAuthenticated("This key is gone; ask for a new one.")
    return Profile(team_name=row.team_name, user_name=row.user_name, email=row.email, role=row.role, key_name=row.name)
