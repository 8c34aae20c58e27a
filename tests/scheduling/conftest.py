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
from gateway.scheduling.lanes import LaneView
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

    async def reload(self, toml: str) -> None:
        """models.toml says this by now."""
        await self.models.refresh(parse(toml, self.models.registry))
        self.scheduler.models_changed()

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


MODEL = '[[models]]\nid = "c"\nengine = "cloud"\nsource = "fake:c"\nmax_batch = 1\n'


class Cloud:
    """A folder whose files say which servers are away, and models.toml for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "away"
        self.folder.mkdir()
        self.journal = folder / "journal"

    def toml(self, *servers: str, settings: str = "", model: str = MODEL) -> str:
        table = f'[engines.cloud]\nplugin = "fake-remote"\nservers = {list(servers)}\naway = "{self.folder}"\n'
        return f'{settings}\n{table}journal = "{self.journal}"\n{model}'

    def goes(self, server: str) -> None:
        (self.folder / server).touch()

    def comes(self, server: str) -> None:
        (self.folder / server).unlink()


def sleepy(cloud: Cloud, name: str = "cloud/one", **more: str) -> str:
    server = name.rpartition("/")[2]
    lines = {"wake": f'["rm", "-f", "{cloud.folder / server}"]', "sleep": f'["touch", "{cloud.folder / server}"]', **more}
    told = "".join(f"{key} = {value}\n" for key, value in {"idle_seconds": "1", **lines}.items())
    return f'[lanes."{name}"]\n{told}'


def lane(box: Box, name: str) -> LaneView:
    return next(view for view in box.scheduler.lanes() if view.name == f"cloud/{name}")


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


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


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path)
