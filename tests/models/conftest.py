from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.models import Models
from tests.models.far import REGISTRY, Far


@pytest.fixture
async def models(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Models]:
    """Of one far server, which is away."""
    for name, value in (("says", {}), ("asked", []), ("offers", ())):
        monkeypatch.setattr(Far, name, value)
    models = Models(REGISTRY)
    yield models
    await models.close()
