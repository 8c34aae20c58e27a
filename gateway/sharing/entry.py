"""Links with a password: who knows it is given a short-lived cookie, and who guesses is slowed down."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac

from gateway.accounts import brake, passwords
from gateway.accounts.brake import Brake
from gateway.db import now
from gateway.errors import Forbidden, InvalidInput, TooManyRequests
from gateway.sharing.share import Share

SHORTEST, LONGEST = 6, passwords.LONGEST
"""Characters. The brake lets through 2,400 guesses a day for one link, from everywhere together."""
SECONDS = 3600
"""How long the cookie opens; the pictures' addresses that it leads to live as long."""
CROWD = 20
"""Attempts that wait for their turn."""
_LONGEST_COOKIE = 100
_MICROSECONDS = 1_000_000


class WrongPassword(Forbidden):
    code = "wrong_password"


async def kept(password: str) -> str:
    """What the database keeps of a link's password. Raises InvalidInput."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"A link's password has {SHORTEST} to {LONGEST} characters.", field="password")
    return await passwords.hash_again(password)


class Entry:
    """`key` signs cookies."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._brake = Brake()
        # One at a time: sign-in hashes passwords on the same threads, and goes before.
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def by_password(self, share: Share, password: str, address: str) -> str:
        """The cookie's value; `address` is where the attempt comes from. Raises WrongPassword, TooManyRequests."""
        counts = brake.stranger(share.id, address)
        self._brake.check(counts)
        if self._waiting >= CROWD:
            raise TooManyRequests("Too many open links at this moment; try again.", retry_after=5)
        self._waiting += 1
        try:
            async with self._turn:
                self._brake.check(counts)
                if not await passwords.is_right(password, share.password):
                    self._brake.failed(counts)
                    raise WrongPassword("This is not the link's password.")
                self._brake.succeeded(counts)
        finally:
            self._waiting -= 1
        ends = str(now() // _MICROSECONDS + SECONDS)
        return f"{ends}.{self._signature(share, ends)}"

    def is_open(self, share: Share, cookie: str | None) -> bool:
        """Whether the link needs no password, or the cookie shows that it was given not long ago."""
        if share.password is None:
            return True
        if cookie is None or len(cookie) > _LONGEST_COOKIE:
            return False
        ends, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(share, ends).encode()):
            return False
        return int(ends) > now() // _MICROSECONDS

    def _signature(self, share: Share, ends: str) -> str:
        # Of the password too, so that a new one closes what the old one opened.
        message = f"{share.id}\n{share.password}\n{ends}".encode(errors="surrogatepass")
        return base64.urlsafe_b64encode(hmac.digest(self._key, message, hashlib.sha256)).rstrip(b"=").decode()
