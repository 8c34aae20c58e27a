"""Numbers that were settled for one team, user or key."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from gateway import accounts
from gateway.accounts import Principal, own_limits
from gateway.accounts.limits import RequestLimits
from gateway.accounts.own_limits import NOBODYS, NONE, Own, OwnChange, OwnLimits, changed, encoded, read, running_jobs
from gateway.accounts.sessions import Sessions
from gateway.catalog.settings import Limits, Share
from gateway.db import Database
from gateway.errors import Forbidden, TooManyRequests
from tests.accounts.conftest import People

SETTINGS = Limits(key=Share(requests_per_minute=1), team=Share(requests_per_minute=2))


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (NONE, OwnChange(), None),
        (NONE, OwnChange(queued_jobs=3), '{"queued_jobs":3}'),
        (Own(queued_jobs=3), OwnChange(running_jobs=0), '{"queued_jobs":3,"running_jobs":0}'),
        (Own(queued_jobs=3, running_jobs=1), OwnChange(queued_jobs=None), '{"running_jobs":1}'),
        (Own(queued_jobs=3), OwnChange(queued_jobs=None), None),
        (Own(queued_jobs=3), None, None),
    ],
)
def test_a_change_leaves_the_rest(before: Own, change: OwnChange | None, after: str | None) -> None:
    assert changed(before, change) == after
    assert encoded(read(after)) == after


def test_nobody_has_any_at_no_cost() -> None:
    assert own_limits.of(None, None, None) is NOBODYS
    assert own_limits.of(None, '{"queued_jobs":3}', None) == OwnLimits(user=Own(queued_jobs=3))


@pytest.mark.parametrize(
    ("own", "whose", "most"),
    [
        (NOBODYS, "key", 1),
        (OwnLimits(key=Own(requests_per_minute=5)), "team", 2),
        (OwnLimits(key=Own(requests_per_minute=5), team=Own(requests_per_minute=0)), "key", 5),
        (OwnLimits(key=Own(requests_per_minute=0), user=Own(requests_per_minute=1)), "user", 1),
        (OwnLimits(key=Own(queued_jobs=9)), "key", 1),
    ],
)
def test_requests(own: OwnLimits, whose: str, most: int) -> None:
    counted, principal = RequestLimits(lambda: SETTINGS), Principal("t", "u", "k", frozenset(), limits=own)
    for _ in range(most):
        counted.count(principal)
    with pytest.raises(TooManyRequests, match=f"This {whose} may ask {most} times") as caught:
        counted.count(principal)
    settled = getattr(own, whose).requests_per_minute is not None
    assert ("which an administrator settled" in caught.value.message) == settled


async def test_they_come_with_the_key_and_with_the_session(database: Database, admin: Principal, people: People) -> None:
    team, elsewhere = await people.team("red"), await people.team("blue")
    user = await people.user("ada", team, elsewhere)
    key, text = await accounts.create_key(database, admin, "k", ["gallery.read"], team_id=team, user_id=user)
    assert (await accounts.authenticate(database, text)).limits is NOBODYS
    await accounts.change_team(database, admin, team, limits=OwnChange(queued_jobs=1))
    await accounts.change_user(database, admin, user, limits=OwnChange(queued_jobs=2))
    await accounts.change_key(database, admin, key.id, limits=OwnChange(queued_jobs=3))
    expected = OwnLimits(Own(queued_jobs=3), Own(queued_jobs=2), Own(queued_jobs=1))
    assert (await accounts.authenticate(database, text)).limits == expected

    sessions = Sessions(database, b"key", lambda: 14)
    async with database.write() as connection:
        _, cookie = await sessions.begin(connection, user)
    mine = await sessions.authenticate(cookie)
    assert mine.limits == OwnLimits(NONE, Own(queued_jobs=2), Own(queued_jobs=1))
    await sessions.change_team(mine, elsewhere)
    assert (await sessions.authenticate(cookie)).limits == OwnLimits(NONE, Own(queued_jobs=2), NONE)

    for who in (await accounts.change_team(database, admin, team, limits=None),
                await accounts.change_user(database, admin, user, limits=None),
                await accounts.change_key(database, admin, key.id, limits=None)):  # fmt: skip
        assert who.limits == NONE
    assert (await accounts.authenticate(database, text)).limits is NOBODYS


async def test_a_rotated_key_keeps_them(database: Database, admin: Principal) -> None:
    key, _ = await accounts.create_key(database, admin, "k", ["gallery.read"])
    await accounts.change_key(database, admin, key.id, limits=OwnChange(running_jobs=1))
    made, text = await accounts.rotate_key(database, admin, key.id)
    assert made.limits == Own(running_jobs=1)
    assert (await accounts.authenticate(database, text)).limits.key == Own(running_jobs=1)
    assert running_jobs(database)["key", made.id] == 1


async def test_only_administrators_settle_them(database: Database, admin: Principal, people: People) -> None:
    team = await people.team("red")
    user = await people.user("ada", team, role="owner")
    daily = ["gallery.read", "gallery.write"]
    key, text = await accounts.create_key(database, admin, "k", daily, team_id=team, user_id=user)
    owner = await accounts.authenticate(database, text)
    for change in (OwnChange(requests_per_minute=0), None):
        with pytest.raises(Forbidden):
            await accounts.change_key(database, owner, key.id, limits=change)
    await accounts.change_key(database, owner, key.id, name="mine", limits=UNSET)


async def test_jobs_at_once_are_known_without_asking_the_database(database: Database, admin: Principal, people: People) -> None:
    team = await people.team("red")
    await accounts.change_team(database, admin, team, limits=OwnChange(running_jobs=2))
    await accounts.change_user(database, admin, admin.user_id, limits=OwnChange(running_jobs=0, queued_jobs=1))
    expected = {("team", team): 2, ("user", admin.user_id): 0}
    assert running_jobs(database) == expected
    own_limits._running.clear()
    await own_limits.load(database)
    assert running_jobs(database) == expected
    await accounts.change_team(database, admin, team, limits=None)
    assert running_jobs(database) == {("user", admin.user_id): 0}


async def test_the_audit_log_has_them(database: Database, admin: Principal, people: People) -> None:
    team = await people.team("red")
    await accounts.change_team(database, admin, team, limits=OwnChange(running_jobs=2))
    key, _ = await accounts.create_key(database, admin, "k", ["gallery.read"])
    await accounts.change_key(database, admin, key.id, limits=OwnChange(running_jobs=3))
    log = await accounts.list_acts(database, admin)
    told = {act.target: act.details for act in reversed(log)}
    assert told[team] == {"limits": '{"running_jobs":2}'}
    assert told[key.id]["limits"] == '{"running_jobs":3}'
