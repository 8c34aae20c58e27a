"""A share as a value, and its token.

The token is an HMAC over the share's id under a key of this gateway's: who has the database alone can open nothing, and
who has the token finds the share by its digest.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import string
from typing import Any

from msgspec import Struct
from sqlalchemy import Row

TOKEN_LENGTH = 40
"""Characters of base62: 238 bits."""
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_TOKEN = re.compile(rf"[0-9A-Za-z]{{{TOKEN_LENGTH}}}")


class Share(Struct, frozen=True, kw_only=True):
    """One link; times are microseconds since the epoch."""

    id: str
    team_id: str
    user_id: str
    image_id: str
    digest: str
    copy_blob: str | None
    source_type: str | None
    show_prompt: bool
    password: str | None
    created_at: int
    expires_at: int | None
    ended_at: int | None
    is_revoked: bool
    views: int

    @property
    def name(self) -> str:
        """What addresses of its picture call it: another with each password, so that a new one closes those before it."""
        return self.id if self.password is None else f"{self.id}.{hashlib.sha256(self.password.encode()).hexdigest()[:16]}"

    def is_over(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def from_row(row: Row[Any]) -> Share:
    return Share(**row._mapping)


def token_of(key: bytes, share_id: str) -> str:
    """The share's token: `TOKEN_LENGTH` characters of base62."""
    # 512 bits, so that what is left over by the division is as good as evenly spread.
    number = int.from_bytes(hmac.digest(key, share_id.encode(), hashlib.sha512), "big")
    digits = []
    for _ in range(TOKEN_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)


def digest_of(token: str) -> str | None:
    """What the database knows a token by; None for what cannot be one."""
    return hashlib.sha256(token.encode()).hexdigest() if _TOKEN.fullmatch(token) else None
