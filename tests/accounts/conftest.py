from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert

from gateway import accounts
from gateway.accounts import Principal, passwords
from gateway.accounts.tables import members, teams, users
from gateway.db import Database, new_id, now


@pytest.fixture
async def admin(database: Database) -> Principal:
    return await accounts.authenticate(database, await accounts.bootstrap(database))


class People:
    """Teams and users, made as an administrator's API will make them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def team(self, name: str) -> str:
        row = {"id": new_id(), "name": name, "created_at": now()}
        async with self.database.write() as connection:
            await connection.execute(insert(teams), [row])
        return str(row["id"])

    async def user(self, name: str, *team_ids: str, role: str = "member", is_admin: bool = False) -> str:
        row = {"id": new_id(), "name": name, "email": f"{name}@example.org", "is_admin": is_admin, "created_at": now()}
        async with self.database.write() as connection:
            await connection.execute(insert(users), [row])
            for team_id in team_ids:
                member = {"team_id": team_id, "user_id": row["id"], "role": role, "created_at": now()}
                await connection.execute(insert(members), [member])
        return str(row["id"])


@pytest.fixture
def people(database: Database) -> People:
    return People(database)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that cost next to nothing, where their cost is not the matter."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys.cache_clear()
