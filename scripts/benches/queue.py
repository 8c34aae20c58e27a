"""32 queued jobs of the bundled model, beside the bare pipeline in a loop.

Half of the loop runs before the queue and half behind it, so that a machine that grows slower spoils neither.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from benches.figures import Figure
from benches.house import House, gateway

JOBS = 32
WARM_UP = 2
STEPS, GUIDANCE, SIDE = 20, 4.0, 128
PROMPT = "a red circle on a blue background"
ASK_EVERY = 0.5
"""Seconds; the one who asks takes his time from the same processors."""
BUNDLED = Path(__file__).resolve().parent.parent.parent / "engines" / "diffusers" / "shapes"
MODELS = """
[engines.diffusers]
plugin = "diffusers"

[[models]]
id = "shapes"
engine = "diffusers"
source = "{folder}"
native_sizes = ["128x128"]
"""


def run(folder: Path = BUNDLED) -> list[Figure]:
    if not (folder / "model_index.json").is_file():
        raise SystemExit(f"bench: the bundled model is not at {folder}; scripts/train_shapes.py makes it")
    with _bare(folder) as loop, gateway(MODELS.format(folder=folder)) as house:
        loop(WARM_UP)
        _queue(house, WARM_UP)
        bare = loop(JOBS // 2)
        queued = _queue(house, JOBS)
        bare += loop(JOBS // 2)
    loop_note = f"the bare pipeline in a loop, {STEPS} steps, {SIDE} pixels square"
    return [
        Figure("throughput", bare / queued, "", ">= 0.95", 1.0, loop_note),
        Figure("pictures_per_second", JOBS / queued, "1/s", None, JOBS / bare, "the same"),
        Figure("seconds_per_picture", queued / JOBS, "s", None, bare / JOBS, "the same"),
    ]


def _queue(house: House, count: int) -> float:
    """Seconds from the first POST to the end of the last job."""
    body = {"prompt": PROMPT, "model": "shapes", "steps": STEPS, "guidance_scale": GUIDANCE, "size": f"{SIDE}x{SIDE}"}
    began = time.time()
    tasks = [house.submit({**body, "seed": seed}) for seed in range(count)]
    ends = [datetime.fromisoformat(task["finished_at"]).timestamp() for task in house.finished(tasks, ASK_EVERY)]
    return max(ends) - began


@contextmanager
def _bare(folder: Path) -> Iterator[Callable[[int], float]]:
    """A function: so many pictures -> seconds."""
    script = Path(__file__).with_name("bare_loop.py")
    command = [sys.executable, "-P", str(script), str(folder), PROMPT, str(STEPS), str(GUIDANCE), str(SIDE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        asked, told = process.stdin, process.stdout
        assert asked
        assert told
        if told.readline().strip() != "ready":
            raise SystemExit("bench: the bare pipeline did not start; what it said stands above")

        def loop(count: int) -> float:
            asked.write(f"{count}\n")
            asked.flush()
            return float(told.readline())

        try:
            yield loop
        finally:
            asked.close()
