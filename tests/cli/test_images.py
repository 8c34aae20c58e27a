"""`darkroom images import` against the real gateway, which is stopped and killed while it works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from standin import wait_until

from gateway.cli.bringing import watching
from tests.api.pictures import flat
from tests.fakes.fake_engine import environment

Darkroom = Callable[..., Result]
Spawn = Callable[..., subprocess.Popen[str]]
ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(autouse=True)
def theirs(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures; the gateway may read it in place."""
    monkeypatch.setenv("PYTHONPATH", environment(ROOT)["PYTHONPATH"])
    folder = tmp_path / "theirs"
    folder.mkdir()
    (data / "models.toml").write_text(f"[settings.imports]\nfolders = [{json.dumps(str(folder))}]\n")
    return folder


def serve(data: Path, spawn: Spawn) -> subprocess.Popen[str]:
    gateway = spawn("serve", "--port", "0")
    wait_until(lambda: (data / "server.json").exists() or gateway.poll() is not None, 60)
    assert gateway.poll() is None, gateway.communicate()
    return gateway


def shown(data: Path) -> list[dict[str, Any]]:
    """All that the gallery's lists have."""
    server = json.loads((data / "server.json").read_text())
    found: list[dict[str, Any]] = []
    with httpx.Client(base_url=server["url"], headers={"Authorization": f"Bearer {server['key']}"}, trust_env=False) as client:
        page: dict[str, Any] = {"next": None}
        while not found or page["next"]:
            answer = client.get("/v1/images", params={"limit": 100, **({"next": page["next"]} if page["next"] else {})})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["data"]
            if not page["data"]:
                break
    return found


def fill(folder: Path, count: int) -> None:
    """Each picture has a colour of its own, and a day."""
    for number in range(count):
        below = folder / f"2024-01-{number % 3 + 1:02}"
        below.mkdir(exist_ok=True)
        path = below / f"{number:04}.png"
        path.write_bytes(flat((number % 256, number // 256, 0), 16, 16))
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))


def test_a_folder_comes_in_and_the_second_time_nothing_is_sent(
    darkroom: Darkroom, data: Path, spawn: Spawn, theirs: Path
) -> None:
    serve(data, spawn)
    fill(theirs, 6)
    (theirs / "notes.txt").write_text("no picture")
    (theirs / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (theirs / "twin.png").write_bytes((theirs / "2024-01-01" / "0000.png").read_bytes())
    first = darkroom("images", "import", theirs, "--tag", "old")
    assert first.exit_code == 1, first.stderr  # for the broken one
    assert first.stdout.strip() == "6 added, 1 here already, 1 refused; 1 other file passed over"
    assert "broken.png: The picture is broken" in first.stderr
    images = shown(data)
    assert [each["created_at"] for each in images] == sorted((each["created_at"] for each in images), reverse=True)
    assert images[-1]["created_at"].startswith("2023-11-14T22:13:20")
    (theirs / "broken.png").unlink()
    again = darkroom("images", "import", theirs, "--json")
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout) == {"added": 0, "joined": 7, "trashed": 0, "refused": [], "passed_over": 1}
    assert len(shown(data)) == 6


def test_files_stay_where_they_lie(darkroom: Darkroom, data: Path, spawn: Spawn, theirs: Path) -> None:
    serve(data, spawn)
    fill(theirs, 3)
    refused = darkroom("images", "import", data, "--in-place")
    assert refused.exit_code == 1
    assert "[settings.imports]" in refused.stderr
    assert darkroom("images", "import", theirs, "--in-place").stdout.strip() == "3 added"
    assert darkroom("images", "import", theirs, "--in-place").stdout.strip() == "0 added, 3 here already"
    wrong = darkroom("images", "import", theirs, "--watch", "--key", "dk_wrong")
    assert wrong.exit_code == 1  # and is not tried for ever
    assert "not known" in wrong.stderr
    picture = shown(data)[0]
    server = json.loads((data / "server.json").read_text())
    with httpx.Client(headers={"Authorization": f"Bearer {server['key']}"}, trust_env=False) as client:
        answer = client.get(f"{server['url']}/v1/images/{picture['id']}/content")
    assert answer.content == (theirs / "2024-01-03" / "0002.png").read_bytes()


def test_a_gateway_that_is_killed_in_the_middle_loses_nothing(
    darkroom: Darkroom, data: Path, spawn: Spawn, theirs: Path
) -> None:
    gateway = serve(data, spawn)
    fill(theirs, 700)
    command = spawn("images", "import", theirs)
    wait_until(lambda: bool(shown(data)), 30)
    gateway.kill()
    gateway.wait()
    _, notes = command.communicate(timeout=30)
    assert command.returncode == 1
    assert "goes on from there" in notes
    (data / "server.json").unlink()
    serve(data, spawn)
    assert 0 < len(shown(data)) < 700
    again = darkroom("images", "import", theirs)
    assert again.exit_code == 0, again.stderr
    images = shown(data)
    assert len(images) == len({each["id"] for each in images}) == 700


def test_the_watch_takes_what_is_finished_and_outlives_its_gateway(data: Path, spawn: Spawn, theirs: Path) -> None:
    gateway = serve(data, spawn)
    fill(theirs, 2)
    command = spawn("images", "import", theirs, "--watch")
    wait_until(lambda: len(shown(data)) == 2, 30)
    half = flat((9, 9, 9), 200, 200)
    slow = theirs / "new" / "slow.png"
    slow.parent.mkdir()
    with slow.open("wb") as file:
        for part in (half[:50], half[50:100], half[100:]):
            file.write(part)
            file.flush()
            time.sleep(watching.SETTLED_SECONDS / 2)
    wait_until(lambda: len(shown(data)) == 3, 30)
    gateway.send_signal(signal.SIGTERM)
    gateway.wait(30)
    (theirs / "late.png").write_bytes(flat((8, 8, 8), 16, 16))
    time.sleep(watching.SETTLED_SECONDS + 1)
    serve(data, spawn)
    wait_until(lambda: len(shown(data)) == 4, 30)
    command.send_signal(signal.SIGINT)
    said, notes = command.communicate(timeout=20)
    assert command.returncode == 0, notes
    assert "Trying again" in notes
    assert said.splitlines()[-1] == "4 added"


def test_without_a_gateway_it_says_how_to_start_one(darkroom: Darkroom, theirs: Path) -> None:
    result = darkroom("images", "import", theirs)
    assert result.exit_code == 1
    assert "darkroom serve" in result.stderr
    assert darkroom("images", "import", theirs, "--watch", "--json").exit_code == 2
    assert darkroom("images", "import", theirs / "none").exit_code == 2
