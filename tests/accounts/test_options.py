"""What a key chose is its own, and goes on with it."""

from __future__ import annotations

import msgspec

from gateway import accounts
from gateway.accounts import Principal, options
from gateway.db import Database


async def test_a_key_chooses_for_itself(database: Database, admin: Principal) -> None:
    first, second = [
        await accounts.authenticate(database, (await accounts.create_key(database, admin, name, ["gallery.read"]))[1])
        for name in ("first", "second")
    ]
    assert await options.get(database, first, "a1111") == {}
    await options.change(database, first, "a1111", {"sd_model_checkpoint": "shapes", "n": [1, "é"]})
    await options.change(database, first, "a1111", {"n": None, "samples_format": "jpg"})
    assert await options.get(database, first, "a1111") == {"sd_model_checkpoint": "shapes", "samples_format": "jpg"}
    assert await options.get(database, first, "openai") == {}
    assert await options.get(database, second, "a1111") == {}
    elsewhere = msgspec.structs.replace(first, team_id=second.team_id[:-1] + "x")
    assert await options.get(database, elsewhere, "a1111") == {}
    session = msgspec.structs.replace(first, key_id=None)
    assert options.owner(session) == first.user_id
    assert await options.get(database, session, "a1111") == {}


async def test_a_rotated_key_goes_on_with_them(database: Database, admin: Principal) -> None:
    key, text = await accounts.create_key(database, admin, "first", ["gallery.read"])
    before = await accounts.authenticate(database, text)
    await options.change(database, before, "a1111", {"samples_format": "jpg"})
    _, text = await accounts.rotate_key(database, admin, key.id, overlap_seconds=60)
    after = await accounts.authenticate(database, text)
    assert await options.get(database, after, "a1111") == {"samples_format": "jpg"}
    await options.change(database, after, "a1111", {"samples_format": "png"})
    assert await options.get(database, before, "a1111") == {"samples_format": "jpg"}
