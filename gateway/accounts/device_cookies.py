"""Browsers that signed in before, so that strangers who guess do not lock their owners out.

The scheme is OWASP's "device cookie" (https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies):
each good sign-in gives the browser a signed cookie for that e-mail address; attempts that bring it are counted by
themselves. The cookie opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from gateway.db import now

DAYS = 365
"""How long a browser is known after its last sign-in."""
_LONGEST = 200
"""Characters of a cookie; a longer one is not ours, and is not hashed."""
_DAY = 86_400_000_000


class DeviceCookies:
    """`key` signs them. Nothing is kept here."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, email: str) -> str:
        """For the browser that has just signed in with this address."""
        named = f"{secrets.token_urlsafe(16)}.{now() // _DAY}"
        return f"{named}.{self._sign(named, email)}"

    def known(self, cookie: str | None, email: str) -> str | None:
        """The browser's name; None where it did not sign in with this address, or not for a year."""
        if not cookie or len(cookie) > _LONGEST:
            return None
        named, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(named, email).encode()):
            return None
        name, _, day = named.partition(".")
        return name if now() // _DAY - int(day) <= DAYS else None

    def _sign(self, named: str, email: str) -> str:
        made = hmac.digest(self._key, f"{named}\n{email.strip().lower()}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
