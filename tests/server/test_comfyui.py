"""A gateway that is killed while a ComfyUI works for it, and started again: it takes what was made, and sends nothing twice."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.comfyui import FakeComfy
from tests.fakes.fake_engine import environment
from tests.fakes.serving import served

ROOT = Path(__file__).parents[2]
MODELS = """
[engines.comfyui]
plugin = "comfyui"
servers = ["{url}"]

[[models]]
id = "sd15"
engine = "comfyui"
source = "sd15"
checkpoint = "tiny-sd15.safetensors"
"""
pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def fake() -> Iterator[tuple[FakeComfy, str]]:
    """On a loop of its own, which outlives the gateway."""
    server, ready, over = FakeComfy(step_seconds=0.1), threading.Event(), threading.Event()
    urls: list[str] = []

    async def serve() -> None:
        async with served(server, sockets=True) as url:
            urls.append(url)
            ready.set()
            await asyncio.to_thread(over.wait)
            server.kill()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)
    yield server, urls[0]
    over.set()
    thread.join()


def test_what_a_killed_gateway_sent_is_found_and_not_sent_again(fake: tuple[FakeComfy, str], tmp_path: Path) -> None:
    server, url = fake
    data = tmp_path / "data"
    data.mkdir()
    (data / "models.toml").write_text(MODELS.format(url=url))
    first, client = _started(data)
    try:
        body = {"prompt": "a cat", "size": "512x512", "model": "sd15", "n": 2, "steps": 20, "seed": 7}
        task = client.post("/v1/images/generations", json=body).json()["task_id"]
        _until(lambda: len(server.posted) == 2 and server.running is not None)
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
        client.close()
    second, client = _started(data)
    try:
        _until(lambda: _task(client, task)["status"] in ("succeeded", "failed"))
        told = _task(client, task)
        assert told["status"] == "succeeded", told
        assert len(told["output"]["images"]) == 2
        assert len(server.posted) == 2
    finally:
        second.kill()
        second.wait()
        client.close()


def _started(data: Path) -> tuple[subprocess.Popen[bytes], httpx.Client]:
    environ = {**environment(ROOT), "DARKROOM_DATA": str(data), "DARKROOM_PORT": "0"}
    server = subprocess.Popen([sys.executable, "-m", "gateway.cli", "serve"], env=environ, stdout=subprocess.DEVNULL)
    _until(lambda: _told(data).get("pid") == server.pid)
    told = _told(data)
    return server, httpx.Client(base_url=told["url"], headers={"Authorization": f"Bearer {told['key']}"}, timeout=30)


def _told(data: Path) -> dict[str, Any]:
    file = data / "server.json"
    try:
        told: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return told


def _task(client: httpx.Client, task: str) -> dict[str, Any]:
    told: dict[str, Any] = client.get(f"/v1/tasks/{task}").json()
    return told


def _until(what: Callable[[], bool], seconds: float = 40.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)
