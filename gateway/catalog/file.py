"""The catalog that is in force, kept in step with its file."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.catalog.editing import Change, edit
from gateway.catalog.entries import Catalog
from gateway.catalog.loading import Plugins, load
from gateway.errors import CatalogError

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SETTLE_SECONDS = 0.2
"""How long a changed file must lie still before it is read: half a file can be valid, and would take models away."""
FOLLOW_SECONDS = 5.0
"""How long the one who made a change waits until it is followed; a far engine may take longer to answer."""

Signature = tuple[int, int, int] | None
OnChange = Callable[[Catalog, Catalog], Awaitable[None]]


class CatalogFile:
    """models.toml as it was last valid. Raises CatalogError when it is not valid at the start.

    `problem` says what is wrong with the file as it stands now, while the catalog read before stays in force.
    """

    def __init__(self, path: Path, plugins: Plugins) -> None:
        self.path = path
        self.problem: str | None = None
        self.plugins = plugins
        self._seen = _signature(path)
        self.catalog = load(path, plugins)
        self._look = asyncio.Event()
        self._followed = self.catalog
        self._was_told = asyncio.Event()

    async def watch(self, on_change: OnChange, every: float = LOOK_SECONDS, settle: float = SETTLE_SECONDS) -> None:
        """Until canceled: notice a change of the file about once in `every` seconds, and tell of each new catalog.

        `on_change(old, new)` is awaited when `new` is in force already; what it raises is logged.
        """
        told = self.catalog
        while True:
            self._look.clear()
            await self._reread(settle)
            if self.catalog is not told:
                old, told = told, self.catalog
                log.info("models.toml was read again: %d models, %d engines", len(told.models), len(told.engines))
                try:
                    await on_change(old, told)
                except Exception:
                    log.exception("a change of models.toml could not be followed everywhere")
                self._followed = told
                self._was_told.set()
            # Not asyncio.wait_for: before Python 3.12 it can swallow a cancellation that comes as it times out.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await self._look.wait()

    async def edit(self, change: Change) -> Catalog:
        """Change the file by program, see `editing.edit`. The new catalog is in force; the watcher tells of it at once."""
        self.catalog = await asyncio.to_thread(edit, self.path, change, self.plugins)
        self.problem = None
        self._look.set()
        return self.catalog

    async def followed(self, seconds: float = FOLLOW_SECONDS) -> None:
        """Wait, for `seconds` at most, until the watcher has told of the catalog that is in force now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._followed is not self.catalog:
                    self._was_told.clear()
                    await self._was_told.wait()

    async def _reread(self, settle: float) -> None:
        """Bring `catalog` and `problem` up to date with the file."""
        found = await asyncio.to_thread(_signature, self.path)
        if found == self._seen:
            return
        await asyncio.sleep(settle)
        if await asyncio.to_thread(_signature, self.path) != found:
            return
        self._seen = found
        if found is None:
            self._refuse(f"{self.path} is gone")
            return
        try:
            catalog = await asyncio.to_thread(load, self.path, self.plugins)
        except CatalogError as error:
            self._refuse(error.message)
            return
        self.problem = None
        if catalog != self.catalog:
            self.catalog = catalog

    def _refuse(self, why: str) -> None:
        self.problem = why
        log.error("%s. What was read before stays in force until the file is right.", why)


def _signature(path: Path) -> Signature:
    """Changes with every save, also by editors that put a new file in the old one's place."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
