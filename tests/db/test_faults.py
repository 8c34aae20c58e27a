"""What drivers say, in our words."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from gateway.db.faults import said_plainly
from gateway.errors import StorageUnavailable


def test_a_database_that_another_program_holds(tmp_path: Path) -> None:
    holding = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    holding.execute("begin exclusive")
    asking = sqlite3.connect(tmp_path / "a.db", timeout=0)
    with pytest.raises(sqlite3.OperationalError) as caught:
        asking.execute("create table a (b)")
    with pytest.raises(StorageUnavailable, match="another program holds it"), said_plainly():
        raise OperationalError("create", None, caught.value)
    holding.close()
    asking.close()
