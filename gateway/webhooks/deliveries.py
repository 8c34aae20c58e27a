"""Calls that are owed or were made. A row is written in the transaction that ends its job, so that no crash loses one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import Row, String, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import across_teams, new_id, now, of_team
from gateway.errors import NotFound, WrongState
from gateway.webhooks.addresses import receiver
from gateway.webhooks.schedule import Delivered, Later, Verdict
from gateway.webhooks.tables import deliveries, webhooks

SECOND = 1_000_000
LONGEST_ERROR = 500
"""Characters that are kept of why a call failed."""
DeliveryState = Literal["pending", "delivered", "dead"]
EventName = Literal["task.succeeded", "task.failed", "task.canceled"]
EVENTS: tuple[EventName, ...] = get_args(EventName)
# Made once: it is asked at the end of every job.
_RECEIVERS = of_team(select(webhooks.c.id, webhooks.c.url, webhooks.c.events), bindparam("team", type_=String), webhooks).where(
    webhooks.c.active
)
_events_of = msgspec.json.Decoder(tuple[str, ...]).decode


class Delivery(Struct, frozen=True, kw_only=True):
    """One message to one receiver; times are microseconds since the epoch."""

    id: str
    team_id: str
    webhook_id: str | None
    job_id: str
    event: EventName
    url: str
    receiver: str
    state: DeliveryState
    attempts: int
    next_at: int
    last_status: int | None
    last_error: str | None
    created_at: int
    finished_at: int | None


async def owe(connection: AsyncConnection, team_id: str, job_id: str, state: str, url: str | None) -> int:
    """In the transaction that ends a job: one row for each webhook of the team that wants to know, and one for the
    address that the request named. How many those are.
    """
    event = f"task.{state}"
    rows = await connection.execute(_RECEIVERS, {"team": team_id})
    wanted: list[tuple[str | None, str]] = [(row.id, row.url) for row in rows if event in _events_of(row.events)]
    if url is not None:
        wanted.append((None, url))
    if wanted:
        moment = now()
        await connection.execute(insert(deliveries), [_row(team_id, job_id, event, *each, moment) for each in wanted])
    return len(wanted)


async def teams(connection: AsyncConnection) -> frozenset[str]:
    """Those that have webhooks which are called."""
    query = across_teams(select(webhooks.c.team_id).distinct()).where(webhooks.c.active)
    return frozenset((await connection.execute(query)).scalars())


async def waiting(
    connection: AsyncConnection,
    *,
    limit: int,
    but: Collection[str] = (),
    without: Collection[str] = (),
    without_teams: Collection[str] = (),
) -> list[Delivery]:
    """Every team's calls that are still owed, the most urgent first: not those with an id of `but`, none to the receivers
    `without`, and none of `without_teams`.
    """
    query = across_teams(select(deliveries)).where(deliveries.c.state == "pending")
    query = query.where(deliveries.c.id.not_in(but)) if but else query
    query = query.where(deliveries.c.receiver.not_in(without)) if without else query
    query = query.where(deliveries.c.team_id.not_in(without_teams)) if without_teams else query
    return [from_row(row) for row in await connection.execute(query.order_by(deliveries.c.next_at).limit(limit))]


async def settle(
    connection: AsyncConnection, sent: Delivery, verdict: Verdict, status: int | None, error: str | None, at: int
) -> None:
    """Write what a call came to. A failure of one that was sent again by hand meanwhile is not written."""
    same = (deliveries.c.id == sent.id) & (deliveries.c.state == "pending")
    values: dict[str, Any] = {
        "attempts": sent.attempts + 1,
        "last_status": status,
        "last_error": error and error[:LONGEST_ERROR],
    }
    if isinstance(verdict, Later):
        values |= {"next_at": at + round(verdict.seconds * SECOND)}
    else:
        values |= {"state": "delivered" if isinstance(verdict, Delivered) else "dead", "finished_at": at}
    if not isinstance(verdict, Delivered):
        same &= (deliveries.c.attempts == sent.attempts) & (deliveries.c.next_at == sent.next_at)
    await connection.execute(of_team(update(deliveries), sent.team_id, deliveries).where(same).values(**values))


async def give_up(connection: AsyncConnection, team_id: str, webhook_id: str, why: str) -> None:
    """All that is owed to one webhook is dead."""
    owed = (deliveries.c.webhook_id == webhook_id) & (deliveries.c.state == "pending")
    values = {"state": "dead", "last_error": why, "finished_at": now()}
    await connection.execute(of_team(update(deliveries), team_id, deliveries).where(owed).values(**values))


async def again(connection: AsyncConnection, team_id: str, delivery_id: str) -> Delivery:
    """Send it once more, at once and under the same id, whatever became of it. Raises NotFound, WrongState."""
    found = await get(connection, team_id, delivery_id)
    if found.webhook_id is not None:
        query = of_team(select(webhooks.c.active), team_id, webhooks).where(webhooks.c.id == found.webhook_id)
        if not (await connection.execute(query)).scalar_one():
            raise WrongState("Its webhook is switched off; PATCH it with active: true first.")
    values = {"state": "pending", "attempts": 0, "next_at": now(), "finished_at": None}
    mine = of_team(update(deliveries), team_id, deliveries).where(deliveries.c.id == delivery_id)
    row = (await connection.execute(mine.values(**values).returning(deliveries))).one()
    return from_row(row)


async def get(connection: AsyncConnection, team_id: str, delivery_id: str) -> Delivery:
    """The team's. Raises NotFound."""
    query = of_team(select(deliveries), team_id, deliveries).where(deliveries.c.id == delivery_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return from_row(row)


async def newest(
    connection: AsyncConnection,
    team_id: str,
    *,
    limit: int,
    before: str | None = None,
    state: DeliveryState | None = None,
    webhook_id: str | None = None,
    job_id: str | None = None,
) -> list[Delivery]:
    """The team's, newest first, those before the id `before`; every other argument filters."""
    query = of_team(select(deliveries), team_id, deliveries).order_by(deliveries.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(deliveries.c.id < before)
    for column, value in (
        (deliveries.c.state, state),
        (deliveries.c.webhook_id, webhook_id),
        (deliveries.c.job_id, job_id),
    ):
        if value is not None:
            query = query.where(column == value)
    return [from_row(row) for row in await connection.execute(query)]


async def sweep(connection: AsyncConnection, keep_days: int) -> int:
    """Forget what was finished longer ago; how many those were."""
    old = deliveries.c.finished_at <= now() - keep_days * 86_400 * SECOND
    return (await connection.execute(across_teams(delete(deliveries).where(old)))).rowcount


def from_row(row: Row[Any]) -> Delivery:
    return Delivery(**row._mapping)


def _row(team_id: str, job_id: str, event: str, webhook_id: str | None, url: str, moment: int) -> dict[str, Any]:
    return {
        "id": new_id(),
        "team_id": team_id,
        "webhook_id": webhook_id,
        "job_id": job_id,
        "event": event,
        "url": url,
        "receiver": receiver(url)[:255],
        "state": "pending",
        "attempts": 0,
        "next_at": moment,
        "last_status": None,
        "last_error": None,
        "created_at": moment,
        "finished_at": None,
    }
