from __future__ import annotations

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from gateway.accounts import passwords
from gateway.errors import InvalidInput

GOOD = "correct horse battery"


async def test_a_password_is_known_again_and_not_kept() -> None:
    kept = await passwords.hash_password(GOOD)
    assert kept.startswith("$argon2id$")
    assert GOOD not in kept
    assert await passwords.hash_password(GOOD) != kept, "each has a salt of its own"
    assert await passwords.is_right(GOOD, kept)
    assert not await passwords.is_right(GOOD.upper(), kept)
    assert not passwords.is_dated(kept)


async def test_the_same_letters_from_another_keyboard() -> None:
    kept = await passwords.hash_password("Ångström-in-ﬁne")
    assert await passwords.is_right("A\u030angstro\u0308m-in-fine", kept)


@pytest.mark.parametrize("kept", [None, "", "no hash", "$argon2id$v=19$m=1,t=1,p=1$x$x"])
async def test_nothing_fits_none_and_what_is_damaged(kept: str | None) -> None:
    assert not await passwords.is_right(GOOD, kept)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "12 to 1024"),
        ("eleven-long", "12 to 1024"),
        ("x" * 1025, "12 to 1024"),
        ("aaaaaaaaaaaaab", "4 different"),
        ("Ada@Example.org", "your own name"),
    ],
)
async def test_what_is_no_password(password: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        await passwords.hash_password(password, field="password", names=(None, "ada@example.org"))
    assert caught.value.field == "password"


async def test_longer_than_any_is_wrong_without_hashing() -> None:
    began = time.perf_counter()
    assert not await passwords.is_right("x" * 10_000_000, await passwords.hash_password(GOOD))
    assert time.perf_counter() - began < 5


async def test_half_a_character_is_only_another_character() -> None:
    half = "\ud83d" + GOOD
    assert await passwords.is_right(half, await passwords.hash_password(half))


async def test_costs_of_another_day_are_seen() -> None:
    kept = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    assert passwords.is_dated(kept)
    assert await passwords.is_right(GOOD, kept)


async def test_the_loop_goes_on_meanwhile() -> None:
    work = asyncio.create_task(passwords.hash_password(GOOD))
    turns = 0
    while not work.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 5
