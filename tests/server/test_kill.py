"""A real server that is killed with -9 while it works, and started again: nothing lost, nothing twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.fake_engine import environment, read_journal

ROOT = Path(__file__).parents[2]
MODELS = """
[settings.webhooks]
allow = ["127.0.0.0/8"]

[engines.fake]
plugin = "fake"
journal = "{journal}"

[[models]]
id = "slow"
engine = "fake"
source = "fake:slow"
step_seconds = 0.05
max_batch = 2
"""
pytestmark = [pytest.mark.server, pytest.mark.slow]
Start = Callable[[], tuple[subprocess.Popen[bytes], httpx.Client]]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def start(tmp_path: Path, journal: Path) -> Iterator[Start]:
    """Start a gateway on this test's data folder; returns when it answers."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "models.toml").write_text(MODELS.format(journal=journal))
    environ = {**environment(ROOT), "DARKROOM_DATA": str(data), "DARKROOM_PORT": "0"}
    started: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def begin() -> tuple[subprocess.Popen[bytes], httpx.Client]:
        server = subprocess.Popen([sys.executable, "-m", "gateway.cli", "serve"], env=environ, stdout=subprocess.DEVNULL)
        started.append(server)
        _until(lambda: _told(data).get("pid") == server.pid)
        told = _told(data)
        clients.append(httpx.Client(base_url=told["url"], headers={"Authorization": f"Bearer {told['key']}"}, timeout=30))
        return server, clients[-1]

    yield begin
    for client in clients:
        client.close()
    for server in started:
        server.kill()
        server.wait()


class Receiver:
    """Of webhooks. It answers when `answers` is set."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.answers = threading.Event()
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.calls.append((self.headers["webhook-id"], told["data"]["task_id"], told["data"]["status"]))
                outer.answers.wait(60)
                with suppress(ConnectionError):
                    self.send_response(204)
                    self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    yield receiver
    receiver.answers.set()
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


def test_kill_in_the_middle_loses_nothing_and_makes_nothing_twice(start: Start, journal: Path) -> None:
    server, client = start()
    body = {"prompt": "a cat", "size": "64x64", "model": "slow", "n": 2, "steps": 10}
    tasks = [client.post("/v1/images/generations", json={**body, "seed": seed}).json()["task_id"] for seed in range(0, 10, 2)]
    _until(lambda: sum(call["call"] == "ran" for call in read_journal(journal)) >= 1)
    _until(lambda: read_journal(journal)[-1]["call"] == "run")
    server.send_signal(signal.SIGKILL)
    server.wait()

    _, client = start()
    _until(lambda: all(_task(client, task)["status"] == "succeeded" for task in tasks))
    seeds = []
    for task in tasks:
        pictures = _task(client, task)["output"]["images"]
        assert len(pictures) == 2
        seeds += [picture["seed"] for picture in pictures]
        assert all(httpx.get(picture["url"]).status_code == 200 for picture in pictures)
    assert sorted(seeds) == list(range(10))
    assert len(client.get("/v1/images", params={"limit": 100}).json()["data"]) == 10


def test_a_kill_while_a_webhook_is_called_or_before_loses_no_call_and_no_key(start: Start, receiver: Receiver) -> None:
    server, client = start()
    body = {"prompt": "a cat", "size": "64x64", "model": "slow", "steps": 1, "webhook": {"url": receiver.url}}
    named = {"Idempotency-Key": "mine"}
    task = client.post("/v1/images/generations", json=body, headers=named).json()["task_id"]
    _until(lambda: len(receiver.calls) == 1)
    server.send_signal(signal.SIGKILL)
    server.wait()
    receiver.answers.set()

    _, client = start()
    assert client.post("/v1/images/generations", json=body, headers=named).json()["task_id"] == task
    (owed,) = client.get("/v1/webhooks/deliveries").json()["data"]
    _until(lambda: client.get(f"/v1/webhooks/deliveries/{owed['id']}").json()["state"] == "delivered")
    assert receiver.calls == [(owed["id"], task, "succeeded")] * 2


def test_a_second_server_on_the_same_data_is_refused_and_harms_nothing(start: Start, tmp_path: Path) -> None:
    _, client = start()
    environ = {**environment(ROOT), "DARKROOM_DATA": str(tmp_path / "data"), "DARKROOM_PORT": "0"}
    second = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "serve"], env=environ, capture_output=True, text=True, timeout=60
    )
    assert second.returncode != 0
    assert "use that one" in second.stderr
    assert "Traceback" not in second.stderr
    assert client.get("/health/ready").status_code == 200
    assert _told(tmp_path / "data")["url"] == str(client.base_url).rstrip("/")


def _task(client: httpx.Client, task: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/v1/tasks/{task}").json()
    return answer


def _told(data: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads((data / "server.json").read_text())
    except FileNotFoundError:
        return {}
    return told


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "nothing happened for a minute"
        time.sleep(0.02)
