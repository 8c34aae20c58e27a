from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.catalog import Settings
from gateway.catalog.settings import Imports as ImportSettings
from gateway.catalog.settings import Limits, Uploads
from gateway.db import Database
from gateway.images.imports import Imports
from gateway.storage import BlobStore
from gateway.storage.inplace import InPlace


@pytest.fixture
def store(tmp_path: Path, database: Database) -> BlobStore:
    return BlobStore(f"file://{tmp_path}/blobs", InPlace(database).find)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that the operator lists."""
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


@pytest.fixture
def imports(database: Database, store: BlobStore, folder: Path) -> Iterator[Imports]:
    settings = Settings(
        uploads=Uploads(max_pixels=10_000),
        imports=ImportSettings(folders=(str(folder),)),
        limits=Limits(max_body_bytes=100_000),
    )
    imports = Imports(database, store, lambda: settings)
    yield imports
    imports.close()
