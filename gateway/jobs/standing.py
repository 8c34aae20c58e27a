"""Archives that stand: which of them is what somebody asks for, and how much a team keeps of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import and_, bindparam, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engines.contract import Size
from gateway.accounts import Principal
from gateway.db import across_teams, new_id, now, of_team
from gateway.errors import InvalidInput, TooManyExports
from gateway.jobs import archives, records
from gateway.jobs.records import EXPORT, FINISHED, Job
from gateway.jobs.request import Resolved
from gateway.jobs.tables import LIVE, exports, jobs

LEFT = 600_000_000
"""Microseconds (ten minutes) that an archive must have left to be given again: whoever asks wants to fetch it."""
RETRY_SECONDS = 60
"""When a refused client may ask again where no archive is kept: an export that runs has ended, or was canceled."""
SECOND = 1_000_000
_GIGABYTE = 1_000_000_000
_BATCH = 500
"""Ids of one statement."""
_EXPIRED = across_teams(select(exports.c.job_id)).where(
    exports.c.bytes.is_not(None), exports.c.expires_at <= bindparam("moment")
)
_KNOWN = across_teams(select(exports.c.job_id).join(jobs, jobs.c.id == exports.c.job_id)).where(
    exports.c.job_id.in_(bindparam("ids", expanding=True)), or_(exports.c.bytes.is_not(None), LIVE)
)


async def same(connection: AsyncConnection, team_id: str, digest: str) -> Job | None:
    """The team's newest export of just this (`archives.digest`) that is on its way, or kept for a while longer."""
    kept = and_(exports.c.bytes.is_not(None), exports.c.expires_at > now() + LEFT)
    query = of_team(select(jobs).join(exports, exports.c.job_id == jobs.c.id), team_id, jobs, exports)
    query = query.where(exports.c.digest == digest, or_(kept, LIVE)).order_by(jobs.c.id.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return records.from_row(row) if row else None


async def see_that_it_fits(connection: AsyncConnection, team_id: str, expected: int, most: int) -> None:
    """Raises TooManyExports where the team keeps too much already, InvalidInput where it can never fit.

    `expected` and `most` are in bytes; of `most` 0 is no bound.
    """
    if not most:
        return
    if expected > most:
        cure = "export fewer at once ([settings.gallery] export_bytes_per_team)"
        raise InvalidInput(f"These pictures have {_gb(expected)}; a team's archives may have {_gb(most)}: {cure}.", field="ids")
    of_kept = select(func.sum(exports.c.bytes), func.min(exports.c.expires_at))
    kept = (await connection.execute(of_team(of_kept, team_id, exports).where(exports.c.bytes.is_not(None)))).one()
    of_live = select(func.sum(exports.c.expected_bytes)).join(jobs, jobs.c.id == exports.c.job_id)
    live = (await connection.execute(of_team(of_live, team_id, exports, jobs).where(LIVE))).scalar_one()
    used = int(kept[0] or 0) + int(live or 0)
    if used + expected > most:
        message = (
            f"This team's archives have {_gb(used)}, and {_gb(expected)} more would be over the {_gb(most)} that they may "
            "have ([settings.gallery] export_bytes_per_team); delete one with DELETE /v1/images/exports/{job_id}, or ask "
            "again when one has expired."
        )
        seconds = math.ceil((kept[1] - now()) / SECOND) if kept[1] else 0
        raise TooManyExports(message, retry_after=max(RETRY_SECONDS, seconds), used=used, limit=most)


async def expired(connection: AsyncConnection) -> list[str]:
    """The jobs whose archives are to go."""
    return list((await connection.execute(_EXPIRED, {"moment": now()})).scalars())


async def known(connection: AsyncConnection, names: Sequence[str]) -> set[str]:
    """Those of these archives that some row tells of, or will; asked by their names, however many there were before."""
    jobs_of = [archives.job_of(name) for name in names]
    found = set[str]()
    for start in range(0, len(jobs_of), _BATCH):
        rows = await connection.execute(_KNOWN, {"ids": jobs_of[start : start + _BATCH]})
        found.update(map(archives.name_of, rows.scalars()))
    return found


async def let_go(connection: AsyncConnection, job_id: str) -> None:
    """Of one that is finished nobody asks any more which pictures were wanted: up to hundreds of ids."""
    ended = exists(across_teams(select(jobs.c.id)).where(jobs.c.id == job_id, jobs.c.state.in_(FINISHED)))
    change = across_teams(update(exports)).where(exports.c.job_id == job_id, ended)
    await connection.execute(change.values(images=b"[]"))


def new_job(principal: Principal, pictures: int) -> Job:
    """An export's job: it waits, as others do, and costs nothing."""
    none = Size(0, 0)
    return Job(
        id=new_id(),
        team_id=principal.team_id,
        user_id=principal.user_id,
        key_id=principal.key_id,
        surface="gallery",
        capability=EXPORT,
        model="",
        engine="",
        revision="",
        state="queued",
        bulk=True,
        request=Resolved(prompt="", make=none, size=none),
        pictures=pictures,
        stored=0,
        price=0,
        charged=0,
        refunded=0,
        attempt=0,
        failures=0,
        sent=False,
        upstream_id=None,
        error_code=None,
        error_message=None,
        retry_of=None,
        webhook=None,
        version=1,
        created_at=now(),
        started_at=None,
        finished_at=None,
    )


def _gb(count: int) -> str:
    return f"{count / _GIGABYTE:,.2f} GB"
