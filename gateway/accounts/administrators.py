"""The one administrator who is always there: a start needs them, and no change may take the last one away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.tables import members, teams, users
from gateway.db import Database, across_teams
from gateway.errors import WrongState

_turns: WeakKeyDictionary[Database, asyncio.Lock] = WeakKeyDictionary()


class Administrator(Struct, frozen=True):
    team_id: str
    user_id: str


async def find_administrator(connection: AsyncConnection) -> Administrator | None:
    """The eldest user who is marked as one, in the team that they entered first, both open; None when there is none."""
    query = (
        across_teams(select(members.c.team_id, members.c.user_id))
        .join(users, users.c.id == members.c.user_id)
        .join(teams, teams.c.id == members.c.team_id)
        .where(users.c.is_admin, users.c.closed_at.is_(None), teams.c.closed_at.is_(None))
        .order_by(users.c.id, members.c.created_at, members.c.team_id)
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Administrator(row.team_id, row.user_id)


@asynccontextmanager
async def changing(db: Database) -> AsyncIterator[AsyncConnection]:
    """The writer, for changes of teams, users and members; one after the other, so that two do not cross.

    Raises WrongState, and nothing is changed, when nobody would be left to undo it.
    """
    # There is one gateway for each database, so that a lock of this process is enough.
    async with _turns.setdefault(db, asyncio.Lock()), db.write() as connection:
        yield connection
        if await find_administrator(connection) is None:
            raise WrongState("This would leave no administrator who is a member of an open team; make another one first.")
