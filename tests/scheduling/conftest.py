"""A gateway without HTTP: real database, real blob store, the fake engines, the real scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.accounts import Principal, authenticate, bootstrap
from gateway.catalog import parse
from gateway.db import Database
from gateway.events import Bus
from gateway.images import records as images
from gateway.images.records import Image
from gateway.jobs import records
from gateway.jobs.cancel import cancel
from gateway.jobs.records import Job
from gateway.jobs.request import Submission
from gateway.jobs.submit import submit
from gateway.models import Models
from gateway.registry import Registry
from gateway.scheduling.loop import Scheduler
from gateway.storage.blobs import BlobStore
from gateway.workers.devices import Device
from tests.fakes.fake_engine import FakeEngine, FakeRemoteEngine, read_journal

CPU = Device("cpu", "CPU", 1 << 30)


class Box:
    """One gateway on `folder`; a second one on the same folder is the next start."""

    def __init__(self, database: Database, folder: Path, models_toml: str) -> None:
        self.db = database
        self.journal = folder / "journal"
        self.bus = Bus()
        self.models = Models(Registry({"fake": FakeEngine, "fake-remote": FakeRemoteEngine}))
        self.blobs = BlobStore(f"file://{folder / 'blobs'}")
        self._toml = f'[engines.fake]\nplugin = "fake"\njournal = "{self.journal}"\n{models_toml}'
        self.principal: Principal
        self.scheduler: Scheduler

    async def open(self) -> Box:
        await self.models.refresh(parse(self._toml, self.models.registry))
        key = "k" * 40
        await bootstrap(self.db, key)
        self.principal = await authenticate(self.db, key)
        self.scheduler = Scheduler(self.db, self.bus, self.models, self.blobs, [CPU])
        return self

    async def start(self) -> Box:
        """Servers have said how they are when it returns: no fault that a test has in store for a job goes to that."""
        await self.scheduler.start()
        async with asyncio.timeout(30):
            while any(view.engine and view.asked_at is None for view in self.scheduler.lanes()):
                await asyncio.sleep(0.001)
        return self

    async def ask(self, model: str = "m", **more: Any) -> Job:
        asked = Submission(**{"surface": "tasks", "capability": "text_to_image", "prompt": "a cat", "model": model, **more})
        return await submit(self.db, self.bus, self.models.offers[model], self.principal, asked, self.models.catalog)

    async def cancel(self, job: Job) -> Job:
        return await cancel(self.db, self.bus, self.principal, job.id)

    async def job(self, job: Job) -> Job:
        async with self.db.read() as connection:
            return await records.get(connection, None, job.id)

    async def images(self, job: Job) -> list[Image]:
        async with self.db.read() as connection:
            return await images.of_job(connection, job.id)

    async def until(self, job: Job, *states: str) -> Job:
        wanted = states or ("succeeded", "failed", "canceled")
        async with asyncio.timeout(30):
            while (now := await self.job(job)).state not in wanted:
                await asyncio.sleep(0.01)
        return now

    def runs(self) -> list[dict[str, Any]]:
        return [call for call in read_journal(self.journal) if call["call"] == "run"]

    def calls(self, name: str) -> list[str]:
        return [call["model"] for call in read_journal(self.journal) if call["call"] == name]


OpenBox = Callable[..., Awaitable[Box]]


@pytest.fixture
async def open_box(database: Database, tmp_path: Path) -> AsyncIterator[OpenBox]:
    """Opens gateways whose models.toml is given as keyword -> extra lines of a `[[models]]` entry."""
    opened: list[Box] = []

    async def make(toml: str = "", *, start: bool = True, **models: str) -> Box:
        entries = [
            f'[[models]]\nid = "{name}"\nengine = "fake"\nsource = "fake:{name}"\n{lines}\n' for name, lines in models.items()
        ]
        box = await Box(database, tmp_path, toml + "\n".join(entries)).open()
        opened.append(box)
        return await box.start() if start else box

    yield make
    for box in opened:
        await box.scheduler.stop()
        await box.models.close()
