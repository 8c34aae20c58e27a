"""How many connections this process can hold: each takes a file descriptor, and the database and pictures need some too."""

from __future__ import annotations

import contextlib
import logging
import sys

log = logging.getLogger(__name__)

OTHERS = 256
"""Descriptors that are not connections of clients: the database's, pictures', lanes', calls to other servers."""
FEWEST = 16


def room_for(wanted: int) -> int:
    """`wanted`, or as many as the system allows, after raising this process's own limit as far as that needs.

    So a flood meets our 503, and not a picture that cannot be written because no file can be opened.
    """
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = wanted + OTHERS
    if _any_number(soft) or soft >= need:
        return wanted
    raised = need if _any_number(hard) else min(need, hard)
    with contextlib.suppress(OSError, ValueError):  # macOS has a lower bound that it does not tell of
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = min(wanted, max(FEWEST, soft - OTHERS))
    if room < wanted:
        log.warning("only %d connections at once, for this process may open %d files; raise that with ulimit -n", room, soft)
    return room


def _any_number(limit: int) -> bool:
    import resource

    return limit in (resource.RLIM_INFINITY, -1)
