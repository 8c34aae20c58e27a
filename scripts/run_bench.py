"""Measure what Darkroom promises; `scripts/bench` sets up and runs this.

    scripts/bench --list
    scripts/bench NAME                  a table
    scripts/bench NAME --json FILE      and {figure: {value, unit, target, reference}}; - writes it to standard output

Ends with status 1 when a figure misses its target.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import benches
from benches.figures import Figure


def names() -> list[str]:
    """Every module of scripts/benches that has a `run`."""
    found = sorted(module.name for module in pkgutil.iter_modules(benches.__path__))
    return [name for name in found if hasattr(bench(name), "run")]


def bench(name: str) -> ModuleType:
    return importlib.import_module(f"benches.{name}")


def first_line(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().partition("\n")[0]


def table(figures: Sequence[Figure]) -> str:
    rows = [("figure", "value", "unit", "target", "reference", "", ""), *(each.row() for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def write_json(figures: Sequence[Figure], target: str) -> None:
    text = json.dumps({each.name: each.as_json() for each in figures}, indent=2) + "\n"
    if target == "-":
        sys.stdout.write(text)
    else:
        Path(target).write_text(text)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    if arguments == ["--list"]:
        print("\n".join(f"{name:<12} {first_line(bench(name))}" for name in names()))
        return 0
    name, *rest = arguments
    if name not in names():
        print(f"bench: there is no bench {name}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    if rest and (rest[0] != "--json" or len(rest) != 2):
        print("bench: only --json FILE may follow the name", file=sys.stderr)
        return 2
    figures: list[Figure] = bench(name).run()
    if rest:
        write_json(figures, rest[1])
    print(table(figures), file=sys.stderr if rest[1:] == ["-"] else sys.stdout)
    return 0 if all(each.met for each in figures) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
