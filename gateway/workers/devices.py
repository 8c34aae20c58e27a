"""What this machine has to run models on, told without loading a model library."""

from __future__ import annotations

import logging
import shutil
import subprocess

import psutil
from msgspec import Struct

log = logging.getLogger(__name__)
CPU_SHARE = 0.6
"""Of the machine's memory, for models on the CPU: the rest is for everything else that runs here."""
GPU_RESERVE = 3 << 30
"""Working room beside the weights; diffusers' ComponentsManager and InvokeAI reserve as much."""
_QUERY = ("nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits")


class Device(Struct, frozen=True):
    """A place that PyTorch can run on: `cpu`, `cuda:0`, …"""

    id: str
    title: str
    memory_bytes: int

    @property
    def budget(self) -> int:
        """Bytes that models may take."""
        if self.id == "cpu":
            return int(self.memory_bytes * CPU_SHARE)
        return max(self.memory_bytes // 2, self.memory_bytes - GPU_RESERVE)


def devices() -> list[Device]:
    """The CPU, then the CUDA devices that the driver's own tool lists. Blocks for up to a second."""
    return [Device("cpu", "CPU", psutil.virtual_memory().total), *_cuda()]


def _cuda() -> list[Device]:
    if shutil.which(_QUERY[0]) is None:
        return []
    try:
        told = subprocess.run(_QUERY, capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("nvidia-smi does not answer, so no CUDA device is used: %s", error)
        return []
    return [_parsed(line) for line in told.splitlines() if line.count(",") >= 2]


def _parsed(line: str) -> Device:
    index, title, mebibytes = (part.strip() for part in line.split(",", 2))
    return Device(f"cuda:{index}", title, int(mebibytes) << 20 if mebibytes.isdigit() else 0)
