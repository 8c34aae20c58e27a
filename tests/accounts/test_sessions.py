from __future__ import annotations

import secrets

import pytest
from sqlalchemy import delete, func, select, update

from gateway import accounts
from gateway.accounts import Principal, authentication, sessions
from gateway.accounts.keys import insert_key
from gateway.accounts.sessions import Sessions
from gateway.accounts.tables import members, teams, users
from gateway.accounts.tables import sessions as table
from gateway.db import Database, across_teams, now
from gateway.errors import Forbidden, NotAuthenticated, NotFound
from tests.accounts.conftest import People

DAY = 86_400_000_000


@pytest.fixture
def desk(database: Database) -> Sessions:
    return Sessions(database, secrets.token_bytes(32), lambda: 14)


async def begin(database: Database, desk: Sessions, user_id: str) -> str:
    async with database.write() as connection:
        _, cookie = await desk.begin(connection, user_id)
    return cookie


async def test_a_session_carries_what_the_role_allows(database: Database, desk: Sessions, people: People) -> None:
    team = await people.team("red")
    for role in ("viewer", "member", "owner"):
        user = await people.user(role, team, role=role)
        who = await desk.authenticate(await begin(database, desk, user))
        assert (who.team_id, who.user_id, who.key_id, who.role, who.is_admin) == (team, user, None, role, False)
        assert who.session_id
        who.require("gallery.read")
        assert who.is_owner == (role == "owner")
        assert who.has("gallery.write") == (role != "viewer")
        with pytest.raises(Forbidden, match="Your role in this team lacks the permission admin"):
            who.require("admin")


async def test_an_administrators_session_opens_all(database: Database, desk: Sessions, admin: Principal) -> None:
    who = await desk.authenticate(await begin(database, desk, admin.user_id))
    assert who.is_admin
    assert who.permissions == set(accounts.PERMISSIONS)


async def test_the_database_alone_opens_nothing(database: Database, desk: Sessions, admin: Principal) -> None:
    cookie = await begin(database, desk, admin.user_id)
    async with database.read() as connection:
        row = (await connection.execute(across_teams(select(table)))).one()
    token, _, signature = cookie.partition(".")
    assert token not in " ".join(map(str, row))
    another = Sessions(database, b"another master key", lambda: 14)
    for made_up in (cookie[:-1] + "x", token, f"{token}.", f".{signature}", "", "x" * 10_000, f"ü{cookie}", f"{row.digest}.x"):
        with pytest.raises(NotAuthenticated, match="not known here"):
            await desk.authenticate(made_up)
    with pytest.raises(NotAuthenticated, match="not known here"):
        await another.authenticate(cookie)


async def test_what_one_kind_remembers_opens_nothing_of_the_other(
    database: Database, desk: Sessions, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await begin(database, desk, admin.user_id)
    await desk.authenticate(cookie)
    # Its bits without the signature, as one has them who reads a cookie jar's half: they are no key, remembered or not.
    with pytest.raises(NotAuthenticated, match="key is not known"):
        await accounts.authenticate(database, cookie.partition(".")[0])
    key = "dk_" + secrets.token_urlsafe(32)
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _: key)
    async with database.write() as connection:
        await insert_key(connection, admin.team_id, admin.user_id, "twin", ["gallery.read"], key)
    assert (await accounts.authenticate(database, key)).permissions == {"gallery.read"}
    # A session of the same bits is looked up as a session, though the key is remembered.
    who = await desk.authenticate(await begin(database, desk, admin.user_id))
    assert (who.key_id, who.is_admin) == (None, True)
    assert who.session_id


