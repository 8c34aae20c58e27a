"""What can be the id of a picture."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ID = re.compile(r"[0-9a-f-]{36}")


def possible(ids: Iterable[str]) -> set[str]:
    """Those that can be; the others need not be asked for, and PostgreSQL takes no text with a NUL."""
    return {each for each in ids if _ID.fullmatch(each)}
