"""The audit log: what was done is in it, what was rolled back is not, and it outlives what it speaks of."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from gateway import accounts
from gateway.accounts import Principal
from gateway.db import Database
from gateway.errors import Forbidden


async def note(database: Database, principal: Principal, action: str, target: str, **details: object) -> None:
    async with database.write() as connection:
        await accounts.record(connection, principal, action, target, details)


async def test_what_was_done_is_told_newest_first(database: Database, admin: Principal) -> None:
    await note(database, admin, "team.create", "t1", name="ห้องภาพ")
    await note(database, admin, "credits.grant", "t1", amount=Decimal("1.5000"))
    newest, eldest = await accounts.list_acts(database, admin)
    assert (eldest.action, eldest.target, eldest.details) == ("team.create", "t1", {"name": "ห้องภาพ"})
    assert newest.details == {"amount": "1.5000"}
    assert (newest.user_id, newest.user_name, newest.key_id) == (admin.user_id, "admin", admin.key_id)
    assert await accounts.list_acts(database, admin, limit=1, before=newest.id) == [eldest]


async def test_the_log_can_be_narrowed(database: Database, admin: Principal) -> None:
    other = msgspec.structs.replace(admin, user_id="gone", key_id=None)
    await note(database, admin, "team.create", "t1")
    await note(database, other, "team.update", "t1")
    await note(database, other, "team.update", "t2")
    assert [act.target for act in await accounts.list_acts(database, admin, action="team.update")] == ["t2", "t1"]
    assert [act.action for act in await accounts.list_acts(database, admin, target="t1")] == ["team.update", "team.create"]
    (act, _) = await accounts.list_acts(database, admin, user_id="gone")
    assert (act.user_name, act.key_id, act.details) == ("", None, {})


async def test_what_was_rolled_back_was_not_done(database: Database, admin: Principal) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await accounts.record(connection, admin, "team.create", "t1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await accounts.list_acts(database, admin) == []


async def test_only_administrators_read_it(database: Database, admin: Principal) -> None:
    _, text = await accounts.create_key(database, admin, "x", ["gallery.read"])
    with pytest.raises(Forbidden, match="admin"):
        await accounts.list_acts(database, await accounts.authenticate(database, text))
