"""What is owed: written with the end of the job, settled by what came back, sent again by hand."""

from __future__ import annotations

import pytest

from gateway.db import now
from gateway.errors import NotFound, WrongState
from gateway.webhooks import deliveries
from gateway.webhooks.deliveries import Delivery
from gateway.webhooks.schedule import Dead, Delivered, Later, Verdict
from tests.webhooks.conftest import URL, Desk, NewOwner


async def settle(desk: Desk, sent: Delivery, verdict: Verdict, status: int | None = None, error: str | None = None) -> None:
    async with desk.db.write() as connection:
        await deliveries.settle(connection, sent, verdict, status, error, now())


async def test_each_webhook_that_wants_to_know_is_owed_one_and_the_requests_own_address(desk: Desk) -> None:
    every, failures = await desk.webhook(), await desk.webhook("http://pager.example:8080/", events=("task.failed",))
    off = await desk.webhook()
    await desk.change(off, active=False)
    assert await desk.end("a") == 1
    assert await desk.end("b", "failed", "https://mine.example/x") == 3
    assert await desk.end("c", "canceled") == 1
    owed = {(each.job_id, each.webhook_id): each for each in await desk.all()}
    assert set(owed) == {("a", every.id), ("b", every.id), ("b", failures.id), ("b", None), ("c", every.id)}
    pager = owed["b", failures.id]
    assert (pager.url, pager.receiver, pager.event) == ("http://pager.example:8080/", "pager.example:8080", "task.failed")
    assert (owed["b", None].url, owed["b", None].receiver) == ("https://mine.example/x", "mine.example:443")
    assert {each.state for each in owed.values()} == {"pending"}


async def test_nobody_is_owed_anything_where_nobody_asked(desk: Desk, new_owner: NewOwner) -> None:
    await Desk(desk.db, await new_owner()).webhook()
    assert await desk.end() == 0
    assert await desk.all() == []


async def test_a_job_whose_end_is_rolled_back_owes_nothing(desk: Desk) -> None:
    await desk.webhook()

    async def fail() -> None:
        async with desk.db.write() as connection:
            await deliveries.owe(connection, desk.owner.team_id, "job", "succeeded", URL)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await desk.all() == []


@pytest.mark.parametrize(
    ("verdict", "status", "state"),
    [(Delivered(), 204, "delivered"), (Later(60), 500, "pending"), (Dead(), None, "dead"), (Dead(gone=True), 410, "dead")],
)
async def test_what_a_call_came_to_is_written(desk: Desk, verdict: Verdict, status: int | None, state: str) -> None:
    await desk.end(url=URL)
    sent = await desk.one()
    await settle(desk, sent, verdict, status, "x" * 1000)
    kept = await desk.one()
    assert (kept.state, kept.attempts, kept.last_status, kept.last_error) == (state, 1, status, "x" * 500)
    assert (kept.finished_at is None) == (state == "pending")
    assert (kept.next_at - sent.next_at > 50_000_000) == (state == "pending")


async def test_a_late_failure_does_not_undo_what_was_done_by_hand(desk: Desk) -> None:
    await desk.end(url=URL)
    sent = await desk.one()
    await desk.again(sent)
    await settle(desk, sent, Dead(), 500, "late")
    assert (await desk.one()).state == "pending"
    await settle(desk, sent, Delivered(), 200)
    assert (await desk.one()).state == "delivered"


@pytest.mark.parametrize("verdict", [Delivered(), Dead(), Later(3600)])
async def test_whatever_became_of_it_it_can_be_sent_again_under_its_id(desk: Desk, verdict: Verdict) -> None:
    await desk.end(url=URL)
    sent = await desk.one()
    await settle(desk, sent, verdict, 500, "it broke")
    owed = await desk.again(sent)
    assert (owed.id, owed.state, owed.attempts, owed.finished_at) == (sent.id, "pending", 0, None)
    assert owed.next_at <= now()


async def test_to_a_webhook_that_is_switched_off_nothing_is_sent_again(desk: Desk) -> None:
    made = await desk.webhook()
    await desk.end()
    await desk.change(made, active=False)
    with pytest.raises(WrongState, match="active: true"):
        await desk.again(await desk.one())
    await desk.change(made, active=True)
    assert (await desk.again(await desk.one())).state == "pending"


async def test_another_teams_delivery_is_not_there(desk: Desk, new_owner: NewOwner) -> None:
    await desk.end(url=URL)
    sent, other = await desk.one(), Desk(desk.db, await new_owner())
    assert await other.all() == []
    with pytest.raises(NotFound):
        await other.again(sent)
    with pytest.raises(NotFound):
        async with desk.db.read() as connection:
            await deliveries.get(connection, other.owner.team_id, sent.id)


async def test_the_list_its_filters_and_its_order(desk: Desk) -> None:
    made = await desk.webhook()
    await desk.end("a", url=URL)
    await desk.end("b")
    newest_first = await desk.all()
    assert [each.job_id for each in newest_first] == ["b", "a", "a"]
    await settle(desk, newest_first[0], Dead(), 500)
    assert [each.job_id for each in await desk.all(state="dead")] == ["b"]
    assert len(await desk.all(webhook_id=made.id)) == 2
    assert len(await desk.all(job_id="a")) == 2
    assert await desk.all(before=newest_first[0].id) == newest_first[1:]


async def test_what_waits_is_all_teams_and_the_most_urgent_first(desk: Desk, new_owner: NewOwner) -> None:
    other = Desk(desk.db, await new_owner())
    for owner, url in ((desk, "https://a.example/"), (other, "https://b.example/"), (desk, "https://c.example/")):
        await owner.end(url=url)
    first = await desk.one(job_id="job", before=(await desk.all())[0].id)
    await settle(desk, first, Later(60), 500)

    async def receivers(**more: object) -> list[str]:
        async with desk.db.read() as connection:
            found = await deliveries.waiting(connection, **{"limit": 10, **more})  # type: ignore[arg-type]
            return [each.receiver[0] for each in found]

    assert await receivers() == ["b", "c", "a"]
    assert await receivers(limit=1) == ["b"]
    assert await receivers(without=["b.example:443", "x"]) == ["c", "a"]
    assert await receivers(but=[first.id]) == ["b", "c"]


async def test_the_sweep_takes_what_ended_long_ago(desk: Desk) -> None:
    for job in ("old", "new", "owed"):
        await desk.end(job, url=URL)
    owed, new, old = await desk.all()
    async with desk.db.write() as connection:
        await deliveries.settle(connection, old, Delivered(), 200, None, now() - 31 * 86_400_000_000)
        await deliveries.settle(connection, new, Dead(), 500, None, now() - 29 * 86_400_000_000)
        assert await deliveries.sweep(connection, keep_days=30) == 1
    assert [each.id for each in await desk.all()] == [owed.id, new.id]
