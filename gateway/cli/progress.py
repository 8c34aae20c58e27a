"""How far a task is, for the person who waits: a bar on the terminal, nothing where there is none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

Envelope = dict[str, Any]


def words(envelope: Envelope) -> str:
    """Where the task is: `queued, place 3, about 12 s`, `step 4 of 20`, or what the gateway says that it does."""
    progress = envelope.get("progress") or {}
    status = envelope.get("status")
    if status == "queued":
        place, seconds = progress.get("queue_position"), progress.get("eta_seconds")
        parts = ["queued", place and f"place {place}", seconds and f"about {seconds:.0f} s", progress.get("reason")]
        return ", ".join(str(part) for part in parts if part)
    if status == "running":
        step = f"step {progress['step']} of {progress['steps']}" if progress.get("steps") else "starting"
        return str(progress.get("reason") or step)
    return str(status or "")


@contextlib.contextmanager
def bar() -> Iterator[Callable[[Envelope], None]]:
    """A function to show each envelope with; the bar is gone when the block ends."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), BarColumn(bar_width=30), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("sending", total=None)

        def show(envelope: Envelope) -> None:
            said = envelope.get("progress") or {}
            steps, step = said.get("steps"), said.get("step")
            # Without steps the bar only moves to and fro.
            total = steps if envelope.get("status") == "running" and step and not said.get("reason") else None
            progress.update(task, description=words(envelope), total=total, completed=step or 0)

        yield show
