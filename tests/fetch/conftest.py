from __future__ import annotations

import pytest

from gateway.catalog.settings import Fetch
from gateway.fetch import Fetcher
from tests.fakes.web import Web


@pytest.fixture
def limits() -> Fetch:
    return Fetch(max_bytes=4096, seconds=5, max_redirects=2)


@pytest.fixture
def fetcher(web: Web, limits: Fetch) -> Fetcher:
    return Fetcher(lambda: limits, web)
