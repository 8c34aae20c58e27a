"""No statement on rows of teams reaches the database without saying whose rows it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, exists, func, insert, literal, select, true, update

from gateway.db import Database, across_teams, of_team
from gateway.db.scope import TeamForgotten
from gateway.images.tables import images
from gateway.jobs.tables import jobs

VARIANTS = images.alias("variants")


def of_one(statement: Any, *tables: Any) -> Any:
    return of_team(statement, "one", *tables)


def with_pictures(statement: Any) -> Any:
    return statement.where(images.c.job_id == jobs.c.id)


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

HALF_SCOPED: dict[str, Callable[[], Any]] = {
    "join": lambda: of_one(select(jobs.c.id).join(images, images.c.job_id == jobs.c.id), jobs),
    "outer join": lambda: of_one(select(jobs.c.id).outerjoin(images, images.c.job_id == jobs.c.id), jobs),
    "two froms": lambda: of_one(with_pictures(select(jobs.c.id, images.c.id)), jobs),
    "exists": lambda: of_one(select(jobs).where(with_pictures(exists())), jobs),
    "in": lambda: of_one(select(jobs).where(jobs.c.id.in_(select(images.c.job_id))), jobs),
    "scalar": lambda: of_one(select(jobs.c.id, with_pictures(select(func.count())).scalar_subquery()), jobs),
    "alias": lambda: of_one(select(images).where(exists().where(VARIANTS.c.parent_id == images.c.id)), images),
    "subquery": lambda: of_one(select(jobs.c.id).join(select(jobs).subquery(), true()), jobs),
    "cte": lambda: of_one(select(jobs.c.id).join(select(images).cte(), true()), jobs),
    "update that reads": lambda: of_one(with_pictures(update(jobs)).values(stored=1), jobs),
    "update to a count": lambda: of_one(
        update(jobs).values(stored=with_pictures(select(func.count())).scalar_subquery()), jobs
    ),
    "delete that reads": lambda: of_one(with_pictures(delete(images)), images),
    "union": lambda: of_one(select(jobs.c.id), jobs).union(select(images.c.id)),
    "insert from select": lambda: insert(images).from_select(["id"], with_pictures(of_one(select(jobs.c.id), jobs))),
    "inserted value": lambda: insert(images).values(id=select(jobs.c.id).scalar_subquery()),
}
SCOPED: dict[str, Callable[[], Any]] = {
    "join": lambda: of_one(select(jobs.c.id).join(images, images.c.job_id == jobs.c.id), jobs, images),
    "said twice": lambda: of_one(of_one(with_pictures(select(jobs.c.id)), jobs), images),
    "exists by itself": lambda: of_one(select(jobs.c.id), jobs).where(
        with_pictures(of_one(select(literal(1)), images)).exists()
    ),
    "alias": lambda: of_one(select(images.c.id).where(VARIANTS.c.parent_id == images.c.id), images, VARIANTS),
    "count": lambda: select(func.count()).select_from(of_one(select(jobs.c.id), jobs).limit(9).subquery()),
    "across teams within": lambda: of_one(select(jobs.c.id), jobs).where(
        ~across_teams(with_pictures(select(images.c.id))).exists()
    ),
    "across teams around": lambda: across_teams(select(jobs.c.id).where(with_pictures(exists()))),
    "one team of all": lambda: of_one(across_teams(with_pictures(select(jobs.c.id))), jobs),
    "union": lambda: of_one(select(jobs.c.id), jobs).union(of_one(select(images.c.id), images)),
    "update": lambda: of_one(with_pictures(update(jobs)).values(stored=1), jobs, images),
}


@pytest.mark.parametrize("statement", FORGOTTEN.values(), ids=FORGOTTEN)
async def test_a_statement_that_forgets_the_team_is_refused(database: Database, statement: Callable[[], Any]) -> None:
    with pytest.raises(TeamForgotten, match="name each to of_team"):
        async with database.write() as connection:
            await connection.execute(statement())


@pytest.mark.parametrize("statement", HALF_SCOPED.values(), ids=HALF_SCOPED)
async def test_each_of_a_statements_tables_must_be_named(database: Database, statement: Callable[[], Any]) -> None:
    with pytest.raises(TeamForgotten, match=r"^(images|jobs|variants): name each to of_team"):
        async with database.write() as connection:
            await connection.execute(statement())


@pytest.mark.parametrize("statement", SCOPED.values(), ids=SCOPED)
async def test_where_all_are_named_it_runs(database: Database, statement: Callable[[], Any]) -> None:
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
