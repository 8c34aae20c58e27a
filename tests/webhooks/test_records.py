"""Who is called: made, changed, switched off and removed by owners of the team."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.accounts import Principal
from gateway.accounts.tables import audit
from gateway.errors import DarkroomError, Forbidden, InvalidInput, NotFound, WrongState
from gateway.webhooks import records
from gateway.webhooks.records import MOST
from tests.webhooks.conftest import URL, Desk, NewOwner


async def test_what_was_made_is_listed_newest_first_and_can_be_got(desk: Desk) -> None:
    first, second = await desk.webhook(), await desk.webhook(events=("task.failed",), description="pager")
    async with desk.db.read() as connection:
        assert await records.every(connection, desk.owner) == [second, first]
        assert await records.get(connection, desk.owner, second.id) == second
    assert first.events == ("task.succeeded", "task.failed", "task.canceled")
    assert second.active


async def test_only_what_is_given_changes(desk: Desk) -> None:
    made = await desk.webhook(description="one")
    assert await desk.change(made) == made
    changed = await desk.change(made, url="https://other.example/", events=("task.failed",))
    assert changed == msgspec.structs.replace(made, url="https://other.example/", events=("task.failed",))


async def test_switched_off_it_is_owed_nothing_any_more(desk: Desk) -> None:
    made, other = await desk.webhook(), await desk.webhook()
    await desk.end()
    off = await desk.change(made, active=False)
    assert not off.active
    owed = {each.webhook_id: each for each in await desk.all()}
    assert owed[made.id].state == "dead"
    assert owed[made.id].last_error == records.SWITCHED_OFF
    assert owed[other.id].state == "pending"
    assert await desk.end("later") == 1


async def test_one_that_has_moved_stays_on_when_its_old_address_is_gone(desk: Desk) -> None:
    made = await desk.webhook()
    async with desk.db.write() as connection:
        await records.switch_off(connection, desk.owner.team_id, made.id, "https://moved.example/away", "it said 410")
        assert (await records.get(connection, desk.owner, made.id)).active


async def test_switched_on_again_its_problem_is_gone(desk: Desk) -> None:
    made = await desk.webhook()
    async with desk.db.write() as connection:
        await records.switch_off(connection, desk.owner.team_id, made.id, made.url, "it said 410")
    async with desk.db.read() as connection:
        assert (await records.get(connection, desk.owner, made.id)).problem == "it said 410"
    assert await desk.change(made, active=True) == made


async def test_removed_it_takes_its_deliveries_along(desk: Desk) -> None:
    made, other = await desk.webhook(), await desk.webhook()
    await desk.end()
    async with desk.db.write() as connection:
        await records.remove(connection, desk.owner, made.id)
    assert (await desk.one()).webhook_id == other.id
    with pytest.raises(NotFound):
        await desk.change(made, description="gone")


async def test_a_new_secret_has_the_next_version(desk: Desk) -> None:
    made = await desk.webhook()
    assert (made.secret.version, made.secret.changed_at) == (1, None)
    async with desk.db.write() as connection:
        renewed = await records.renew(connection, desk.owner, made.id)
    assert renewed.secret.version == 2
    assert renewed.secret.changed_at is not None


async def test_the_secret_of_requests_begins_unknown_and_grows(desk: Desk, new_owner: NewOwner) -> None:
    versions = []
    for _ in range(3):
        async with desk.db.write() as connection:
            versions.append((await records.secret_of_requests(connection, desk.owner.team_id)).version)
            await records.renew_of_requests(connection, desk.owner)
    assert versions == [0, 1, 2]
    async with desk.db.read() as connection:
        assert (await records.secret_of_requests(connection, (await new_owner()).team_id)).version == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "host|http"),
        ("ftp://receiver.example/", "http"),
        ("receiver.example/hook", "http"),
        ("https://", "host|URL"),
        ("https://user:pass@receiver.example/", "user|password"),
        ("https://receiver.example:99999/", "URL|host"),
        ("https://receiver.example/" + "a" * 2000, "2000"),
    ],
)
async def test_addresses_that_can_never_be_called_are_refused(desk: Desk, url: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as told:
        await desk.webhook(url)
    assert told.value.field == "url"
    made = await desk.webhook()
    with pytest.raises(InvalidInput, match=says):
        await desk.change(made, url=url)


async def test_no_events_at_all_are_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match=r"task\.failed") as told:
        await desk.webhook(events=())
    assert told.value.field == "events"


async def test_a_team_has_only_so_many(desk: Desk, new_owner: NewOwner) -> None:
    for _ in range(MOST):
        await desk.webhook()
    with pytest.raises(WrongState, match="remove one"):
        await desk.webhook()
    await Desk(desk.db, await new_owner()).webhook()


def _asks(webhook_id: str) -> dict[str, Any]:
    return {
        "create": lambda c, p: records.create(c, p, URL),
        "every": lambda c, p: records.every(c, p),
        "get": lambda c, p: records.get(c, p, webhook_id),
        "change": lambda c, p: records.change(c, p, webhook_id, description="x"),
        "remove": lambda c, p: records.remove(c, p, webhook_id),
        "renew": lambda c, p: records.renew(c, p, webhook_id),
        "renew_of_requests": lambda c, p: records.renew_of_requests(c, p),
    }


async def _refused(desk: Desk, principal: Principal, error: type[DarkroomError], *names: str) -> None:
    made = await desk.webhook()
    for name in names:
        with pytest.raises(error):
            async with desk.db.write() as connection:
                await _asks(made.id)[name](connection, principal)
    async with desk.db.read() as connection:
        assert await records.get(connection, desk.owner, made.id) == made


async def test_only_owners_come_here(desk: Desk) -> None:
    member = msgspec.structs.replace(desk.owner, role="member")
    await _refused(desk, member, Forbidden, *_asks(""))


async def test_another_teams_webhook_is_not_there(desk: Desk, new_owner: NewOwner) -> None:
    stranger = await new_owner()
    await _refused(desk, stranger, NotFound, "get", "change", "remove", "renew")
    async with desk.db.read() as connection:
        assert await records.every(connection, stranger) == []


async def test_every_change_is_in_the_audit_without_paths_that_may_be_secret(desk: Desk) -> None:
    made = await desk.webhook("https://chat.example/services/T0P/S3CRET")
    await desk.change(made, url="https://chat.example/services/T0P/S3CRET2", active=False)
    async with desk.db.write() as connection:
        await records.renew(connection, desk.owner, made.id)
        await records.renew_of_requests(connection, desk.owner)
        await records.remove(connection, desk.owner, made.id)
    acts = sorted(await desk.rows(audit), key=lambda row: row.id)
    assert [row.action for row in acts] == [
        "webhook.create",
        "webhook.update",
        "webhook.secret",
        "webhook.secret",
        "webhook.delete",
    ]
    assert "S3CRET" not in repr(acts)
    assert "chat.example:443" in acts[1].details
