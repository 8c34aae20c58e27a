"""This machine: versions, memory, devices."""

from __future__ import annotations

import json
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

from gateway import __version__
from gateway.catalog import AUTO, DeviceEntry
from gateway.cli.checks.finding import Finding, ok, problem, warning
from gateway.cli.output import byte_size
from gateway.workers.devices import devices as listed

OLDEST_SQLITE = (3, 38)
"""JSON functions are built in from there on."""
LEAST_MEMORY = 2 << 30
"""Bytes: a small Stable Diffusion in half precision, and the gateway beside it."""
SECONDS_TO_PROBE = 120.0
"""torch's first import from a cold disk."""
PROBE = """
import json, torch
count = torch.cuda.device_count() if torch.cuda.is_available() else 0
print(json.dumps([
    {"name": torch.cuda.get_device_name(i), "free": torch.cuda.mem_get_info(i)[0], "total": torch.cuda.mem_get_info(i)[1]}
    for i in range(count)
]))
"""


def versions() -> Iterator[Finding]:
    """Of what decides how pictures come out and whether the database works."""
    python = platform.python_version()
    yield ok("versions", f"Darkroom {__version__}, Python {python}, Litestar {metadata.version('litestar')}, {_sqlite()}")
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        yield problem("versions", f"{_sqlite()} is too old", f"Use a Python that was built with {oldest} or newer.")
    missing = [name for name in ("torch", "diffusers", "transformers", "accelerate", "safetensors") if not _version(name)]
    if missing:
        cure = "Engines elsewhere need none of it; models on this machine: darkroom-gateway[local] (scripts/setup --local)."
        yield warning("versions", f"not installed: {', '.join(missing)}", cure)
    else:
        yield ok("versions", f"torch {_version('torch')}, diffusers {_version('diffusers')}")


def _sqlite() -> str:
    return f"SQLite {sqlite3.sqlite_version}"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def memory() -> Iterator[Finding]:
    import psutil

    now = psutil.virtual_memory()
    text = f"{byte_size(now.available)} free of {byte_size(now.total)}"
    if now.available < LEAST_MEMORY:
        yield warning("memory", text, "Models on the CPU may not fit; end other programs, or use an engine elsewhere.")
    else:
        yield ok("memory", text)


def devices(wanted: Mapping[str, DeviceEntry]) -> Iterator[Finding]:
    """What torch sees, and whether every device of models.toml is among it."""
    if not _version("torch"):
        return
    found = _probe()
    if isinstance(found, str):
        yield problem("devices", f"torch cannot be asked: {found}", "Install it again for this machine: https://pytorch.org.")
        return
    for number, device in enumerate(found):
        yield ok("devices", f"cuda:{number} {device['name']}, {byte_size(device['free'])} free of {byte_size(device['total'])}")
    if not found:
        yield ok("devices", f"the CPU, {platform.machine()}; torch sees no CUDA device")
    if unused := [device for device in listed() if device.id != "cpu"][len(found) :]:
        cure = "Its jobs would fail: install a torch that fits this machine's driver (https://pytorch.org)."
        yield problem("devices", f"the driver lists {unused[0].id} {unused[0].title}, and torch does not see it", cure)
    known = {"cpu", AUTO, *(f"cuda:{number}" for number in range(len(found)))}
    for entry in wanted.values():
        if entry.device not in known:
            cure = f"Correct [devices.{entry.name}] in models.toml, or install a torch that fits this machine's driver."
            yield problem("devices", f"{entry.device} is named by [devices.{entry.name}] and not here", cure)


def _probe() -> list[dict[str, Any]] | str:
    """The CUDA devices, or why they cannot be told. In a process of its own: a broken driver can hang or crash it."""
    command = [sys.executable, "-P", "-c", PROBE]
    try:
        probe = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_PROBE, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return f"it did not answer within {SECONDS_TO_PROBE:.0f} s"
    if probe.returncode:
        return probe.stderr.strip().rpartition("\n")[2] or f"it ended with status {probe.returncode}"
    found: list[dict[str, Any]] = json.loads(probe.stdout.strip().rpartition("\n")[2])
    return found
