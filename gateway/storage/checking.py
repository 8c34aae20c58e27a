"""Whether the store and the ledger agree, a part at a time, while others read and write.

A part is all that begins with the same two digits of the hash, so memory stays flat. Objects are listed first and rows
read then, for a row is there before its object; and what is wrong is only believed when it is so at a second look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, select

from gateway.db import Database, across_teams, now
from gateway.errors import NotFound
from gateway.storage import inplace
from gateway.storage.blobs import BlobStore, Kept
from gateway.storage.inplace import Lying
from gateway.storage.tables import LIVE, blobs

PARTS = tuple(f"{number:02x}" for number in range(256))
BEING_WRITTEN = 600_000_000
"""Microseconds (ten minutes) since its row was touched: its object may be on its way."""
OLD = 3_600_000_000
"""Microseconds (an hour) that an object without a row must lie before it is removed."""
_AT_ONCE = 500
"""Hashes of one statement."""


class Findings(Struct, frozen=True):
    """What is wrong with a part; lengths in bytes, by hash."""

    orphans: Mapping[str, Kept] = {}
    """Objects without a row."""
    missing: Mapping[str, int] = {}
    """Rows without an object, and files imported in place that are gone: how long they were."""
    wrong: Mapping[str, int] = {}
    """Objects of another length than their rows say, and files imported in place that were changed."""

    def __bool__(self) -> bool:
        return bool(self.orphans or self.missing or self.wrong)

    @property
    def lost(self) -> list[str]:
        """Hashes whose bytes nobody can have."""
        return [*self.missing, *self.wrong]


async def check(db: Database, store: BlobStore, part: str, needed: ColumnElement[bool]) -> Findings:
    """Look through one of `PARTS`, twice where something seems wrong. Raises StorageUnavailable.

    What a crash left half written and nobody came to need is not missing: the sweep takes its row. `needed` is as for that.
    """
    first = await _look(db, store, part)
    if not first:
        return first
    both = _both(first, await _look(db, store, part))
    wanted: set[str] = set()
    for start in range(0, len(both.lost), _AT_ONCE):
        query = select(blobs.c.hash).where(blobs.c.hash.in_(both.lost[start : start + _AT_ONCE]), needed)
        async with db.read() as connection:
            wanted.update((await connection.execute(across_teams(query))).scalars())
    return Findings(both.orphans, _only(both.missing, wanted), _only(both.wrong, wanted))


def _only(found: Mapping[str, int], wanted: Collection[str]) -> Mapping[str, int]:
    return {hash: length for hash, length in found.items() if hash in wanted}


def is_old(orphan: Kept) -> bool:
    """Whether nobody can be about to name it."""
    return orphan.modified_at < now() - OLD


async def _look(db: Database, store: BlobStore, part: str) -> Findings:
    objects = await store.objects(part)
    async with db.read() as connection:
        query = select(blobs).where(blobs.c.hash >= part, blobs.c.hash < f"{part}g")
        rows = {row.hash: row for row in await connection.execute(query)}
    return await asyncio.to_thread(_compare, objects, rows)


def _compare(objects: Mapping[str, Kept], rows: Mapping[str, Row[Any]]) -> Findings:
    missing: dict[str, int] = {}
    wrong: dict[str, int] = {}
    settled = now() - BEING_WRITTEN
    for hash, row in rows.items():
        if row.state != LIVE or row.touched_at > settled:
            continue
        there = objects.get(hash)
        if there is None and row.path is not None:
            fault = _fault(Lying(row.path, row.bytes, row.modified_at or 0))
            (wrong if fault == "changed" else missing if fault else {})[hash] = row.bytes
        elif there is None:
            missing[hash] = row.bytes
        elif there.bytes != row.bytes:
            wrong[hash] = row.bytes
    return Findings({hash: each for hash, each in objects.items() if hash not in rows}, missing, wrong)


def _fault(lying: Lying) -> str | None:
    try:
        inplace.open_unchanged(lying).close()
    except inplace.FileChanged:
        return "changed"
    except NotFound:
        return "gone"
    return None


def _both(first: Findings, second: Findings) -> Findings:
    return Findings(
        {hash: each for hash, each in second.orphans.items() if hash in first.orphans},
        {hash: length for hash, length in second.missing.items() if hash in first.missing},
        {hash: length for hash, length in second.wrong.items() if hash in first.wrong},
    )
