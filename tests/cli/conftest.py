"""A stand-in gateway over real sockets, and the command as a person calls it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
from click.testing import CliRunner, Result

from gateway import files
from gateway.cli import main
from gateway.cli.server_file import ServerFile

ROOT = Path(__file__).resolve().parent.parent.parent
STANDIN = Path(__file__).resolve().parent / "standin"
sys.path.append(str(STANDIN))

import standin  # noqa: E402


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that commands of this test use, and nothing of the developer's own environment."""
    for name in [name for name in os.environ if name.startswith("DARKROOM_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("DARKROOM_DATA", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(STANDIN), str(ROOT))))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


@pytest.fixture
def darkroom(data: Path) -> Callable[..., Result]:
    """Run the command within this process; its output is `stdout` and `stderr`."""

    def run(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(main, [str(each) for each in arguments], prog_name="darkroom", **options)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


class Running:
    """A stand-in that answers, and the data folder where its server.json lies."""

    def __init__(self, app: standin.StandIn, url: str) -> None:
        self.app = app
        self.url = url


@pytest.fixture
def running(data: Path, tmp_path: Path) -> Iterator[Running]:
    """A gateway that runs on the data folder."""
    app = standin.StandIn(tmp_path / "standin")
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    standin.wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    files.replace(data / "server.json", msgspec.json.encode(ServerFile(url, standin.KEY, os.getpid())))
    yield Running(app, url)
    server.should_exit = True
    thread.join()


@pytest.fixture
def spawn(data: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command as a process of its own; what is left of it at the end is stopped."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "gateway.cli", *map(str, arguments)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, text=True, **pipes))  # type: ignore[call-overload]
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
