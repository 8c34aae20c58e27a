"""Passwords: argon2id, made and checked away from the event loop, two at a time."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.errors import InvalidInput

SHORTEST = 12
"""Characters. NIST SP 800-63B asks for 8 beside a second factor and 15 alone; sign-in here is braked, too."""
LONGEST = 1024
FEWEST_DIFFERENT = 4
"""Characters; what has fewer is `aaaaaaaaaaaa` or the like."""
AT_ONCE = 2
"""Each takes 46 MiB and a core; a crowd waits its turn."""

# OWASP's first choice for argon2id: 46 MiB, one pass, one lane; some tens of milliseconds of one core.
_HASHER = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
_T = TypeVar("_T")


async def hash_password(password: str, *, field: str = "password", names: tuple[str | None, ...] = ()) -> str:
    """What is kept of a password. Raises InvalidInput for `field`: too short, too long, or as easy as one of `names`."""
    plain = _checked(password, field, names)
    return await _away(_HASHER.hash, plain)


async def is_right(password: str, kept: str | None) -> bool:
    """Whether `password` is the one of which `kept` was kept.

    It takes as long for one who has no password (None), so that nobody learns from the clock who is known here.
    """
    if len(password) > LONGEST:
        return False
    plain = _normal(password)
    if kept is None:
        return await _away(_fits_nobody, plain)
    return await _away(_fits, plain, kept)


async def hash_again(password: str) -> str:
    """What is kept of a password that was taken before, whatever is asked of new ones by now."""
    return await _away(_HASHER.hash, _normal(password))


def is_dated(kept: str) -> bool:
    """Whether it was made with other costs than now, and should be made anew while the password is at hand."""
    return _HASHER.check_needs_rehash(kept)


def _checked(password: str, field: str, names: tuple[str | None, ...]) -> bytes:
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"A password has {SHORTEST} to {LONGEST} characters.", field=field)
    if len(set(password)) < FEWEST_DIFFERENT:
        raise InvalidInput(f"Take at least {FEWEST_DIFFERENT} different characters.", field=field)
    if password.casefold() in {name.casefold() for name in names if name}:
        raise InvalidInput("This is your own name or e-mail, which everyone knows; take another password.", field=field)
    return _normal(password)


def _normal(password: str) -> bytes:
    # The same letters come as other code points from other keyboards.
    return unicodedata.normalize("NFKC", password).encode(errors="surrogatepass")


def _fits(plain: bytes, kept: str) -> bool:
    try:
        return _HASHER.verify(kept, plain)
    except (VerificationError, InvalidHashError):
        return False


def _fits_nobody(plain: bytes) -> bool:
    _fits(plain, _nobodys())
    return False


@cache
def _nobodys() -> str:
    return _HASHER.hash(b"nobody's")


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")


async def _away(work: Callable[..., _T], *arguments: object) -> _T:
    return await asyncio.get_running_loop().run_in_executor(_threads(), work, *arguments)
