"""All that is wrong with one file, each fault with its place: line, table, key."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]
"""Keys from the top of the document; a number is a place in an array of tables."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]#]+?)\s*\]")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")


class Problems:
    """Collects faults, so that the operator sees all of them at once."""

    def __init__(self, text: str) -> None:
        self._lines = _lines(text)
        self._found: list[tuple[int, str]] = []
        self.names: dict[int, str] = {}
        """Index in `[[models]]` -> the model's id, for the messages."""

    def add(self, path: Path, message: str) -> None:
        line = next((self._lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self._lines), 0)
        place = self._place(path)
        self._found.append((line, f"{f'line {line}, ' if line else ''}{place}: {message}"))

    @property
    def messages(self) -> list[str]:
        """In the file's order."""
        return [message for _, message in sorted(self._found, key=lambda found: found[0])]

    def _place(self, path: Path) -> str:
        match path:
            case (str(array), int(index), *rest):
                name = f'"{self.names[index]}"' if index in self.names else f"number {index + 1}"
                table = f"[[{array}]] {name}"
            case (("settings" | "engines" | "devices") as kind, str(name), *rest):
                table = f"[{kind}.{name}]"
            case (name, *rest):
                table = f"[{name}]"
            case _:
                return "models.toml"
        return f"{table} {'.'.join(map(str, rest))}" if rest else table


class Place:
    """A table or a key, and where to complain about it."""

    def __init__(self, problems: Problems, path: Path = ()) -> None:
        self.problems = problems
        self.path = path

    def at(self, key: str | int) -> Place:
        return Place(self.problems, (*self.path, key))

    def refuse(self, message: str) -> None:
        self.problems.add(self.path, message)


def _lines(text: str) -> dict[Path, int]:
    """Path -> the line where it is written. A plain scan, no second parser: what it misses is told without a line."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    closing = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if header := _HEADER.match(line):
            table = _table(header[2], counts, is_array=header[1] == "[[")
            for length in range(1, len(table) + 1):
                found.setdefault(table[:length], number)
        elif key := _KEY.match(line):
            path = (*table, *_parts(key[1]))
            for length in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:length], number)
            closing = next((quotes for quotes in ('"""', "'''") if line.count(quotes) % 2), "")
    return found


def _table(name: str, counts: dict[Path, int], *, is_array: bool) -> Path:
    path: Path = ()
    parts = _parts(name)
    for place, part in enumerate(parts):
        path = (*path, part)
        if is_array and place == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _parts(name: str) -> list[str]:
    return [next(group for group in match.groups() if group is not None) for match in _PART.finditer(name)]
