"""What became of the files, counted and told."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import click

from gateway.cli.output import note

Outcome = dict[str, Any]
"""As the gateway answers: path, status, id and reason."""
MOST_TOLD = 1000
"""Lines about refused files; --json has all of them."""


class Tally:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.refused: list[Outcome] = []
        self.passed_over = 0
        """Files that are no pictures."""

    def count(self, outcomes: list[Outcome]) -> None:
        for each in outcomes:
            self.counts[each["status"]] += 1
            if each["status"] == "refused":
                self.refused.append({"path": each["path"], "reason": each["reason"]})

    def trouble(self, name: str, reason: str) -> None:
        self.count([{"path": name, "status": "refused", "reason": reason}])

    def words(self) -> str:
        """`1,990 added, 8 here already, 2 refused; 12 other files passed over`."""
        said = {"added": "added", "joined": "here already", "trashed": "in the trash, where they stay", "refused": "refused"}
        parts = [f"{self.counts[status]:,} {word}" for status, word in said.items() if self.counts[status] or status == "added"]
        files = "file" if self.passed_over == 1 else "files"
        others = f"; {self.passed_over:,} other {files} passed over" if self.passed_over else ""
        return ", ".join(parts) + others

    def as_json(self) -> dict[str, Any]:
        counts = {status: self.counts[status] for status in ("added", "joined", "trashed")}
        return {**counts, "refused": self.refused, "passed_over": self.passed_over}

    def tell(self) -> None:
        """The sum on standard output, and a line for each file that was refused beside it."""
        for each in self.refused[:MOST_TOLD]:
            note(f"{each['path']}: {each['reason']}")
        if len(self.refused) > MOST_TOLD:
            note(f"and {len(self.refused) - MOST_TOLD:,} more; --json lists all of them.")
        click.echo(self.words())


@contextlib.contextmanager
def bar(total: int) -> Iterator[Callable[[int, str], None]]:
    """A function to say with how many files more are done, and the sum so far; nothing is shown where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=total)
        yield lambda more, words: progress.update(task, advance=more, description=words)
