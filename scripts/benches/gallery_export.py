"""What an export costs: 500 pictures of 2 MB into one archive, and how much memory that takes."""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from pathlib import Path

from benches.figures import Figure
from gateway.accounts import Principal, authenticate, bootstrap
from gateway.catalog import Settings
from gateway.db import Database, new_id, now
from gateway.db.migrations import migrate
from gateway.events import Bus
from gateway.images import records
from gateway.images.image import Image
from gateway.jobs.exports import Exports
from gateway.storage import BlobStore, ledger

PICTURES, BYTES = 500, 2 << 20
MEGABYTE = 1_000_000


def figures() -> list[Figure]:
    """Of the processor's time, the kernel's for reading and writing counts too; the wait for the disk does not."""
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        speed, memory = asyncio.run(_export(Path(folder)))
    return [
        Figure("export of 500 pictures of 2 MB", speed, "MB/s of CPU", ">= 300"),
        Figure("memory that it takes", memory, "MB", "<= 64"),
    ]


async def _export(folder: Path) -> tuple[float, float]:
    database = Database(f"sqlite:///{folder / 'darkroom.db'}")
    await migrate(database, folder / "backups")
    await bootstrap(database, "k" * 40)
    principal = await authenticate(database, "k" * 40)
    store = BlobStore(f"file://{folder / 'blobs'}")
    ids = await _pictures(database, store, principal)
    exports = Exports(database, Bus(), store, Settings)
    await exports.start()
    before, began = _largest(), time.process_time()
    job, _ = await exports.ask(principal, ids)
    await asyncio.gather(*exports._tasks.values())
    spent, grown = time.process_time() - began, _largest() - before
    export = await exports.find(principal.team_id, job.id)
    if export.job.state != "succeeded" or export.bytes is None:
        raise SystemExit(f"bench: the export is {export.job.state}: {export.job.error_message}")
    await exports.close()
    await database.close()
    return export.bytes / MEGABYTE / spent, grown / MEGABYTE


async def _pictures(database: Database, store: BlobStore, principal: Principal) -> list[str]:
    noise = os.urandom(BYTES)
    made = []
    for number in range(PICTURES):
        (ref,) = await ledger.keep(database, store, number.to_bytes(4, "big") + noise[4:])
        made.append(
            Image(
                id=new_id(), team_id=principal.team_id, user_id=principal.user_id, job_id=None, ordinal=0, parent_id=None,
                source="generate", blob=ref.hash, thumbnail_256=ref.hash, thumbnail_768=None, thumbhash="",
                media_type="image/png", bytes=BYTES, width=1024, height=1024, title="a lighthouse", model="m", engine="e",
                prompt="a lighthouse at dusk", negative_prompt="", seed=number, parameters={}, created_at=now(),
                deleted_at=None,
            )
        )  # fmt: skip
    async with database.write() as connection:
        await records.add_all(connection, made)
    return [each.id for each in made]


def _largest() -> int:
    """Bytes of memory that the process had at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
