"""Which addresses may be named as receivers. Whether one is public is seen at each call, by the guard of `gateway.fetch`."""

from __future__ import annotations

from gateway.errors import InvalidInput
from gateway.fetch import understood

LONGEST = 2000
"""Characters."""
ALLOWING = "An operator can allow private ones: [settings.webhooks] allow."
"""Behind the refusal of an address that is not public."""


def checked(url: str, field: str) -> str:
    """The url as it is called. Raises InvalidInput naming `field` for one that can never be."""
    called = str(understood(url, field).url)
    if len(called) > LONGEST:
        raise InvalidInput(f"The address is longer than {LONGEST} characters, with what must be escaped in it.", field=field)
    return called


def receiver(url: str) -> str:
    """Host and port of an address that was checked."""
    target = understood(url, "url")
    return f"{target.host}:{target.port}"
