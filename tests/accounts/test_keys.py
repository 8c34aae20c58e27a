from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from gateway import accounts
from gateway.accounts import Principal, authentication
from gateway.accounts.tables import keys, members, users
from gateway.db import Database, across_teams, now
from gateway.errors import Forbidden, InvalidInput, NotAuthenticated, NotFound
from tests.databases import fill, make_room

HOUR = 3_600_000_000


@pytest.mark.parametrize("token", [None, "", "dk_" + "x" * 43, "x" * 201, "dk_ö", "x" * 1_000_000])
async def test_no_key_and_an_unknown_one_are_refused(database: Database, token: str | None) -> None:
    with pytest.raises(NotAuthenticated, match="not known" if token else "Authorization: Bearer") as caught:
        await accounts.authenticate(database, token)
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}


async def test_a_key_carries_what_it_was_given(database: Database, admin: Principal) -> None:
    key, text = await accounts.create_key(database, admin, " reader ", ["gallery.read"], bulk=True)
    assert (key.name, key.permissions, key.bulk, key.origin) == ("reader", ("gallery.read",), True, "made")
    assert text.startswith(key.prefix)
    principal = await accounts.authenticate(database, text)
    assert (principal.team_id, principal.user_id, principal.key_id, principal.bulk) == (
        admin.team_id,
        admin.user_id,
        key.id,
        True,
    )
    principal.require("gallery.read")
    assert not principal.is_admin
    for permission in ("gallery.write", "features.image_generation", "admin"):
        with pytest.raises(Forbidden, match=permission):
            principal.require(permission)


async def test_admin_implies_all(database: Database, admin: Principal) -> None:
    _, text = await accounts.create_key(database, admin, "box", ["admin"])
    principal = await accounts.authenticate(database, text)
    for permission in accounts.PERMISSIONS:
        principal.require(permission)


async def test_a_revoked_key_opens_nothing_though_it_was_cached(database: Database, admin: Principal) -> None:
    key, text = await accounts.create_key(database, admin, "short", ["gallery.read"])
    await accounts.authenticate(database, text)
    gone = await accounts.revoke_key(database, admin, key.id)
    with pytest.raises(NotAuthenticated, match=r"revoked on \d{4}-\d\d-\d\d"):
        await accounts.authenticate(database, text)
    again = await accounts.revoke_key(database, admin, key.id)
    assert gone.revoked_at == again.revoked_at is not None


async def test_a_key_that_is_revoked_while_it_is_read_is_not_remembered(
    database: Database, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, text = await accounts.create_key(database, admin, "short", ["gallery.read"])
    look_up = authentication._look_up

    async def slowly(*arguments: Any) -> Any:
        found = await look_up(*arguments)
        await accounts.revoke_key(database, admin, key.id)
        return found

    monkeypatch.setattr(authentication, "_look_up", slowly)
    await accounts.authenticate(database, text)
    monkeypatch.undo()
    with pytest.raises(NotAuthenticated, match="revoked"):
        await accounts.authenticate(database, text)


async def test_a_key_expires_though_it_is_cached(database: Database, admin: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = await accounts.create_key(database, admin, "short", ["gallery.read"], expires_at=now() + HOUR)
    await accounts.authenticate(database, text)
    monkeypatch.setattr(authentication, "now", lambda: now() + HOUR)
    with pytest.raises(NotAuthenticated, match="expired on"):
        await accounts.authenticate(database, text)


async def test_the_second_time_asks_no_database(database: Database, admin: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    _, text = await accounts.create_key(database, admin, "often", ["gallery.read"])
    first = await accounts.authenticate(database, text)

    async def never(*_: Any) -> Any:
        raise AssertionError("asked the database")

    monkeypatch.setattr(authentication, "_look_up", never)
    assert await accounts.authenticate(database, text) == first
    clock = time.monotonic() + authentication.CACHE_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    with pytest.raises(AssertionError, match="asked"):
        await accounts.authenticate(database, text)


async def test_the_cache_is_bounded_and_unknown_keys_take_no_place(
    database: Database, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "CACHE_SIZE", 3)
    for number in range(5):
        _, text = await accounts.create_key(database, admin, str(number), ["gallery.read"])
        await accounts.authenticate(database, text)
        with pytest.raises(NotAuthenticated):
            await accounts.authenticate(database, text + "x")
    assert len(authentication._memory(database).known) == 3


async def test_uses_are_written_later_and_in_one_go(database: Database, admin: Principal) -> None:
    async def last_used() -> list[int | None]:
        async with database.read() as connection:
            return list((await connection.execute(across_teams(select(keys.c.last_used_at)).order_by(keys.c.id))).scalars())

    _, text = await accounts.create_key(database, admin, "used", ["gallery.read"])
    before = now()
    for _ in range(3):
        await accounts.authenticate(database, text)
    assert await last_used() == [None, None]
    assert await accounts.write_uses(database) == 2  # the administrator's own too
    assert all(moment is not None and before - HOUR < moment <= now() for moment in await last_used())
    assert await accounts.write_uses(database) == 0


async def test_uses_are_kept_at_the_end_too(database: Database, admin: Principal) -> None:
    keeping = asyncio.create_task(accounts.keep_uses(database, every=HOUR))
    await asyncio.sleep(0)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    (key,) = await accounts.list_keys(database, admin)
    assert key.last_used_at is not None


async def test_uses_outlive_a_database_that_is_full(database: Database, admin: Principal) -> None:
    await fill(database, "keys")
    keeping = asyncio.create_task(accounts.keep_uses(database, every=0.001))
    await asyncio.sleep(0.05)
    assert not keeping.done()
    await make_room(database, "keys")
    keeping.cancel()
    await asyncio.wait([keeping])
    (key,) = await accounts.list_keys(database, admin)
    assert key.last_used_at is not None


async def test_a_key_can_be_made_for_a_member_of_another_team(database: Database, admin: Principal, people: Any) -> None:
    team = await people.team("studio")
    user = await people.user("ann", team)
    key, text = await accounts.create_key(
        database, admin, "ann's", ["gallery.read", "gallery.write"], team_id=team, user_id=user
    )
    principal = await accounts.authenticate(database, text)
    assert (principal.team_id, principal.user_id) == (team, user)
    assert key.permissions == ("gallery.read", "gallery.write")


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"name": "  "}, "name", "1 to 200"),
        ({"name": "x" * 201}, "name", "1 to 200"),
        ({"permissions": []}, "permissions", "at least one"),
        ({"permissions": ["gallery.reed"]}, "permissions", "did you mean"),
        ({"permissions": ["zzz"]}, "permissions", "gallery.write"),
        ({"expires_at": 5}, "expires_at", "passed"),
        ({"team_id": "nowhere"}, "team_id", "no team"),
        ({"user_id": "nobody"}, "user_id", "no user"),
    ],
)
async def test_a_wrong_key_is_refused_by_its_field(
    database: Database, admin: Principal, change: dict[str, Any], field: str, says: str
) -> None:
    arguments: dict[str, Any] = {"name": "new", "permissions": ["gallery.read"], **change}
    with pytest.raises(InvalidInput, match=says) as caught:
        await accounts.create_key(database, admin, arguments.pop("name"), arguments.pop("permissions"), **arguments)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("role", "permissions", "field"),
    [("viewer", ["gallery.write"], "permissions"), ("owner", ["admin"], "permissions"), (None, ["gallery.read"], "user_id")],
)
async def test_a_key_never_exceeds_its_user(
    database: Database, admin: Principal, people: Any, role: str | None, permissions: list[str], field: str
) -> None:
    team = await people.team("studio")
    user = await people.user("ann", *([team] if role else []), role=role or "member")
    with pytest.raises(InvalidInput) as caught:
        await accounts.create_key(database, admin, "x", permissions, team_id=team, user_id=user)
    assert caught.value.field == field


