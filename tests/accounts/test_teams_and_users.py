"""Teams and users: made, listed, changed and closed by administrators, and never deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway import accounts
from gateway.accounts import Principal, passwords
from gateway.accounts.sessions import Sessions
from gateway.accounts.tables import users
from gateway.db import Database
from gateway.errors import AlreadyExists, Forbidden, InvalidInput, NotAuthenticated, NotFound, WrongState

pytestmark = pytest.mark.usefixtures("cheap")
PASSWORD = "correct horse battery staple"


async def kept_password(database: Database, user_id: str) -> str | None:
    async with database.read() as connection:
        row = (await connection.execute(users.select().where(users.c.id == user_id))).one()
    return row.password  # type: ignore[no-any-return]


async def test_a_team_is_made_found_and_renamed(database: Database, admin: Principal) -> None:
    team = await accounts.create_team(database, admin, " Studio ")
    assert (team.name, team.members, team.closed_at) == ("Studio", 0, None)
    assert await accounts.get_team(database, admin, team.id) == team
    assert await accounts.list_teams(database, admin, name="Studio") == [team]
    assert (await accounts.change_team(database, admin, team.id, name="ห้องภาพ")).name == "ห้องภาพ"
    assert [each.name for each in await accounts.list_teams(database, admin)] == ["ห้องภาพ", "default"]


async def test_teams_are_listed_newest_first_by_pages(database: Database, admin: Principal) -> None:
    made = [(await accounts.create_team(database, admin, f"team {number}")).name for number in range(3)]
    first = await accounts.list_teams(database, admin, limit=2)
    rest = await accounts.list_teams(database, admin, limit=9, before=first[-1].id)
    assert [team.name for team in first + rest] == [*reversed(made), "default"]
    assert rest[-1].members == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "two\nlines", "nul\0"])
async def test_a_name_that_spoils_a_line_is_refused(database: Database, admin: Principal, name: str) -> None:
    with pytest.raises(InvalidInput, match="team's name") as caught:
        await accounts.create_team(database, admin, name)
    assert caught.value.field == "name"


async def test_a_teams_name_is_used_once(database: Database, admin: Principal) -> None:
    team = await accounts.create_team(database, admin, "studio")
    with pytest.raises(AlreadyExists, match='"studio"') as caught:
        await accounts.create_team(database, admin, "studio")
    assert caught.value.field == "name"
    with pytest.raises(AlreadyExists):
        await accounts.change_team(database, admin, team.id, name="default")
    assert len(await accounts.list_acts(database, admin, action="team.create")) == 1


async def test_a_closed_teams_keys_open_nothing_until_it_is_opened(database: Database, admin: Principal, people: Any) -> None:
    team = await people.team("studio")
    user = await people.user("ann", team)
    _, text = await accounts.create_key(database, admin, "x", ["gallery.read"], team_id=team, user_id=user)
    before = await accounts.authenticate(database, text)
    closed = await accounts.change_team(database, admin, team, closed=True)
    assert closed.closed_at is not None
    assert await accounts.change_team(database, admin, team, closed=True) == closed
    with pytest.raises(NotAuthenticated, match="team is closed"):
        await accounts.authenticate(database, text)
    with pytest.raises(InvalidInput, match="is closed") as caught:
        await accounts.create_key(database, admin, "y", ["gallery.read"], team_id=team, user_id=user)
    assert caught.value.field == "team_id"
    await accounts.change_team(database, admin, team, closed=False)
    assert await accounts.authenticate(database, text) == before


async def test_a_user_is_made_with_a_password_that_nobody_can_read(database: Database, admin: Principal) -> None:
    user = await accounts.create_user(database, admin, name="Ann", email=" Ann@Example.ORG ", password=PASSWORD)
    assert (user.name, user.email, user.is_admin, user.has_password) == ("Ann", "ann@example.org", False, True)
    assert await accounts.list_users(database, admin, email="ANN@example.org") == [user]
    kept = await kept_password(database, user.id)
    assert kept is not None
    assert PASSWORD not in kept
    assert await passwords.is_right(PASSWORD, kept)
    (act,) = await accounts.list_acts(database, admin)
    assert act.details == {"name": "Ann", "email": "ann@example.org", "is_admin": False, "password": "set"}


async def test_a_user_can_do_without_an_address(database: Database, admin: Principal) -> None:
    one, two = [await accounts.create_user(database, admin, name="robot") for _ in range(2)]
    assert (one.email, one.has_password) == (None, False)
    assert [user.id for user in await accounts.list_users(database, admin, limit=2)] == [two.id, one.id]
    assert await accounts.get_user(database, admin, one.id) == one


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"name": " "}, "name", "user's name"),
        ({"email": "ann"}, "email", "ann@example.org"),
        ({"email": "a b@example.org"}, "email", "no e-mail"),
        ({"email": "a@b@c"}, "email", "no e-mail"),
        ({"email": "a@" + "b" * 260}, "email", "no e-mail"),
        ({"email": "a\0@b"}, "email", "no e-mail"),
        ({"password": "short"}, "password", "12"),
        ({"password": "ann@example.org"}, "password", "everyone knows"),
    ],
)
async def test_a_wrong_user_is_refused_by_its_field(
    database: Database, admin: Principal, change: dict[str, Any], field: str, says: str
) -> None:
    for ask in (accounts.create_user(database, admin, **{"name": "Ann", "email": "ann@example.org", **change}),):
        with pytest.raises(InvalidInput, match=says) as caught:
            await ask
        assert caught.value.field == field
    user = await accounts.create_user(database, admin, name="Ann", email="ann@example.org")
    with pytest.raises(InvalidInput, match=says):
        await accounts.change_user(database, admin, user.id, **change)
    assert await accounts.get_user(database, admin, user.id) == user


async def test_an_address_is_one_users(database: Database, admin: Principal) -> None:
    await accounts.create_user(database, admin, name="Ann", email="ann@example.org")
    other = await accounts.create_user(database, admin, name="Bob", email="bob@example.org")
    with pytest.raises(AlreadyExists) as caught:
        await accounts.create_user(database, admin, name="Anna", email="ANN@example.org")
    assert caught.value.field == "email"
    with pytest.raises(AlreadyExists):
        await accounts.change_user(database, admin, other.id, email="ann@example.org")


async def test_what_is_not_said_of_a_user_stays(database: Database, admin: Principal) -> None:
    user = await accounts.create_user(database, admin, name="Ann", email="ann@example.org", password=PASSWORD)
    changed = await accounts.change_user(database, admin, user.id, name="Anne", is_admin=True)
    assert (changed.name, changed.email, changed.is_admin, changed.has_password) == ("Anne", "ann@example.org", True, True)
    assert await accounts.change_user(database, admin, user.id) == changed
    bare = await accounts.change_user(database, admin, user.id, email=None, password=None, is_admin=False)
    assert (bare.email, bare.has_password, bare.is_admin) == (None, False, False)
    await accounts.change_user(database, admin, user.id, password=PASSWORD + "!")
    assert await passwords.is_right(PASSWORD + "!", await kept_password(database, user.id))
    assert PASSWORD not in str([act.details for act in await accounts.list_acts(database, admin)])


async def test_a_closed_users_keys_open_nothing_until_they_are_opened(
    database: Database, admin: Principal, people: Any
) -> None:
    team = await people.team("studio")
    user = await people.user("ann", team)
    _, text = await accounts.create_key(database, admin, "x", ["gallery.read"], team_id=team, user_id=user)
    before = await accounts.authenticate(database, text)
    assert (await accounts.change_user(database, admin, user, closed=True)).closed_at is not None
    with pytest.raises(NotAuthenticated, match="user is closed"):
        await accounts.authenticate(database, text)
    with pytest.raises(InvalidInput, match="is closed"):
        await accounts.create_key(database, admin, "y", ["gallery.read"], team_id=team, user_id=user)
    await accounts.change_user(database, admin, user, closed=False)
    assert await accounts.authenticate(database, text) == before


@pytest.mark.parametrize("change", [{"password": PASSWORD}, {"password": None}, {"closed": True}])
async def test_a_new_password_and_closing_end_the_sessions(
    database: Database, admin: Principal, people: Any, change: dict[str, Any]
) -> None:
    sessions = Sessions(database, b"k" * 32, lambda: 14)
    ann = await people.user("ann", await people.team("studio"))
    async with database.write() as connection:
        _, cookie = await sessions.begin(connection, ann)
    assert (await sessions.authenticate(cookie)).user_id == ann
    await accounts.change_user(database, admin, ann, name="Anne")
    assert (await sessions.authenticate(cookie)).user_id == ann
    await accounts.change_user(database, admin, ann, **change)
    with pytest.raises(NotAuthenticated, match="sign in"):
        await sessions.authenticate(cookie)


AWAY: list[Callable[[Database, Principal], Awaitable[object]]] = [
    lambda database, admin: accounts.change_user(database, admin, admin.user_id, closed=True),
    lambda database, admin: accounts.change_user(database, admin, admin.user_id, is_admin=False),
    lambda database, admin: accounts.change_team(database, admin, admin.team_id, closed=True),
    lambda database, admin: accounts.remove_member(database, admin, admin.team_id, admin.user_id),
]


@pytest.mark.parametrize("take_away", AWAY)
async def test_the_last_administrator_cannot_be_taken_away(
    database: Database, admin: Principal, people: Any, take_away: Callable[[Database, Principal], Awaitable[object]]
) -> None:
    with pytest.raises(WrongState, match="no administrator"):
        await take_away(database, admin)
    assert await accounts.list_acts(database, admin) == []
    await accounts.bootstrap(database)  # a start still finds them
    await people.user("second", await people.team("operators"), is_admin=True)
    await take_away(database, admin)
    await accounts.bootstrap(database)


async def test_of_two_administrators_who_close_each_other_one_stays(database: Database, admin: Principal, people: Any) -> None:
    second = await people.user("second", await people.team("operators"), is_admin=True)
    ask = [accounts.change_user(database, admin, each, closed=True) for each in (admin.user_id, second)]
    told = await asyncio.gather(*ask, return_exceptions=True)
    assert [isinstance(each, WrongState) for each in told].count(True) == 1
    await accounts.bootstrap(database)


async def test_the_commands_key_goes_with_the_administrator_who_is_there(
    database: Database, admin: Principal, people: Any
) -> None:
    await accounts.command_key(database)
    second = await people.user("second", await people.team("operators"), is_admin=True)
    await accounts.change_user(database, admin, admin.user_id, closed=True)
    principal = await accounts.authenticate(database, await accounts.command_key(database))
    assert (principal.user_id, principal.is_admin) == (second, True)


async def test_only_administrators(database: Database, admin: Principal, people: Any) -> None:
    team = await people.team("studio")
    user = await people.user("ann", team, role="owner")
    _, text = await accounts.create_key(database, admin, "x", ["gallery.read", "gallery.write"], team_id=team, user_id=user)
    owner = await accounts.authenticate(database, text)
    for ask in (
        accounts.create_team(database, owner, "more"),
        accounts.list_teams(database, owner),
        accounts.change_team(database, owner, team, name="mine"),
        accounts.create_user(database, owner, name="Bob"),
        accounts.list_users(database, owner),
        accounts.get_user(database, owner, user),
        accounts.change_user(database, owner, user, is_admin=True),
        accounts.list_acts(database, owner),
    ):
        with pytest.raises(Forbidden, match="admin"):
            await ask
    assert (await accounts.get_team(database, owner, team)).name == "studio"
    with pytest.raises(NotFound):
        await accounts.get_team(database, owner, admin.team_id)


async def test_what_is_not_there(database: Database, admin: Principal) -> None:
    for ask in (
        accounts.get_team(database, admin, "nowhere"),
        accounts.change_team(database, admin, "nowhere", name="x"),
        accounts.get_user(database, admin, "nobody"),
        accounts.change_user(database, admin, "nobody", name="x"),
    ):
        with pytest.raises(NotFound, match="no"):
            await ask
