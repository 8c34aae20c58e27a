"""/admin/storage: whether the pictures' bytes are all there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from litestar import get, post
from litestar.params import JSONBody
from msgspec import Struct

from gateway.accounts import audit
from gateway.api.given import Asker, Db, TheCheckup
from gateway.api.problems import responses
from gateway.api.times import moment
from gateway.errors import NotFound
from gateway.images.checkup import Report


class CheckRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    repair: bool = False
    """Remove objects that nothing knows, make lost thumbnails anew, and mark pictures whose bytes are gone."""


class Amount(Struct, frozen=True, kw_only=True):
    count: int
    bytes: int


class LostPictures(Struct, frozen=True, kw_only=True):
    count: int
    ids: list[str]
    """The first hundred."""


class Repaired(Struct, frozen=True, kw_only=True):
    """What a check with `repair` has done so far."""

    orphans_removed: int
    """Those that are older than an hour."""
    pictures_marked: int
    """They carry `lost_at` now."""
    thumbnails_made: int
    public_copies_made: int
    """Of published pictures, whose copy for everyone was lost."""
    pictures_found_again: int
    """Their bytes are back; `lost_at` is null again."""


class StorageCheck(Struct, frozen=True, kw_only=True):
    """How far the check is, and what it has found so far."""

    state: Literal["running", "finished", "failed"]
    repair: bool
    progress: float
    """From 0 to 1."""
    started_at: datetime
    finished_at: datetime | None
    problem: str | None
    """Why it failed."""
    orphans: Amount
    """Objects in the store that no row knows."""
    missing: Amount
    """Blobs that should be there and are not; also files imported in place that are gone."""
    wrong: Amount
    """Blobs of another length than they should have; also files imported in place that were changed."""
    pictures_lost: LostPictures
    """Whose own bytes are missing or wrong."""
    repaired: Repaired


@post(
    "/storage/check",
    operation_id="check_storage",
    summary="Check that the pictures' bytes are all there",
    status_code=202,
    responses=responses(400, 401, 403, 409, 413, 422),
)
async def check_storage(data: JSONBody[CheckRequest], principal: Asker, db: Db, checkup: TheCheckup) -> StorageCheck:
    """Begin; GET tells how far it is. Nothing waits for it, and pictures are made meanwhile."""
    report = checkup.start(repairs=data.repair)
    async with db.write() as connection:
        await audit.record(connection, principal, "storage.check", "storage", {"repair": data.repair})
    return _told(report)


@get(
    "/storage/check",
    operation_id="get_storage_check",
    summary="See how far the check of the storage is",
    responses=responses(401, 403, 404),
)
async def get_storage_check(checkup: TheCheckup) -> StorageCheck:
    """The one that runs, or the last one since the start."""
    if checkup.report is None:
        raise NotFound("The storage was not checked since the start; POST begins a check.")
    return _told(checkup.report)


def _told(report: Report) -> StorageCheck:
    return StorageCheck(
        state=report.state,
        repair=report.repairs,
        progress=round(report.parts_done / report.parts, 3),
        started_at=moment(report.started_at),
        finished_at=moment(report.finished_at),
        problem=report.problem,
        orphans=Amount(count=report.orphans, bytes=report.orphan_bytes),
        missing=Amount(count=report.missing, bytes=report.missing_bytes),
        wrong=Amount(count=report.wrong, bytes=report.wrong_bytes),
        pictures_lost=LostPictures(count=report.lost, ids=list(report.lost_ids)),
        repaired=Repaired(
            orphans_removed=report.removed,
            pictures_marked=report.marked,
            thumbnails_made=report.thumbnails,
            public_copies_made=report.copies,
            pictures_found_again=report.found_again,
        ),
    )


STORAGE = (check_storage, get_storage_check)
