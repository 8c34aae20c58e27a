"""A gateway in a process of its own for a bench to talk to, and how much CPU that process has used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120.0
JOB_SECONDS = 600.0


@dataclass
class Server:
    client: httpx.Client
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """Of the process so far, its threads included; the kernel counts in ticks of 10 ms."""
        times = self.process.cpu_times()
        return times.user + times.system

    def submit(self, **body: object) -> str:
        answer = self.client.post("/v1/images/generations", json=body).raise_for_status()
        return str(answer.json()["task_id"])

    def wait(self, tasks: Sequence[str]) -> None:
        """Until all have succeeded, asking seldom so that asking costs the server little."""
        end = time.monotonic() + JOB_SECONDS
        for task in tasks:
            while (state := self.client.get(f"/v1/tasks/{task}").raise_for_status().json()["status"]) != "succeeded":
                if state not in ("queued", "running") or time.monotonic() > end:
                    raise SystemExit(f"bench: task {task} is {state}")
                time.sleep(0.05)


@contextmanager
def gateway(*command: str, models: str | None = None) -> Iterator[Server]:
    """Run `command` (else `darkroom serve`) on a data folder of its own, with this models.toml (else the packaged one)."""
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        environment = {**os.environ, "DARKROOM_DATA": folder, "DARKROOM_PORT": "0", "DARKROOM_LOG": "warning"}
        if models is not None:
            environment["DARKROOM_MODELS"] = str(Path(folder) / "bench.toml")
            Path(environment["DARKROOM_MODELS"]).write_text(models)
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "scripts")])
        command = command or (sys.executable, "-m", "gateway.cli", "serve")
        started = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            told = _announced(Path(folder) / "server.json", started)
            headers = {"Authorization": f"Bearer {told['key']}"}
            with httpx.Client(base_url=told["url"], headers=headers, timeout=60) as client:
                yield Server(client, psutil.Process(started.pid))
        finally:
            started.terminate()
            started.wait(30)


def _announced(file: Path, started: subprocess.Popen[bytes]) -> dict[str, str]:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and started.poll() is None:
        if file.exists():
            told: dict[str, str] = json.loads(file.read_text())
            return told
        time.sleep(0.05)
    raise SystemExit("bench: the gateway did not start; run `scripts/darkroom serve` to see why")
