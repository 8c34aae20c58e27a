"""A request that is sent twice makes one job: on both databases, also when both come at once."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, insert, select, update

from gateway.accounts import Principal
from gateway.accounts.tables import teams
from gateway.db import across_teams, new_id, now
from gateway.errors import IdempotencyConflict, InvalidInput
from gateway.jobs.idempotency import KEPT, earlier, sweep
from gateway.jobs.request import Idempotency
from gateway.jobs.tables import idempotency, jobs
from tests.scheduling.conftest import Box, OpenBox


def name(key: str = "k", request: str = "") -> Idempotency:
    return Idempotency(key, f"fingerprint of {request}")


@pytest.fixture
async def box(open_box: OpenBox) -> Box:
    return await open_box(start=False, m="")


async def other_team(box: Box) -> Principal:
    team_id = new_id()
    async with box.db.write() as connection:
        await connection.execute(insert(teams), [{"id": team_id, "name": "others", "created_at": now()}])
    return msgspec.structs.replace(box.principal, team_id=team_id)


async def count(box: Box, table: Any = jobs) -> int:
    async with box.db.read() as connection:
        return int((await connection.execute(across_teams(select(func.count()).select_from(table)))).scalar_one())


async def age(box: Box, microseconds: int) -> None:
    async with box.db.write() as connection:
        await connection.execute(across_teams(update(idempotency)).values(created_at=now() - microseconds))


async def test_the_same_again_is_the_same_job(box: Box) -> None:
    queued: list[object] = []
    box.bus.listen(queued.append)
    first = await box.ask(idempotency=name())
    again = await box.ask(idempotency=name())
    assert again == first
    assert await count(box) == 1
    assert len(queued) == 1
    assert await earlier(box.db, box.principal, first.surface, name()) == first


async def test_the_answer_is_the_job_as_it_stands_now(box: Box) -> None:
    first = await box.ask(idempotency=name())
    await box.cancel(first)
    assert (await box.ask(idempotency=name())).state == "canceled"


async def test_another_request_under_the_same_key_is_refused(box: Box) -> None:
    await box.ask(idempotency=name("k", "one"))
    with pytest.raises(IdempotencyConflict, match="another request") as told:
        await box.ask(idempotency=name("k", "two"))
    assert told.value.status == 409
    assert told.value.field == "Idempotency-Key"
    with pytest.raises(IdempotencyConflict):
        await earlier(box.db, box.principal, "tasks", name("k", "two"))
    assert await count(box) == 1


async def test_keys_of_other_teams_surfaces_and_requests_are_other_keys(box: Box) -> None:
    first = await box.ask(idempotency=name())
    await box.ask(idempotency=name("another"))
    assert await earlier(box.db, box.principal, "studio", name()) is None
    await box.ask(idempotency=name(), surface="studio")
    await box.ask()
    box.principal = await other_team(box)
    assert await earlier(box.db, box.principal, "tasks", name()) is None
    assert (await box.ask(idempotency=name())).id != first.id
    assert await count(box) == 5


async def test_what_was_refused_is_not_remembered(box: Box) -> None:
    with pytest.raises(InvalidInput):
        await box.ask(idempotency=name("k", "wrong"), steps=100_000)
    assert await count(box, idempotency) == 0
    await box.ask(idempotency=name("k", "mended"))
    assert await count(box) == 1


async def test_what_fails_within_the_transaction_leaves_no_key(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise InvalidInput("too poor")

    with monkeypatch.context() as patch:
        patch.setattr("gateway.jobs.billing.charge", refuse)
        with pytest.raises(InvalidInput, match="too poor"):
            await box.ask(idempotency=name())
    assert await count(box, idempotency) == 0
    await box.ask(idempotency=name())
    assert await count(box) == 1


async def test_of_twins_that_come_at_once_one_makes_the_job(box: Box) -> None:
    made = await asyncio.gather(*(box.ask(idempotency=name()) for _ in range(20)))
    assert len({job.id for job in made}) == 1
    assert await count(box) == 1


async def test_of_rivals_that_come_at_once_one_makes_the_job_and_the_others_are_told(box: Box) -> None:
    made = await asyncio.gather(*(box.ask(idempotency=name("k", str(n))) for n in range(10)), return_exceptions=True)
    assert sum(isinstance(each, IdempotencyConflict) for each in made) == 9
    assert await count(box) == 1


async def test_a_key_is_forgotten_after_a_day(box: Box) -> None:
    first = await box.ask(idempotency=name("k", "one"))
    await age(box, KEPT - 60_000_000)
    assert await earlier(box.db, box.principal, "tasks", name("k", "one")) == first
    await age(box, KEPT)
    assert await earlier(box.db, box.principal, "tasks", name("k", "one")) is None
    second = await box.ask(idempotency=name("k", "two"))
    assert second.id != first.id
    assert (await box.ask(idempotency=name("k", "two"))).id == second.id


async def test_the_sweep_takes_old_keys_and_no_others(box: Box) -> None:
    await box.ask(idempotency=name("old"))
    await age(box, KEPT)
    await box.ask(idempotency=name("new"))
    assert await sweep(box.db) == 1
    assert await sweep(box.db) == 0
    assert await count(box, idempotency) == 1
    assert await count(box) == 2
