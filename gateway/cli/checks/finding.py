"""One line of the doctor's report."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """`cure` says what to do, where there is something to do."""

    level: Level
    subject: str
    text: str
    cure: str = ""


def ok(subject: str, text: str) -> Finding:
    return Finding("ok", subject, text)


def warning(subject: str, text: str, cure: str) -> Finding:
    """It works, but not as well as it could, or not for long."""
    return Finding("warning", subject, text, cure)


def problem(subject: str, text: str, cure: str) -> Finding:
    """Something does not work."""
    return Finding("problem", subject, text, cure)