async def test_a_key_follows_its_users_role(database: Database, admin: Principal, people: Any) -> None:
    team = await people.team("studio")
    user = await people.user("ann", team)
    _, text = await accounts.create_key(database, admin, "ann's", ["gallery.read", "gallery.write"], team_id=team, user_id=user)
    async with database.write() as connection:
        await connection.execute(across_teams(update(members)).where(members.c.user_id == user).values(role="viewer"))
    assert (await accounts.authenticate(database, text)).permissions == {"gallery.read"}
    async with database.write() as connection:
        await connection.execute(across_teams(delete(members)).where(members.c.user_id == user))
    authentication.forget(database)
    with pytest.raises(NotAuthenticated, match="no longer in its team"):
        await accounts.authenticate(database, text)


async def test_an_administrator_who_is_none_any_more_loses_admin(database: Database, admin: Principal) -> None:
    _, text = await accounts.create_key(database, admin, "box", ["admin", "gallery.read"])
    async with database.write() as connection:
        await connection.execute(update(users).values(is_admin=False))
    principal = await accounts.authenticate(database, text)
    assert not principal.is_admin
    assert principal.permissions == {"gallery.read"}


async def test_who_is_no_administrator_makes_none_and_sees_their_own(database: Database, admin: Principal, people: Any) -> None:
    team = await people.team("studio")
    ann, bob = await people.user("ann", team), await people.user("bob", team)
    anns, text = await accounts.create_key(database, admin, "ann's", ["gallery.read"], team_id=team, user_id=ann)
    bobs, _ = await accounts.create_key(database, admin, "bob's", ["gallery.read"], team_id=team, user_id=bob)
    principal = await accounts.authenticate(database, text)
    with pytest.raises(Forbidden, match="admin"):
        await accounts.create_key(database, principal, "more", ["gallery.read"])
    assert [key.id for key in await accounts.list_keys(database, principal)] == [anns.id]
    assert [key.id for key in await accounts.list_keys(database, principal, team_id=admin.team_id)] == []
    with pytest.raises(NotFound):
        await accounts.revoke_key(database, principal, bobs.id)
    await accounts.revoke_key(database, principal, anns.id)
    assert len(await accounts.list_keys(database, admin, team_id=team)) == 2


async def test_keys_are_listed_newest_first_by_pages(database: Database, admin: Principal) -> None:
    made = [(await accounts.create_key(database, admin, str(n), ["gallery.read"]))[0].name for n in range(4)]
    first = await accounts.list_keys(database, admin, limit=3)
    rest = await accounts.list_keys(database, admin, limit=3, before=first[-1].id)
    assert [key.name for key in first + rest] == [*reversed(made), "first start"]


async def test_a_key_that_is_not_there_cannot_be_revoked(database: Database, admin: Principal) -> None:
    with pytest.raises(NotFound, match="no key 12"):
        await accounts.revoke_key(database, admin, "12")


async def test_a_principal_whose_key_is_gone_has_no_profile(database: Database, admin: Principal) -> None:
    async with database.write() as connection:
        await connection.execute(across_teams(delete(keys)))
    with pytest.raises(NotAuthenticated):
        await accounts.profile(database, admin)
