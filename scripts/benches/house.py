"""A gateway of the bench's own: a process with a data folder that is thrown away, spoken to over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

SECONDS_TO_START = 60.0
AT_REST = 0.02
"""Seconds of CPU in a second."""
ENDS = ("succeeded", "failed", "canceled")


def cpu_seconds(process: psutil.Process) -> float:
    """Of all its threads, since it began: to the nanosecond on Linux, else in ticks of 10 ms."""
    if sys.platform == "linux":
        # What clock_getcpuclockid(3) makes of a process.
        return time.clock_gettime((~process.pid << 3) | 2)
    spent = process.cpu_times()
    return float(spent.user + spent.system)


class House:
    """The gateway: its process, and a client that has its key."""

    def __init__(self, process: psutil.Process, client: httpx.Client) -> None:
        self.process = process
        self.client = client

    def settle(self) -> None:
        """Wait until it computes nothing: at its start it sweeps, which takes seconds among a million pictures."""
        busy = True
        while busy:
            before = cpu_seconds(self.process)
            time.sleep(1)
            busy = cpu_seconds(self.process) - before > AT_REST

    def submit(self, body: dict[str, Any]) -> str:
        answer = self.client.post("/v1/images/generations", json=body)
        answer.raise_for_status()
        return str(answer.json()["task_id"])

    def task(self, task_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/tasks/{task_id}")
        answer.raise_for_status()
        return dict(answer.json())

    def finished(self, task_ids: Sequence[str], every: float) -> list[dict[str, Any]]:
        """The envelopes of all, once each has succeeded. Only the last is asked for while they run: asking costs too."""
        while self.task(task_ids[-1])["status"] not in ENDS:
            time.sleep(every)
        envelopes = []
        for task_id in task_ids:
            while (envelope := self.task(task_id))["status"] not in ENDS:
                time.sleep(every)
            if envelope["status"] != "succeeded":
                raise SystemExit(f"bench: {task_id} is {envelope['status']}: {envelope['error']}")
            envelopes.append(envelope)
        return envelopes


@contextmanager
def gateway(models: str, *, path: Sequence[Path] = (), data: Path | None = None) -> Iterator[House]:
    """One that runs what `models` (a models.toml) says; `path` is put before its own modules, for plugins.

    `data` is a folder that is kept, with what lies there; else it begins with an empty one.
    """
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as temporary:
        data = data or Path(temporary)
        folder = str(data)
        (data / "models.toml").write_text(models)
        command = [sys.executable, "-P", "-m", "gateway.cli", "serve", "--data", folder, "--port", "0", "--log", "warning"]
        ours = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
        search = os.pathsep.join([*map(str, path), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        process = subprocess.Popen(command, env={**ours, "PYTHONPATH": search}, stdout=subprocess.DEVNULL)
        try:
            server = _wait(data / "server.json", process)
            headers = {"Authorization": f"Bearer {server['key']}"}
            with httpx.Client(base_url=server["url"], headers=headers, timeout=60, trust_env=False) as client:
                yield House(psutil.Process(process.pid), client)
        finally:
            process.terminate()
            process.wait(60)


def _wait(file: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS_TO_START
    while not file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("bench: the gateway did not start; what it said stands above")
        time.sleep(0.05)
    return dict(json.loads(file.read_text()))
