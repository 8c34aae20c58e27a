"""What people see: tables and notes; and what programs read: JSON on standard output, nothing else beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

WIDTH_WITHOUT_TERMINAL = 1000
"""Columns; in a pipe nothing is cut off or wrapped."""


def note(text: str) -> None:
    """Tell the person something beside the result."""
    click.echo(text, err=True)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Columns whose name ends in `>` are numbers. `empty` is said where there is no row."""
    rows = list(rows)
    if not rows:
        click.echo(empty)
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    for column in columns:
        table.add_column(column.removesuffix(">"), justify="right" if column.endswith(">") else "left", overflow="fold")
    for row in rows:
        # Text, so that a prompt with [brackets] is not read as markup.
        table.add_row(*(cell if isinstance(cell, Text) else Text(shown(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
    if sys.stdout.isatty():
        console.print(table)
        return
    with console.capture() as drawn:
        console.print(table)
    # Not filled up to the width of the longest cell.
    click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def shown(value: object) -> str:
    """A cell's text: nothing for None, yes and no, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(shown(each) for each in value)
    return str(value)


def byte_size(count: float | None) -> str:
    """Bytes for people, in powers of 1024: `3.9 GiB`."""
    if count is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
