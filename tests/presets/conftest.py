from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import insert

from gateway.accounts import Principal
from gateway.accounts.permissions import OF_ROLE, Role
from gateway.accounts.tables import members, teams, users
from gateway.db import Database, new_id, now

Person = Callable[[str, Role], Awaitable[Principal]]


@pytest.fixture
def person(database: Database) -> Person:
    """A new user in the team of that name, which is made where it is new."""
    known: dict[str, str] = {}

    async def make(team: str, role: Role) -> Principal:
        user_id = new_id()
        async with database.write() as connection:
            if team not in known:
                known[team] = new_id()
                await connection.execute(insert(teams), [{"id": known[team], "name": team, "created_at": now()}])
            user = {"id": user_id, "name": role, "email": None, "is_admin": False, "created_at": now()}
            await connection.execute(insert(users), [user])
            member = {"team_id": known[team], "user_id": user_id, "role": role, "created_at": now()}
            await connection.execute(insert(members), [member])
        return Principal(known[team], user_id, "", OF_ROLE[role], role=role)

    return make
