"""A folder of small files taken into the gallery by `darkroom images import`: how long, and whether it stays as quick.

IMPORT_FILES asks for another number than a hundred thousand, which take minutes.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benches import null_engine
from benches.figures import Figure
from benches.house import House, cpu_seconds, gateway
from gateway.storage import png

FILES = int(os.environ.get("IMPORT_FILES", "100000"))
SIDE = 64
FOLDERS = 20
WORDS = [
    "lighthouse",
    "dusk",
    "harbour",
    "fog",
    "copper",
    "portrait",
    "meadow",
    "neon",
    "rain",
    "glass",
    "marble",
    "fox",
    "paper",
    "lantern",
]
SCRIPTS = Path(__file__).resolve().parent.parent


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as temporary:
        folder = Path(temporary)
        pictures, first = folder / "pictures", folder / "first"
        write(first, FILES // 10, seed=1)
        write(pictures, FILES, seed=2)
        places = [null_engine.install(folder / "plugin"), SCRIPTS]
        (folder / "data").mkdir()
        with gateway(null_engine.MODELS, path=places, data=folder / "data") as house:
            few, _ = _brought(house, folder / "data", first)
            seconds, cpu = _brought(house, folder / "data", pictures)
            again, _ = _brought(house, folder / "data", pictures)
            found = house.client.get("/v1/images?limit=1").raise_for_status().json()["total"]
    if found != FILES + FILES // 10:
        raise SystemExit(f"bench: {FILES + FILES // 10} files were there, and {found} pictures are in the gallery")
    each, each_of_few = seconds / FILES, few / (FILES // 10)
    return [
        Figure("import_s", seconds, "s", "<= 600" if FILES == 100_000 else None, note=f"{FILES:,} files of {SIDE} x {SIDE}"),
        Figure("import_ms_per_file", 1000 * each, "ms", None, 1000 * each_of_few, f"the {FILES // 10:,} before them"),
        Figure("import_growth", each / each_of_few, "", "<= 1.5", 1.0, "the same"),
        Figure("import_cpu_ms_per_file", 1000 * cpu / FILES, "ms CPU", None, note="of the gateway"),
        Figure("import_again_s", again, "s", None, seconds, "the first time; all are there already"),
    ]


def write(folder: Path, count: int, seed: int) -> None:
    """Files as A1111 leaves them: no two alike, parameters inside, in folders by day."""
    draw = random.Random(seed)
    pixels = np.random.default_rng(seed)
    for number in range(count):
        if number % (count // FOLDERS or 1) == 0:
            day = folder / f"2026-{number * FOLDERS // count:02}"
            day.mkdir(parents=True, exist_ok=True)
        prompt = " ".join(draw.choices(WORDS, k=8))
        about = f"{prompt}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: {number}, Size: {SIDE}x{SIDE}, Model: sd15"
        picture = np.full((SIDE, SIDE, 3), pixels.integers(0, 256, 3), np.uint8)
        picture[8:24, 8:24] = pixels.integers(0, 256, (16, 16, 3))
        (day / f"{number:06}.png").write_bytes(png.encode(picture, [png.text_chunk("parameters", about)]))


def _brought(house: House, data: Path, folder: Path) -> tuple[float, float]:
    """Seconds that the command took, and of the gateway's CPU."""
    command = [sys.executable, "-P", "-m", "gateway.cli", "images", "import", str(folder), "--data", str(data)]
    before = cpu_seconds(house.process)
    took = _seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    return took, cpu_seconds(house.process) - before


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
