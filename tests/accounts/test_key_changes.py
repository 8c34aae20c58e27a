"""Keys that are there: changed, rotated and revoked, by nobody who would come by more than they have."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import accounts
from gateway.accounts import Key, Principal, authentication, key_changes
from gateway.db import Database, now
from gateway.errors import Forbidden, InvalidInput, NotAuthenticated, NotFound, WrongState

HOUR = 3_600_000_000
DAILY = ["features.image_generation", "gallery.read", "gallery.write"]


class Team:
    """A team with an owner, and a key of theirs."""

    id: str
    owner_id: str
    owner: Principal


@pytest.fixture
async def team(database: Database, admin: Principal, people: Any) -> Team:
    team = Team()
    team.id = await people.team("studio")
    team.owner_id = await people.user("owner", team.id, role="owner")
    _, text = await accounts.create_key(database, admin, "owner's", DAILY, team_id=team.id, user_id=team.owner_id)
    team.owner = await accounts.authenticate(database, text)
    return team


async def test_a_key_is_changed_and_keeps_its_text(database: Database, admin: Principal) -> None:
    key, text = await accounts.create_key(database, admin, "old", ["gallery.read"], bulk=True, expires_at=now() + HOUR)
    changed = await accounts.change_key(database, admin, key.id, name=" new ", permissions=DAILY, bulk=False, expires_at=None)
    assert (changed.name, changed.permissions, changed.bulk, changed.expires_at) == ("new", tuple(DAILY), False, None)
    assert await accounts.get_key(database, admin, key.id) == changed
    principal = await accounts.authenticate(database, text)
    assert (principal.permissions, principal.bulk) == (frozenset(DAILY), False)
    assert await accounts.change_key(database, admin, key.id) == changed
    assert [act.action for act in await accounts.list_acts(database, admin, target=key.id)] == ["key.update", "key.create"]


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"name": ""}, "name", "1 to 200"),
        ({"permissions": []}, "permissions", "at least one"),
        ({"permissions": ["gallery.reed"]}, "permissions", "did you mean"),
        ({"expires_at": 5}, "expires_at", "passed"),
    ],
)
async def test_a_wrong_change_changes_nothing(
    database: Database, admin: Principal, change: dict[str, Any], field: str, says: str
) -> None:
    key, _ = await accounts.create_key(database, admin, "x", ["gallery.read"])
    with pytest.raises(InvalidInput, match=says) as caught:
        await accounts.change_key(database, admin, key.id, **{"bulk": True, **change})
    assert caught.value.field == field
    assert await accounts.get_key(database, admin, key.id) == key


async def test_a_rotated_key_is_the_same_in_all_but_its_text(database: Database, admin: Principal) -> None:
    old, text = await accounts.create_key(database, admin, "x", ["gallery.read"], bulk=True, expires_at=now() + HOUR)
    await accounts.authenticate(database, text)
    new, other = await accounts.rotate_key(database, admin, old.id)
    for field in ("name", "team_id", "user_id", "permissions", "bulk", "expires_at", "origin"):
        assert getattr(new, field) == getattr(old, field)
    assert (await accounts.authenticate(database, other)).key_id == new.id
    with pytest.raises(NotAuthenticated, match="revoked"):
        await accounts.authenticate(database, text)
    with pytest.raises(WrongState, match="revoked"):
        await accounts.rotate_key(database, admin, old.id)


@pytest.mark.parametrize("lifetime", [None, HOUR // 60])
async def test_the_old_text_can_go_on_for_a_while_but_not_past_its_end(
    database: Database, admin: Principal, monkeypatch: pytest.MonkeyPatch, lifetime: int | None
) -> None:
    end = now() + lifetime if lifetime else None
    old, text = await accounts.create_key(database, admin, "x", ["gallery.read"], expires_at=end)
    new, _ = await accounts.rotate_key(database, admin, old.id, overlap_seconds=600)
    await accounts.authenticate(database, text)
    kept = (await accounts.get_key(database, admin, old.id)).expires_at
    assert new.expires_at == end
    assert kept is not None
    assert kept == end or (end is None and kept <= now() + 600_000_000)
    monkeypatch.setattr(authentication, "now", lambda: kept)
    with pytest.raises(NotAuthenticated, match="expired"):
        await accounts.authenticate(database, text)


async def test_keys_of_the_gateway_itself_are_left_alone(database: Database, admin: Principal) -> None:
    await accounts.bootstrap(database, "preset-key-of-the-operator")
    await accounts.command_key(database)
    by_origin = {str(key.origin): key for key in await accounts.list_keys(database, admin)}
    for origin, says in (("preset", "DARKROOM_ADMIN_KEY"), ("command", "start")):
        with pytest.raises(WrongState, match=says):
            await accounts.rotate_key(database, admin, by_origin[origin].id)
        with pytest.raises(WrongState, match=says):
            await accounts.change_key(database, admin, by_origin[origin].id, name="mine")


async def test_an_expired_key_is_not_brought_back(
    database: Database, admin: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = await accounts.create_key(database, admin, "x", ["gallery.read"], expires_at=now() + HOUR)
    monkeypatch.setattr(key_changes, "now", lambda: now() + 2 * HOUR)
    with pytest.raises(WrongState, match="expired"):
        await accounts.change_key(database, admin, key.id, expires_at=None)


async def test_an_owner_makes_changes_and_revokes_keys_of_the_team(
    database: Database, admin: Principal, people: Any, team: Team
) -> None:
    ann = await people.user("ann", team.id)
    key, text = await accounts.create_key(database, team.owner, "ann's", ["gallery.read"], user_id=ann)
    assert (key.team_id, key.user_id) == (team.id, ann)
    assert key.id in [each.id for each in await accounts.list_keys(database, team.owner)]
    assert [each.id for each in await accounts.list_keys(database, team.owner, user_id=ann)] == [key.id]
    assert (await accounts.change_key(database, team.owner, key.id, bulk=True)).bulk
    new, _ = await accounts.rotate_key(database, team.owner, key.id)
    await accounts.revoke_key(database, team.owner, new.id)
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate(database, text)


async def test_an_owner_reaches_no_other_team(database: Database, admin: Principal, people: Any, team: Team) -> None:
    stranger = await people.user("stranger", await people.team("others"))
    for field, theirs in (("team_id", admin.team_id), ("user_id", stranger), ("user_id", "x")):
        with pytest.raises(InvalidInput, match="There is no") as caught:
            await accounts.create_key(database, team.owner, "x", ["gallery.read"], **{field: theirs})  # type: ignore[arg-type]
        assert caught.value.field == field
    for ask in (
        accounts.get_key(database, team.owner, str(admin.key_id)),
        accounts.change_key(database, team.owner, str(admin.key_id), name="mine"),
        accounts.rotate_key(database, team.owner, str(admin.key_id)),
        accounts.revoke_key(database, team.owner, str(admin.key_id)),
        accounts.get_key(database, admin, str(admin.key_id), team_id=team.id),
    ):
        with pytest.raises(NotFound):
            await ask
    assert await accounts.list_keys(database, team.owner, team_id=admin.team_id) == []


async def admins_key(database: Database, admin: Principal, team: Team) -> Key:
    await accounts.add_member(database, admin, team.id, "member", user_id=admin.user_id)
    key, _ = await accounts.create_key(database, admin, "box", ["admin"], team_id=team.id)
    return key


async def test_an_owner_never_comes_by_an_administrators_key(database: Database, admin: Principal, team: Team) -> None:
    key = await admins_key(database, admin, team)
    for ask in (
        accounts.rotate_key(database, team.owner, key.id),
        accounts.change_key(database, team.owner, key.id, permissions=["admin"]),
        accounts.revoke_key(database, team.owner, key.id),
    ):
        with pytest.raises(Forbidden, match="more than"):
            await ask
    with pytest.raises(InvalidInput, match="does not carry admin"):
        await accounts.create_key(database, team.owner, "x", ["admin"], user_id=admin.user_id)
    mine, _ = await accounts.create_key(database, team.owner, "x", ["gallery.read"], user_id=admin.user_id)
    with pytest.raises(InvalidInput, match="does not carry admin"):
        await accounts.change_key(database, team.owner, mine.id, permissions=["admin"])


async def test_a_weak_key_never_turns_into_a_strong_one(database: Database, admin: Principal, people: Any, team: Team) -> None:
    ann = await people.user("ann", team.id)
    whose = {"team_id": team.id, "user_id": ann}
    strong, _ = await accounts.create_key(database, admin, "strong", DAILY, **whose)
    _, text = await accounts.create_key(database, admin, "weak", ["gallery.read"], **whose)
    weak = await accounts.authenticate(database, text)
    with pytest.raises(Forbidden, match="more than"):
        await accounts.rotate_key(database, weak, strong.id)
    with pytest.raises(Forbidden, match="owner"):
        await accounts.change_key(database, weak, str(weak.key_id), permissions=DAILY)
    new, _ = await accounts.rotate_key(database, weak, str(weak.key_id))
    assert new.permissions == ("gallery.read",)
    with pytest.raises(NotFound):
        await accounts.rotate_key(database, weak, str(team.owner.key_id))
    await accounts.revoke_key(database, weak, strong.id)  # whoever lost the strong one can still close it


async def test_a_key_with_an_end_makes_no_key_that_outlasts_it(database: Database, admin: Principal) -> None:
    end = now() + HOUR
    lent, text = await accounts.create_key(database, admin, "lent", ["admin", *DAILY], expires_at=end)
    endless, _ = await accounts.create_key(database, admin, "endless", DAILY)
    borrower = await accounts.authenticate(database, text)
    for later in (None, end + 1):
        with pytest.raises(InvalidInput, match="outlast"):
            await accounts.change_key(database, borrower, lent.id, expires_at=later)
        with pytest.raises(InvalidInput, match="outlast"):
            await accounts.create_key(database, borrower, "mine", DAILY, expires_at=later)
    with pytest.raises(InvalidInput, match="outlast"):
        await accounts.rotate_key(database, borrower, endless.id)
    made, _ = await accounts.create_key(database, borrower, "mine", DAILY, expires_at=end)
    assert made.expires_at == end