async def test_the_second_time_asks_no_database(
    database: Database, desk: Sessions, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await begin(database, desk, admin.user_id)
    first = await desk.authenticate(cookie)
    monkeypatch.setattr(sessions, "_look_up", None)
    assert await desk.authenticate(cookie) == first


async def test_signing_out_ends_it_though_it_was_remembered(database: Database, desk: Sessions, admin: Principal) -> None:
    cookie, other = [await begin(database, desk, admin.user_id) for _ in range(2)]
    who = await desk.authenticate(cookie)
    await desk.end(who)
    with pytest.raises(NotAuthenticated, match="has ended"):
        await desk.authenticate(cookie)
    await desk.authenticate(other)
    with pytest.raises(NotFound):
        await desk.end(who)
    with pytest.raises(NotFound, match="by a key"):
        await desk.end(admin)


async def test_it_runs_out_though_it_is_remembered_and_is_cleared_away(
    database: Database, desk: Sessions, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = await begin(database, desk, admin.user_id)
    await desk.authenticate(cookie)
    monkeypatch.setattr(sessions, "now", lambda: now() + 15 * DAY)
    with pytest.raises(NotAuthenticated, match="has run out"):
        await desk.authenticate(cookie)
    await begin(database, desk, admin.user_id)
    async with database.read() as connection:
        assert (await connection.execute(across_teams(select(func.count()).select_from(table)))).scalar_one() == 1


async def test_one_changes_to_a_team_of_ones_own(database: Database, desk: Sessions, people: People) -> None:
    red, blue, other = [await people.team(name) for name in ("red", "blue", "other")]
    cookie = await begin(database, desk, await people.user("ada", red, blue))
    who = await desk.authenticate(cookie)
    assert who.team_id == red
    found, open_to = await desk.of(who)
    assert (found.team_id, [(team.name, team.role) for team in open_to]) == (red, [("red", "member"), ("blue", "member")])
    await desk.change_team(who, blue)
    assert (await desk.authenticate(cookie)).team_id == blue
    for not_mine in (other, "nothing"):
        with pytest.raises(NotFound):
            await desk.change_team(who, not_mine)


async def test_an_administrator_may_work_in_any_team(
    database: Database, desk: Sessions, people: People, admin: Principal
) -> None:
    other = await people.team("other")
    cookie = await begin(database, desk, admin.user_id)
    await desk.change_team(await desk.authenticate(cookie), other)
    who = await desk.authenticate(cookie)
    assert (who.team_id, who.role, who.is_admin) == (other, None, True)


async def leave(database: Database, user_id: str, team_id: str) -> None:
    async with database.write() as connection:
        mine = (members.c.user_id == user_id) & (members.c.team_id == team_id)
        await connection.execute(across_teams(delete(members)).where(mine))
    authentication.forget(database)


async def test_who_leaves_a_team_goes_on_in_another_one(database: Database, desk: Sessions, people: People) -> None:
    red, blue = await people.team("red"), await people.team("blue")
    user = await people.user("ada", red, blue)
    cookie = await begin(database, desk, user)
    await leave(database, user, red)
    assert (await desk.authenticate(cookie)).team_id == blue
    async with database.write() as connection:
        await connection.execute(update(teams).where(teams.c.id == blue).values(closed_at=now()))
    authentication.forget(database)
    with pytest.raises(NotAuthenticated, match="in no team any more"):
        await desk.authenticate(cookie)
    with pytest.raises(NotAuthenticated, match="in no team"):
        await begin(database, desk, user)


async def test_a_closed_users_session_opens_nothing(database: Database, desk: Sessions, people: People) -> None:
    user = await people.user("ada", await people.team("red"))
    cookie = await begin(database, desk, user)
    async with database.write() as connection:
        await connection.execute(update(users).where(users.c.id == user).values(closed_at=now()))
    with pytest.raises(NotAuthenticated, match="has ended"):
        await desk.authenticate(cookie)


async def test_the_csrf_token_belongs_to_one_session(database: Database, desk: Sessions, admin: Principal) -> None:
    one, two = [(await desk.authenticate(await begin(database, desk, admin.user_id))).session_id or "" for _ in range(2)]
    assert desk.csrf_token(one) == desk.csrf_token(one) != desk.csrf_token(two)
