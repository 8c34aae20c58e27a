from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MIGRATE = """
import asyncio, sys
import gateway
from gateway.db import Database
from gateway.db.migrations import migrate

async def main():
    database = Database(f"sqlite:///{sys.argv[1]}/darkroom.db")
    print(gateway.__file__, await migrate(database))
    await database.close()

asyncio.run(main())
"""


def test_an_installed_wheel_migrates_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", MIGRATE, tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    where, _, revisions = done.stdout.partition(" ")
    assert Path(where).is_relative_to(installed)
    assert "0001" in revisions
    assert (tmp_path / "darkroom.db").exists()
