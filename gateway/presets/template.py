"""`{{key}}` in a template becomes the value of that key; nothing else is touched. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

KEY = r"[^\W\d]\w{0,63}"
"""A letter (of any script) or `_`, then letters, digits and `_`."""
_BLANK = re.compile(r"\{\{(" + KEY + r")\}\}")


def keys(template: str) -> tuple[str, ...]:
    """The keys of its blanks, each once, in the order in which they come."""
    return tuple(dict.fromkeys(_BLANK.findall(template)))


def render(template: str, values: Mapping[str, str]) -> str:
    """Every blank filled in, in one pass: a blank within a value stays as it is. Raises KeyError for a missing value."""
    return _BLANK.sub(lambda blank: values[blank[1]], template)


def rendered_length(template: str, values: Mapping[str, str]) -> int:
    """At most how long `render` gets, known without doing it. Raises KeyError for a missing value."""
    return len(template) + sum(len(values[key]) for key in _BLANK.findall(template))
