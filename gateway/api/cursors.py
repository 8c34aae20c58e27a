"""Opaque cursors of lists. One opens the list that it came from only: it is bound to the team and to the filters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from typing import Protocol, TypeVar

from gateway.errors import InvalidInput

_TAG_BYTES = 8
_ID_BYTES = 16


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


_Row = TypeVar("_Row", bound=_Identified)


class Cursors:
    """Seals the id of the last row that was shown, so that nobody need know what a cursor is made of."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, last_id: str, *scope: object, key: str = "") -> str:
        """A cursor behind the row `last_id` in the list that `scope` (team, list, filters) names.

        `key` is what the list is sorted by before the id.
        """
        place = uuid.UUID(last_id).bytes + key.encode()
        return base64.urlsafe_b64encode(self._tag(place, scope) + place).decode().rstrip("=")

    def open(self, cursor: str | None, *scope: object) -> str | None:
        """The id inside. Raises InvalidInput for a cursor that was altered or is of another list."""
        place = self.open_place(cursor, *scope)
        return place[0] if place else None

    def open_place(self, cursor: str | None, *scope: object) -> tuple[str, str] | None:
        """The id and the key inside. Raises InvalidInput likewise."""
        if cursor is None:
            return None
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        tag, place = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
        if len(place) < _ID_BYTES or not hmac.compare_digest(tag, self._tag(place, scope)):
            raise InvalidInput("This cursor is not of this list; begin without one, with the same filters.", field="next")
        return str(uuid.UUID(bytes=place[:_ID_BYTES])), place[_ID_BYTES:].decode()

    def cut(self, rows: Sequence[_Row], limit: int, *scope: object) -> tuple[Sequence[_Row], str | None]:
        """The page, and the cursor behind it; `rows` are one more than the page shall have, if there are so many."""
        page = rows[:limit]
        return page, self.seal(page[-1].id, *scope) if len(rows) > limit else None

    def _tag(self, place: bytes, scope: tuple[object, ...]) -> bytes:
        return hmac.digest(self._key, repr(scope).encode() + place, hashlib.sha256)[:_TAG_BYTES]
