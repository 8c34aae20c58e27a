"""Range requests (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re

from gateway.errors import RangeNotSatisfiable

_SINGLE = re.compile(rb"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


def parse(header: bytes | None, size: int) -> tuple[int, int] | None:
    """(start, stop) of the bytes to send out of `size`; None: all of them.

    Several ranges at once, other units and what cannot be read are answered with the whole, as the RFC allows.
    Raises RangeNotSatisfiable for a range that begins past the end.
    """
    match = _SINGLE.fullmatch(header) if header else None
    if match is None or match.groups() == (b"", b""):
        return None
    first, last = match.groups()
    if not first:
        length = int(last)
        if length == 0 or size == 0:
            raise _past(size)
        return max(0, size - length), size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise _past(size)
    return start, min(size, int(last) + 1) if last else size


def _past(size: int) -> RangeNotSatisfiable:
    error = RangeNotSatisfiable(f"The range begins past the end: there are {size} bytes.")
    error.headers = {"Content-Range": f"bytes */{size}"}
    return error
