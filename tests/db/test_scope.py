"""No statement on rows of teams reaches the database without saying whose rows it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from gateway.db import Database, across_teams, of_team
from gateway.db.scope import TeamForgotten
from gateway.images.tables import images
from gateway.jobs.tables import jobs

FORGOTTEN: dict[str, Callable[[], Any]] = {
    "select": lambda: select(jobs),
    "columns": lambda: select(jobs.c.id),
    "where": lambda: select(jobs).where(jobs.c.team_id == "one"),
    "update": lambda: update(jobs).values(stored=1),
    "delete": lambda: delete(images),
    "union": lambda: select(jobs.c.id).union(select(images.c.id)),
    "insert from select": lambda: insert(images).from_select(["id"], select(jobs.c.id)),
    "subquery": lambda: select(images.c.blob).where(images.c.job_id.in_(select(jobs.c.id))),
}


@pytest.mark.parametrize("statement", FORGOTTEN.values(), ids=FORGOTTEN)
async def test_a_statement_that_forgets_the_team_is_refused(database: Database, statement: Callable[[], Any]) -> None:
    with pytest.raises(TeamForgotten, match="of_team or across_teams"):
        async with database.write() as connection:
            await connection.execute(statement())


async def test_readers_are_guarded_too(database: Database) -> None:
    with pytest.raises(TeamForgotten):
        async with database.read() as connection:
            await connection.execute(select(jobs))


async def test_of_team_adds_the_team_for_each_table() -> None:
    statement = of_team(select(jobs.c.id).join(images, images.c.job_id == jobs.c.id), "one", jobs, images)
    told = str(statement.compile(compile_kwargs={"literal_binds": True}))
    assert "jobs.team_id = 'one' AND images.team_id = 'one'" in told.replace("\n", " ")


async def test_who_says_all_teams_gets_all(database: Database) -> None:
    async with database.read() as connection:
        assert (await connection.execute(across_teams(select(jobs)))).all() == []
