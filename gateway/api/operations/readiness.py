"""Whether the database and the blob store can be used, asked no more often than it is worth."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable

from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from gateway.db import Database
from gateway.errors import DarkroomError
from gateway.storage import BlobStore

log = logging.getLogger(__name__)
CHECK_SECONDS = 5.0
"""How long an answer stands: a probe each second must not write a file each second."""
PATIENCE_SECONDS = 5.0


class Part(Struct, frozen=True):
    """One thing that the gateway cannot do without."""

    ok: bool
    reason: str | None = None


class Parts(Struct, frozen=True):
    database: Part
    blobs: Part

    @property
    def ok(self) -> bool:
        return self.database.ok and self.blobs.ok


class Readiness:
    """Of several who ask at once only one looks."""

    def __init__(self, db: Database, blobs: BlobStore) -> None:
        self._db = db
        self._blobs = blobs
        self._turn = asyncio.Lock()
        self._last: tuple[float, Parts] | None = None

    async def look(self) -> Parts:
        async with self._turn:
            if self._last and time.monotonic() - self._last[0] < CHECK_SECONDS:
                return self._last[1]
            asking = _part("the database", self._db.check(), self._db), _part("the blob store", self._blobs.check())
            self._last = time.monotonic(), Parts(*await asyncio.gather(*asking))
            return self._last[1]


async def _part(name: str, asking: Awaitable[None], db: Database | None = None) -> Part:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asking
    except DarkroomError as error:
        return Part(False, error.message)
    except TimeoutError:
        return Part(False, (db and db.trouble) or f"{name} does not answer")
    except (SQLAlchemyError, OSError) as error:
        # The driver's words may hold a path or a password.
        log.warning("%s cannot be used: %s", name, error)
        return Part(False, f"{name} cannot be used; the log says why")
    return Part(True)
