"""Who is in a team: managed by its owners and by administrators, and unseen by everyone else."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import accounts
from gateway.accounts import Principal
from gateway.accounts.permissions import Role
from gateway.db import Database
from gateway.errors import AlreadyExists, Forbidden, InvalidInput, NotAuthenticated, NotFound, WrongState

DAILY = ["features.image_generation", "gallery.read", "gallery.write"]


class Studio:
    """A team with one of each role, and the principals of their keys."""

    def __init__(self, database: Database, admin: Principal, people: Any) -> None:
        self.database, self.admin, self.people = database, admin, people
        self.users: dict[str, str] = {}

    async def open(self) -> Studio:
        self.team = await self.people.team("studio")
        for role in ("viewer", "member", "owner"):
            self.users[role] = await self.people.user(role, self.team, role=role)
        return self

    async def principal(self, role: Role) -> Principal:
        carried = ["gallery.read"] if role == "viewer" else DAILY
        return await accounts.authenticate(self.database, await self.key(role, carried))

    async def key(self, role: Role, carried: list[str]) -> str:
        whose = {"team_id": self.team, "user_id": self.users[role]}
        _, text = await accounts.create_key(self.database, self.admin, role, carried, **whose)
        return text


@pytest.fixture
async def studio(database: Database, admin: Principal, people: Any) -> Studio:
    return await Studio(database, admin, people).open()


async def test_members_see_each_other(database: Database, studio: Studio) -> None:
    viewer = await studio.principal("viewer")
    found = await accounts.list_members(database, viewer, studio.team)
    assert [(member.name, member.role) for member in found] == [("owner", "owner"), ("member", "member"), ("viewer", "viewer")]
    page = await accounts.list_members(database, viewer, studio.team, limit=1, before=found[0].id)
    assert page == [found[1]]
    assert await accounts.get_member(database, viewer, studio.team, found[2].id) == found[2]


async def test_an_owner_manages_the_team(database: Database, studio: Studio) -> None:
    owner = await studio.principal("owner")
    ann = await studio.people.user("ann")
    added = await accounts.add_member(database, owner, studio.team, "viewer", email="ANN@example.org")
    assert (added.id, added.role, added.email) == (ann, "viewer", "ann@example.org")
    assert (await accounts.change_member(database, owner, studio.team, ann, "member")).role == "member"
    await accounts.remove_member(database, owner, studio.team, ann)
    with pytest.raises(NotFound):
        await accounts.get_member(database, owner, studio.team, ann)
    acts = await accounts.list_acts(database, studio.admin, target=ann)
    assert [(act.action, act.user_name) for act in acts] == [
        ("member.remove", "owner"),
        ("member.update", "owner"),
        ("member.add", "owner"),
    ]


async def test_what_is_done_in_one_team_leaves_others_alone(database: Database, studio: Studio) -> None:
    """A user of two teams: their place and keys in the other stay, and an owner there is none here."""
    elsewhere, user, owner = await studio.people.team("elsewhere"), studio.users["member"], await studio.principal("owner")
    await accounts.add_member(database, studio.admin, elsewhere, "owner", user_id=user)
    _, key = await accounts.create_key(database, studio.admin, "there", DAILY, team_id=elsewhere, user_id=user)
    await accounts.change_member(database, owner, studio.team, user, "viewer")
    await accounts.remove_member(database, owner, studio.team, user)
    assert (await accounts.get_member(database, studio.admin, elsewhere, user)).role == "owner"
    assert (await accounts.authenticate(database, key)).team_id == elsewhere
    with pytest.raises(WrongState, match="last owner"):
        await accounts.remove_member(database, owner, studio.team, studio.users["owner"])


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_who_is_no_owner_changes_nothing(database: Database, studio: Studio, role: Role) -> None:
    principal = await studio.principal(role)
    other = studio.users["owner"]
    for ask in (
        accounts.add_member(database, principal, studio.team, "member", user_id=studio.admin.user_id),
        accounts.change_member(database, principal, studio.team, principal.user_id, "owner"),
        accounts.remove_member(database, principal, studio.team, other),
    ):
        with pytest.raises(Forbidden, match="owner"):
            await ask


async def test_an_owners_reading_key_changes_nothing(database: Database, studio: Studio) -> None:
    principal = await accounts.authenticate(database, await studio.key("owner", ["gallery.read"]))
    with pytest.raises(Forbidden, match=r"gallery\.write"):
        await accounts.remove_member(database, principal, studio.team, studio.users["viewer"])


async def test_another_teams_members_are_not_there(database: Database, studio: Studio) -> None:
    owner = await studio.principal("owner")
    theirs, me = studio.admin.team_id, studio.admin.user_id
    for ask in (
        accounts.list_members(database, owner, theirs),
        accounts.get_member(database, owner, theirs, me),
        accounts.add_member(database, owner, theirs, "member", user_id=owner.user_id),
        accounts.change_member(database, owner, theirs, me, "viewer"),
        accounts.remove_member(database, owner, theirs, me),
        accounts.list_members(database, studio.admin, "nowhere"),
    ):
        with pytest.raises(NotFound, match="no team"):
            await ask


@pytest.mark.parametrize(
    ("who", "field", "says"),
    [
        ({}, "user_id", "one of the two"),
        ({"user_id": "x", "email": "x@y"}, "user_id", "one of the two"),
        ({"user_id": "nobody"}, "user_id", "no such user"),
        ({"email": "nobody@example.org"}, "email", "no such user"),
    ],
)
async def test_who_cannot_be_added(database: Database, studio: Studio, who: dict[str, str], field: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        await accounts.add_member(database, studio.admin, studio.team, "member", **who)
    assert caught.value.field == field


async def test_nobody_is_in_a_team_twice_and_no_one_who_is_closed(database: Database, studio: Studio) -> None:
    with pytest.raises(AlreadyExists, match="already"):
        await accounts.add_member(database, studio.admin, studio.team, "owner", user_id=studio.users["viewer"])
    ann = await studio.people.user("ann")
    await accounts.change_user(database, studio.admin, ann, closed=True)
    with pytest.raises(InvalidInput, match="closed"):
        await accounts.add_member(database, studio.admin, studio.team, "owner", user_id=ann)


async def test_the_last_owner_leaves_by_an_administrator_only(database: Database, studio: Studio) -> None:
    owner, me = await studio.principal("owner"), studio.users["owner"]
    for ask in (
        accounts.change_member(database, owner, studio.team, me, "member"),
        accounts.remove_member(database, owner, studio.team, me),
    ):
        with pytest.raises(WrongState, match="last owner"):
            await ask
    await accounts.change_member(database, owner, studio.team, studio.users["member"], "owner")
    await accounts.change_member(database, owner, studio.team, me, "viewer")
    await accounts.remove_member(database, studio.admin, studio.team, studio.users["member"])


async def test_who_is_taken_out_has_no_keys_left_even_when_they_come_back(database: Database, studio: Studio) -> None:
    text = await studio.key("member", DAILY)
    await accounts.authenticate(database, text)
    await accounts.remove_member(database, studio.admin, studio.team, studio.users["member"])
    with pytest.raises(NotAuthenticated, match="revoked"):
        await accounts.authenticate(database, text)
    await accounts.add_member(database, studio.admin, studio.team, "member", user_id=studio.users["member"])
    with pytest.raises(NotAuthenticated, match="revoked"):
        await accounts.authenticate(database, text)


async def test_a_changed_role_is_seen_at_once(database: Database, studio: Studio) -> None:
    text = await studio.key("member", DAILY)
    assert (await accounts.authenticate(database, text)).role == "member"
    await accounts.change_member(database, studio.admin, studio.team, studio.users["member"], "viewer")
    assert (await accounts.authenticate(database, text)).permissions == {"gallery.read"}


async def test_an_owner_cannot_touch_the_memberships_of_an_administrator(
    database: Database, studio: Studio, admin: Principal
) -> None:
    owner = await studio.principal("owner")
    with pytest.raises(Forbidden, match="administrator"):
        await accounts.add_member(database, owner, studio.team, "member", user_id=admin.user_id)
    await accounts.add_member(database, admin, studio.team, "owner", user_id=admin.user_id)
    with pytest.raises(Forbidden):
        await accounts.change_member(database, owner, studio.team, admin.user_id, "viewer")
    with pytest.raises(Forbidden):
        await accounts.remove_member(database, owner, studio.team, admin.user_id)
    await accounts.remove_member(database, admin, studio.team, admin.user_id)
