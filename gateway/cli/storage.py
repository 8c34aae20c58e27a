"""`darkroom storage`: whether the pictures' bytes are all there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from gateway.cli.errors import CommandFailed, stop
from gateway.cli.lists import json_option
from gateway.cli.output import byte_size, note, print_json, print_table
from gateway.cli.reach import Reach, reach_options, reached

PATH = "/admin/storage/check"
ASK_EVERY = 0.3
IDS_SHOWN = 20
Row = dict[str, Any]


@click.group()
def storage() -> None:
    """Look after the files of the pictures.

    \b
    Examples:
      darkroom storage check
      darkroom storage check --repair
    """


@storage.command()
@click.option("--repair", is_flag=True, help="Remove what nothing knows, make lost thumbnails anew, mark lost pictures.")
@json_option
@reach_options
def check(reach: Reach, repair: bool, as_json: bool) -> None:
    """Compare the files with the database, while the gateway runs.

    It finds files that no picture has, files that are missing, and files of the wrong length. --repair removes the first
    where they are older than an hour, makes thumbnails anew where the picture itself can be read, and marks pictures whose
    own bytes are gone (`lost_at`); a picture whose bytes are back, as from a backup, is unmarked. Files that were imported
    in place are only looked at, and what was written in the last ten minutes is not judged.

    The exit status is 1 where something is wrong and was not repaired.

    \b
    Examples:
      darkroom storage check
      darkroom storage check --repair
      darkroom storage check --json
    """
    with reached(reach) as gateway, _bar() as show:
        gateway.post(PATH, {"repair": repair})
        while (told := gateway.get(PATH))["state"] == "running":
            show(told["progress"])
            time.sleep(ASK_EVERY)
    if as_json:
        print_json(told)
    else:
        _print(told)
    if told["state"] == "failed":
        raise CommandFailed(f"The check did not come to its end: {told['problem'] or 'the gateway ended'}")
    if _left(told):
        stop(1)


def _left(told: Row) -> bool:
    """Whether something is wrong that was not mended."""
    faults = told["missing"]["count"] + told["wrong"]["count"]
    orphans = told["orphans"]["count"] - told["repaired"]["orphans_removed"]
    return bool(orphans or told["pictures_lost"]["count"] or (faults and not told["repair"]))


def _print(told: Row) -> None:
    done = told["repaired"]
    rows: list[tuple[object, ...]] = [
        ("files that no picture has", *_amount(told["orphans"]), _done(done["orphans_removed"], "removed")),
        ("missing files", *_amount(told["missing"]), _done(done["thumbnails_made"], "thumbnails made anew")),
        ("files of the wrong length", *_amount(told["wrong"]), None),
        ("pictures without their bytes", told["pictures_lost"]["count"], None, _done(done["pictures_marked"], "marked")),
    ]
    if done["pictures_found_again"]:
        rows.append(("pictures whose bytes are back", done["pictures_found_again"], None, "unmarked"))
    print_table(("what", "found>", "size>", "repaired"), rows, empty="")
    ids = told["pictures_lost"]["ids"]
    if ids:
        more = ", …" if told["pictures_lost"]["count"] > IDS_SHOWN else ""
        note("Without their bytes: " + ", ".join(ids[:IDS_SHOWN]) + more)
    if _left(told) and not told["repair"]:
        lacks = told["missing"]["count"] or told["wrong"]["count"]
        first = "Restore what is missing from a backup of the files, if there is one; then: " if lacks else ""
        note(f"{first}darkroom storage check --repair")


def _amount(told: Row) -> tuple[int, str | None]:
    return told["count"], byte_size(told["bytes"]) if told["count"] else None


def _done(count: int, what: str) -> str | None:
    return f"{count} {what}" if count else None


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[float], None]]:
    """A function to show each share with; the bar is gone when the block ends."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("checking"), BarColumn(bar_width=30), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda share: progress.update(task, completed=share)
