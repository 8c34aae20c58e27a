"""Jobs and their money without a scheduler: what it does to rows is done by hand, in any order."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import insert, select

from gateway.accounts import Principal
from gateway.accounts.tables import members, teams, users
from gateway.catalog import Catalog, parse
from gateway.db import Database, across_teams, new_id, now
from gateway.events import Bus
from gateway.jobs.records import Job, from_row
from gateway.jobs.request import Submission
from gateway.jobs.submit import submit
from gateway.jobs.tables import jobs
from gateway.models import Models
from gateway.registry import Registry
from gateway.wallet import ledger, usage
from tests.fakes.fake_engine import FakeEngine

REGISTRY = Registry({"fake": FakeEngine})
TOML = """
[settings.credits]
enabled = true
[engines.fake]
plugin = "fake"
[[models]]
id = "m"
engine = "fake"
source = "fake:m"
"""
CREDIT = 10_000


async def new_team(db: Database, name: str = "") -> Principal:
    """A team of its own, with one member who asks."""
    team_id, user_id = new_id(), new_id()
    async with db.write() as connection:
        await connection.execute(insert(teams), [{"id": team_id, "name": name or team_id, "created_at": now()}])
        user = {"id": user_id, "name": f"user of {name}", "email": None, "is_admin": False, "created_at": now()}
        await connection.execute(insert(users), [user])
        member = {"team_id": team_id, "user_id": user_id, "role": "member", "created_at": now()}
        await connection.execute(insert(members), [member])
    return Principal(team_id, user_id, None, frozenset({"features.image_generation"}))


class Books(NamedTuple):
    """What is written of one team's money."""

    balance: int
    entries: list[ledger.Entry]
    """Oldest first."""
    jobs: list[Job]
    used: usage.Use | None


class Till:
    """One team's jobs and wallet."""

    def __init__(self, db: Database, models: Models, principal: Principal) -> None:
        self.db = db
        self.models = models
        self.principal = principal
        self.catalog: Catalog = models.catalog
        self.bus = Bus()

    @staticmethod
    async def open(db: Database, toml: str = TOML) -> Till:
        models = Models(REGISTRY)
        await models.refresh(parse(toml, REGISTRY))
        return Till(db, models, await new_team(db))

    async def ask(self, **more: Any) -> Job:
        asked = {"surface": "tasks", "capability": "text_to_image", "prompt": "a cat", "model": "m", **more}
        return await self.submit(Submission(**asked))

    async def submit(self, asked: Submission) -> Job:
        return await submit(self.db, self.bus, self.models.offers["m"], self.principal, asked, self.catalog)

    async def give(self, credits: int) -> None:
        async with self.db.write() as connection:
            await ledger.grant(connection, self.principal.team_id, credits * CREDIT, "test")

    async def balance(self) -> int:
        async with self.db.read() as connection:
            return await ledger.balance(connection, self.principal.team_id)

    async def entries(self) -> list[ledger.Entry]:
        """Oldest first."""
        return (await self.books()).entries

    async def jobs(self) -> list[Job]:
        return (await self.books()).jobs

    async def used(self) -> usage.Use:
        used = (await self.books()).used
        assert used
        return used

    async def books(self) -> Books:
        """All of one moment."""
        team_id = self.principal.team_id
        query = across_teams(select(jobs)).where(jobs.c.team_id == team_id).order_by(jobs.c.id)
        async with self.db.read() as connection:
            return Books(
                await ledger.balance(connection, team_id),
                (await ledger.newest(connection, team_id, limit=10_000))[::-1],
                [from_row(row) for row in await connection.execute(query)],
                next(iter(await usage.report(connection, by=(), team_id=team_id, limit=1)), None),
            )

    async def run(self, change: Any, *args: Any, **more: Any) -> Any:
        """One of `gateway.jobs.changes`, in a transaction of its own."""
        async with self.db.write() as connection:
            return await change(connection, *args, **more)


async def check_books(till: Till) -> None:
    """The balance is the ledger's sum, each job was charged and refunded once at most, and usage tells the same."""
    books = await till.books()
    written, done = books.entries, books.jobs
    assert books.balance == sum(entry.amount for entry in written)
    assert books.balance >= 0
    running = 0
    for entry in written:
        running += entry.amount
        assert entry.balance == running, "every entry tells the balance behind it"
    of_jobs = [(entry.job_id, entry.kind) for entry in written if entry.job_id]
    assert len(of_jobs) == len(set(of_jobs))
    amounts = {(entry.job_id, entry.kind): entry.amount for entry in written if entry.job_id}
    for job in done:
        paid = job.charged if (job.id, "charge") in amounts else 0
        assert -amounts.pop((job.id, "charge"), 0) == paid
        owed = job.charged - job.price * job.stored if job.finished else 0
        assert job.refunded == owed
        assert amounts.pop((job.id, "refund"), 0) == (owed if paid else 0)
    assert not amounts, "no money moved for a job that is not there"
    if done:
        line = books.used
        assert line
        assert line.jobs == len(done)
        assert line.charged == sum(job.charged for job in done)
        assert line.refunded == sum(job.refunded for job in done)
        assert line.pictures == sum(job.stored for job in done if job.finished)
