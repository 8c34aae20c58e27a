from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from gateway.accounts import Principal
from gateway.accounts.permissions import PERMISSIONS
from gateway.accounts.tables import teams, users
from gateway.catalog.settings import Webhooks
from gateway.db import Database, across_teams, new_id, now
from gateway.webhooks import deliveries, records
from gateway.webhooks.deliveries import Delivery
from gateway.webhooks.records import Webhook
from gateway.webhooks.tables import deliveries as table
from tests.webhooks.world import Running, World

URL = "https://receiver.example/hook"
NewOwner = Callable[[], Awaitable[Principal]]


@pytest.fixture
def new_owner(database: Database) -> NewOwner:
    """Makes the owner of a new team."""

    async def make() -> Principal:
        team_id, user_id = new_id(), new_id()
        async with database.write() as connection:
            await connection.execute(insert(teams), [{"id": team_id, "name": team_id, "created_at": now()}])
            user = {"id": user_id, "name": "owner", "email": None, "is_admin": False, "created_at": now()}
            await connection.execute(insert(users), [user])
        return Principal(team_id, user_id, new_id(), frozenset(PERMISSIONS) - {"admin"}, role="owner")

    return make


@pytest.fixture
async def owner(new_owner: NewOwner) -> Principal:
    return await new_owner()


class Desk:
    """One team's webhooks, each call in a transaction of its own."""

    def __init__(self, database: Database, owner: Principal) -> None:
        self.db = database
        self.owner = owner

    async def webhook(self, url: str = URL, **more: Any) -> Webhook:
        async with self.db.write() as connection:
            return await records.create(connection, self.owner, url, **more)

    async def change(self, webhook: Webhook, **values: Any) -> Webhook:
        async with self.db.write() as connection:
            return await records.change(connection, self.owner, webhook.id, **values)

    async def end(self, job_id: str = "job", state: str = "succeeded", url: str | None = None) -> int:
        """What the end of a job writes."""
        async with self.db.write() as connection:
            return await deliveries.owe(connection, self.owner.team_id, job_id, state, url)

    async def all(self, **filters: Any) -> list[Delivery]:
        """Newest first."""
        async with self.db.read() as connection:
            return await deliveries.newest(connection, self.owner.team_id, limit=1000, **filters)

    async def one(self, **filters: Any) -> Delivery:
        (only,) = await self.all(**filters)
        return only

    async def again(self, delivery: Delivery) -> Delivery:
        async with self.db.write() as connection:
            return await deliveries.again(connection, self.owner.team_id, delivery.id)

    async def make_due(self) -> None:
        """As if the time had come."""
        async with self.db.write() as connection:
            await connection.execute(across_teams(update(table)).where(table.c.state == "pending").values(next_at=now() - 1))

    async def rows(self, table: Any) -> list[Any]:
        async with self.db.read() as connection:
            return list(await connection.execute(across_teams(select(table))))


@pytest.fixture
def desk(database: Database, owner: Principal) -> Desk:
    return Desk(database, owner)


@pytest.fixture
async def world() -> World:
    return World()


@pytest.fixture
async def running(desk: Desk, world: World) -> AsyncIterator[Running]:
    running = Running(desk, world, Webhooks(max_attempts=3, allow=("10.0.0.0/8",), timeout_seconds=7))
    yield running
    await running.stop()
