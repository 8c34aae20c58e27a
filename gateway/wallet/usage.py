"""What was used: counted by day, team, user and model in the transactions that begin and end a job.

Amounts are ten-thousandths of a credit. They are counted whether or not credits are enabled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.tables import teams, users
from gateway.db import across_teams, now, of_team, upsert
from gateway.wallet import ledger
from gateway.wallet.tables import usage

Axis = Literal["day", "team", "user", "model"]
AXES: tuple[Axis, ...] = ("day", "team", "user", "model")
_COUNTS = ("jobs", "pictures", "charged", "refunded", "upstream")
MILLION = 1_000_000
_COLUMNS: dict[Axis, Any] = {"day": usage.c.day, "team": usage.c.team_id, "user": usage.c.user_id, "model": usage.c.model}


class Whose(Struct, frozen=True):
    """What a job is counted under. The day is the one on which it was accepted, also for what comes later."""

    day: str
    team_id: str
    user_id: str
    model: str


class Use(Struct, frozen=True, kw_only=True):
    """One line of a report; what it was not asked to be told apart by is None."""

    day: str | None = None
    team_id: str | None = None
    team_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    model: str | None = None
    jobs: int
    pictures: int
    """Delivered ones."""
    charged: int
    refunded: int
    upstream: int
    """Millionths of a US dollar that clouds were paid."""


class Summary(Struct, frozen=True, kw_only=True):
    """How a team stands."""

    balance: int
    charged: int
    """Since then."""
    refunded: int
    since: int
    """The beginning of this month, in microseconds since the epoch."""


def day_of(moment: int) -> str:
    """The UTC day of a moment in microseconds since the epoch."""
    return datetime.fromtimestamp(moment / 1e6, UTC).date().isoformat()


async def count(connection: AsyncConnection, whose: Whose, **counts: int) -> None:
    """Add to `jobs`, `pictures`, `charged`, `refunded` and `upstream`."""
    row = {**{name: getattr(whose, name) for name in Whose.__struct_fields__}, **dict.fromkeys(_COUNTS, 0), **counts}
    await upsert(connection, usage, row, setting=lambda new: {name: usage.c[name] + getattr(new, name) for name in counts})


async def report(
    connection: AsyncConnection,
    *,
    by: Collection[Axis] = AXES,
    first: date | None = None,
    last: date | None = None,
    team_id: str | None = None,
    user_id: str | None = None,
    model: str | None = None,
    limit: int,
) -> list[Use]:
    """Sums over the days from `first` to `last` (both included), told apart `by`, in the order of day, team, user, model.

    At most `limit` lines; the other arguments narrow.
    """
    columns = [_COLUMNS[axis] for axis in AXES if axis in by]
    sums = [func.sum(usage.c[name]).label(name) for name in _COUNTS]
    query = select(*columns, *sums).group_by(*columns).order_by(*columns).limit(limit)
    query = across_teams(query) if team_id is None else of_team(query, team_id, usage)
    for column, value in ((usage.c.user_id, user_id), (usage.c.model, model)):
        if value is not None:
            query = query.where(column == value)
    if first is not None:
        query = query.where(usage.c.day >= first.isoformat())
    if last is not None:
        query = query.where(usage.c.day <= last.isoformat())
    rows = [dict(row._mapping) for row in await connection.execute(query)]
    return await _named(connection, [row for row in rows if row["jobs"] is not None])


async def summary(connection: AsyncConnection, team_id: str) -> Summary:
    """The team's balance, and what this month's jobs cost."""
    since = datetime.fromtimestamp(now() / 1e6, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    lines = await report(connection, by=(), first=since.date(), team_id=team_id, limit=1)
    return Summary(
        balance=await ledger.balance(connection, team_id),
        charged=sum(line.charged for line in lines),
        refunded=sum(line.refunded for line in lines),
        since=int(since.timestamp()) * 1_000_000,
    )


async def _named(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> list[Use]:
    """With the names that teams and users have now; None for those that are gone."""
    named: list[dict[str, Any]] = []
    team_names = await _names(connection, teams, {row["team_id"] for row in rows if "team_id" in row})
    user_names = await _names(connection, users, {row["user_id"] for row in rows if "user_id" in row})
    for row in rows:
        counts = {name: int(row[name]) for name in _COUNTS}
        names = {"team_name": team_names.get(row.get("team_id")), "user_name": user_names.get(row.get("user_id"))}
        named.append({**row, **names, **counts})
    return [Use(**row) for row in named]


async def _names(connection: AsyncConnection, table: Any, ids: Collection[str]) -> dict[str | None, str]:
    found: dict[str | None, str] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), 1000):
        query = select(table.c.id, table.c.name).where(table.c.id.in_(wanted[start : start + 1000]))
        found.update({row.id: row.name for row in await connection.execute(query)})
    return found
