from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.db.lock import hold
from gateway.errors import AlreadyRunning, ConfigurationError

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from gateway.db.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def start_holder(data: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(data)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_the_folder_is_made_and_free_again_afterwards(data: Path) -> None:
    for _ in range(2):
        with hold(data):
            assert (data / "darkroom.lock").exists()


def test_a_second_gateway_is_told_who_runs(data: Path) -> None:
    with start_holder(data) as holder:
        server = {"pid": holder.pid, "url": "http://127.0.0.1:7878", "key": "dk_secret"}
        (data / "server.json").write_text(json.dumps(server))
        with pytest.raises(AlreadyRunning) as caught, hold(data):
            pass
        holder.kill()
    assert str(holder.pid) in caught.value.message
    assert "http://127.0.0.1:7878" in caught.value.message
    assert "--data" in caught.value.message
    assert "dk_secret" not in caught.value.message


@pytest.mark.parametrize(
    "server", [None, "", "not json", "{}", '{"pid": 4194304, "url": "http://gone"}', '{"pid": "x", "url": 1}']
)
def test_a_second_gateway_is_refused_whatever_server_json_says(data: Path, server: str | None) -> None:
    with hold(data):
        if server is not None:
            (data / "server.json").write_text(server)
        with pytest.raises(AlreadyRunning, match="Another gateway already runs"), hold(data):
            pass


def test_kill_9_leaves_nothing_that_blocks(data: Path) -> None:
    with start_holder(data) as holder:
        os.kill(holder.pid, signal.SIGKILL)
    with hold(data):
        pass


def test_another_folder_with_the_same_database_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "one" / "darkroom.db"
    with hold(tmp_path / "one", database):
        assert [path.name for path in (tmp_path / "one").iterdir()] == ["darkroom.lock"]
    with hold(tmp_path / "two", database):
        with pytest.raises(AlreadyRunning), hold(tmp_path / "three", database):
            pass
        with hold(tmp_path / "three"):  # what could not be had whole was let go
            pass


def test_the_home_of_a_database_and_a_guest_exclude_each_other(tmp_path: Path) -> None:
    database = tmp_path / "one" / "darkroom.db"
    with hold(tmp_path / "one", database), pytest.raises(AlreadyRunning), hold(tmp_path / "two", database):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="file"), hold(tmp_path / "file" / "data"):
        pass
