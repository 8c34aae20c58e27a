"""A check of the whole storage, beside everything else: what the store has too much, what it lacks, what that means."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Literal

from msgspec import Struct
from sqlalchemy import ColumnElement
from sqlalchemy.exc import SQLAlchemyError

from gateway.db import Database, now
from gateway.errors import DarkroomError, WrongState
from gateway.images import lost, publishing
from gateway.storage import BlobStore, checking, ledger
from gateway.storage.checking import PARTS, Findings

log = logging.getLogger(__name__)
MOST_NAMED = 100
"""Pictures that are told by their ids."""


class Report(Struct, kw_only=True):
    """How far a check is, and what it has found so far; lengths in bytes, times in microseconds since the epoch."""

    repairs: bool
    started_at: int
    state: Literal["running", "finished", "failed"] = "running"
    finished_at: int | None = None
    problem: str | None = None
    parts_done: int = 0
    parts: int = len(PARTS)
    orphans: int = 0
    """Objects that no row knows."""
    orphan_bytes: int = 0
    missing: int = 0
    """Blobs that the store does not have."""
    missing_bytes: int = 0
    wrong: int = 0
    """Blobs of another length than they should have, and files imported in place that were changed."""
    wrong_bytes: int = 0
    lost: int = 0
    """Pictures whose own bytes are missing or wrong."""
    lost_ids: list[str] = []
    removed: int = 0
    """Orphans that are gone now."""
    marked: int = 0
    """Pictures that say so now and did not before."""
    thumbnails: int = 0
    """Pictures whose thumbnails were made anew."""
    copies: int = 0
    """Published pictures whose copy for everyone is made anew."""
    found_again: int = 0
    """Pictures that were lost and are not any more."""


class Checkup:
    """Runs one check at a time; `close` it when the gateway ends."""

    def __init__(self, db: Database, store: BlobStore, needed: ColumnElement[bool]) -> None:
        """`needed` is as for `ledger.sweep`."""
        self._db = db
        self._store = store
        self._needed = needed
        self.report: Report | None = None
        """Of the check that runs, or of the last one since the start."""
        self._task: asyncio.Task[None] | None = None

    def start(self, *, repairs: bool) -> Report:
        """Begin. Raises WrongState while another one runs."""
        if self.report and self.report.state == "running":
            raise WrongState("A check of the storage runs already; wait for its end.")
        self.report = Report(repairs=repairs, started_at=now(), lost_ids=[])
        self._task = asyncio.create_task(self._run(self.report), name="storage check")
        return self.report

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, report: Report) -> None:
        try:
            for part in PARTS:
                await self._check(part, report)
                report.parts_done += 1
            if report.repairs:
                report.found_again = await lost.find_again(self._db, self._store)
                await publishing.catch_up(self._db, self._store)
            report.state = "finished"
        except (DarkroomError, SQLAlchemyError) as error:
            report.problem = error.message if isinstance(error, DarkroomError) else "The database does not answer."
            log.warning("the check of the storage stopped: %s", error)
        finally:
            if report.state == "running":
                report.state = "failed"
            report.finished_at = now()

    async def _check(self, part: str, report: Report) -> None:
        found = await checking.check(self._db, self._store, part, self._needed)
        if not found:
            return
        report.orphans += len(found.orphans)
        report.orphan_bytes += sum(each.bytes for each in found.orphans.values())
        report.missing += len(found.missing)
        report.missing_bytes += sum(found.missing.values())
        report.wrong += len(found.wrong)
        report.wrong_bytes += sum(found.wrong.values())
        async with self._db.read() as connection:
            ids = await lost.pictures(connection, found.lost)
        report.lost += len(ids)
        report.lost_ids += ids[: MOST_NAMED - len(report.lost_ids)]
        if report.repairs:
            await self._repair(found, report)

    async def _repair(self, found: Findings, report: Report) -> None:
        strays = [hash for hash, each in found.orphans.items() if checking.is_old(each)]
        report.removed += await ledger.delete_strays(self._db, self._store, strays)
        report.marked += await lost.mark(self._db, found.lost)
        report.copies += await lost.drop_copies(self._db, found.lost)
        report.thumbnails += await lost.make_thumbnails(self._db, self._store, found.lost)
