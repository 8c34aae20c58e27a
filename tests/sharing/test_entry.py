"""Passwords of links: cookies that open one link for an hour, and a brake."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.db import now
from gateway.errors import InvalidInput, TooManyRequests
from gateway.sharing import entry
from gateway.sharing.entry import SECONDS, Entry, WrongPassword, kept
from gateway.sharing.share import Share

HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
async def share() -> Share:
    return Share(
        id="s", team_id="t", user_id="u", image_id="i", digest="d", copy_blob=None, source_type=None, show_prompt=False,
        password=await kept("a good password"), created_at=0, expires_at=None, ended_at=None, is_revoked=False, views=0,
    )  # fmt: skip


async def test_the_right_password_opens_this_link_for_an_hour(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    door = Entry(b"k" * 32)
    cookie = await door.by_password(share, "a good password", HERE)
    assert door.is_open(share, cookie)
    assert not Entry(b"x" * 32).is_open(share, cookie)
    assert not door.is_open(msgspec.structs.replace(share, id="another"), cookie)
    assert not door.is_open(msgspec.structs.replace(share, password=await kept("another one")), cookie)
    assert door.is_open(msgspec.structs.replace(share, password=None), None)
    later = now() + SECONDS * 1_000_000
    monkeypatch.setattr(entry, "now", lambda: later)
    assert not door.is_open(share, cookie)


@pytest.mark.parametrize("cookie", [None, "", ".", "9999999999.", "x.y", "9" * 200, "99999999999.\u00e4", "\ud800"])
async def test_made_up_cookies_open_nothing(share: Share, cookie: str | None) -> None:
    assert not Entry(b"k" * 32).is_open(share, cookie)


async def test_guesses_are_counted_by_address_and_link(share: Share) -> None:
    door = Entry(b"k" * 32)
    for guess in range(10):
        with pytest.raises(WrongPassword):
            await door.by_password(share, str(guess), HERE)
    with pytest.raises(TooManyRequests):
        await door.by_password(share, "a good password", HERE)
    assert await door.by_password(share, "a good password", THERE)
    assert await door.by_password(msgspec.structs.replace(share, id="another"), "a good password", HERE)


async def test_a_crowd_is_sent_away(share: Share) -> None:
    door = Entry(b"k" * 32)
    tried = await asyncio.gather(
        *(door.by_password(share, "a good password", f"203.0.113.{n}") for n in range(entry.CROWD + 10)), return_exceptions=True
    )
    assert sum(isinstance(each, TooManyRequests) for each in tried) == 10


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
async def test_passwords_that_are_not_taken(password: str) -> None:
    with pytest.raises(InvalidInput, match="6 to 1024 characters"):
        await kept(password)
