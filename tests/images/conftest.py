from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.accounts import Principal, authenticate, bootstrap
from gateway.catalog import Settings
from gateway.catalog.settings import Fetch, Uploads
from gateway.db import Database
from gateway.fetch import Fetcher
from gateway.images.incoming import Incoming
from gateway.storage import BlobStore
from tests.fakes.web import Web


@pytest.fixture
async def principal(database: Database) -> Principal:
    await bootstrap(database, "k" * 40)
    return await authenticate(database, "k" * 40)


@pytest.fixture
def blobs() -> BlobStore:
    return BlobStore("memory://")


@pytest.fixture
def limits() -> Settings:
    return Settings(fetch=Fetch(max_bytes=1 << 20, seconds=5), uploads=Uploads(days=7, max_pixels=100_000))


@pytest.fixture
def incoming(database: Database, blobs: BlobStore, web: Web, limits: Settings) -> Iterator[Incoming]:
    incoming = Incoming(database, blobs, Fetcher(lambda: limits.fetch, web), lambda: limits)
    yield incoming
    incoming.close()
