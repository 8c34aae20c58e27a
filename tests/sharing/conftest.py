from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
from argon2 import PasswordHasher
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo

from gateway.accounts import Principal, authenticate, bootstrap, passwords
from gateway.catalog import Settings
from gateway.db import Database
from gateway.fetch import Fetcher
from gateway.images.closed import Closed
from gateway.images.image import Image
from gateway.images.incoming import Incoming
from gateway.images.labels import label
from gateway.sharing import Sharing
from gateway.storage import BlobStore
from tests.fakes.web import Web

KEYS = b"t" * 32, b"c" * 32
SITE = "https://pictures.example/darkroom"


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
async def principal(database: Database) -> Principal:
    await bootstrap(database, "k" * 40)
    return await authenticate(database, "k" * 40)


@pytest.fixture
def blobs() -> BlobStore:
    return BlobStore("memory://")


@pytest.fixture
async def closed(database: Database) -> Closed:
    return Closed(database, lambda: 7)


@pytest.fixture
def sharing(database: Database, blobs: BlobStore, closed: Closed) -> Sharing:
    return Sharing(database, blobs, closed, KEYS, SITE)


def png(seed: int = 0) -> bytes:
    """A picture with something private in it."""
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    notes = PngInfo()
    notes.add_text("parameters", "a secret prompt")
    out = io.BytesIO()
    Picture.fromarray(pixels).save(out, "PNG", pnginfo=notes)
    return out.getvalue()


@pytest.fixture
async def keep(database: Database, blobs: BlobStore, principal: Principal, web: Web) -> AsyncIterator[Callable[..., object]]:
    """Puts a picture into the gallery."""
    incoming = Incoming(database, blobs, Fetcher(lambda: Settings().fetch, web), lambda: Settings())

    async def put(seed: int = 0, *, by: Principal = principal) -> Image:
        image = await incoming.keep(by, png(seed), field="file")
        async with database.write() as connection:
            return await label(connection, by.team_id, image.id, saved=True)

    yield put
    incoming.close()
