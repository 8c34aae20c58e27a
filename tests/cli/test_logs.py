"""The log of `serve`: what others say of themselves is not in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from gateway.cli.logs import QUIET, configure


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, levels = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
def test_addresses_that_are_asked_are_told_by_nobody_else(level: str) -> None:
    """httpx and uvicorn would write them whole: with keys, signatures and tokens."""
    configure(level)
    assert logging.getLogger("gateway").isEnabledFor(logging.getLevelNamesMapping()[level.upper()])
    for name in ("httpx", "httpcore.http11", "uvicorn.access", "aiosqlite"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO), name
        assert logging.getLogger(name).isEnabledFor(logging.WARNING)
