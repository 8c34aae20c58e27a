"""The calls themselves: signed, tried again, given up, never lost."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import IPv4Network
from types import SimpleNamespace
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Receiver

from gateway.errors import InvalidInput, StorageUnavailable
from gateway.events import JobChanged
from gateway.fetch import AddressRefused
from gateway.webhooks import caller as caller_module
from gateway.webhooks import deliveries, records
from tests.webhooks.conftest import URL, Desk
from tests.webhooks.world import SIGNING, Running, World, until


async def test_a_message_is_the_envelope_signed_with_the_webhooks_secret(desk: Desk, world: World, running: Running) -> None:
    made = await desk.webhook()
    await desk.end("t1", "failed")
    running.start()
    kept = await running.until("delivered")
    (call,) = world.calls
    told = Receiver(SIGNING.text(made.secret)).verify(call.body, call.headers)
    assert told["type"] == "task.failed"
    assert told["data"] == {"task_id": "t1", "prompt": "แมว 🐈"}
    assert told["timestamp"].endswith("Z")
    assert call.headers["webhook-id"] == kept.id
    assert call.headers["content-type"] == "application/json"
    assert (call.url, call.allow, call.seconds) == (URL, [IPv4Network("10.0.0.0/8")], 7)
    assert (kept.attempts, kept.last_status, kept.last_error) == (1, 200, None)


async def test_an_address_that_the_request_named_is_signed_with_the_teams_secret(
    desk: Desk, world: World, running: Running
) -> None:
    async with desk.db.write() as connection:
        secret = await records.renew_of_requests(connection, desk.owner)
    await desk.end(url=URL)
    running.start()
    await running.until("delivered")
    Receiver(SIGNING.text(secret)).verify(world.calls[0].body, world.calls[0].headers)


async def test_the_end_of_a_job_rings(desk: Desk, world: World, running: Running) -> None:
    running.start()
    await asyncio.sleep(0.05)
    await desk.end(url=URL)
    for state in ("running", "succeeded"):
        running.bus.publish(JobChanged("job", desk.owner.team_id, "u", state, 1, SimpleNamespace(webhook=URL)))
    await running.until("delivered")


async def test_the_end_of_a_job_that_nobody_waits_for_reads_nothing(
    desk: Desk, world: World, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    waiting = deliveries.waiting

    async def counted(*args: Any, **more: Any) -> Any:
        looks.append("look")
        return await waiting(*args, **more)

    async def end() -> None:
        await desk.end()
        running.bus.publish(JobChanged("job", desk.owner.team_id, "u", "failed", 1, SimpleNamespace(webhook=None)))

    monkeypatch.setattr(deliveries, "waiting", counted)
    running.start()
    await until(lambda: len(looks) == 1)
    await end()
    await asyncio.sleep(0.2)
    assert len(looks) == 1

    await desk.webhook()
    running.caller.poke()
    await until(lambda: len(looks) == 2)
    await end()
    await running.until("delivered")


async def test_what_fails_is_tried_again_under_the_same_id_until_it_is_dead(desk: Desk, world: World, running: Running) -> None:
    world.answers[URL] = 503
    await desk.end(url=URL)
    running.start()
    for attempt in (1, 2):
        kept = await running.tried(attempt)
        assert (kept.state, kept.last_status) == ("pending", 503)
        assert kept.last_error == "The receiver answered 503."
        await running.next_attempt()
    kept = await running.until("dead")
    assert kept.attempts == 3
    assert {call.headers["webhook-id"] for call in world.calls} == {kept.id}
    await asyncio.sleep(0.1)
    assert len(world.calls) == 3

    world.answers[URL] = 200
    await desk.again(kept)
    running.caller.poke()
    await running.until("delivered")
    assert world.calls[-1].headers["webhook-id"] == kept.id


async def test_the_next_attempt_is_made_when_its_time_has_come(
    desk: Desk, world: World, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.webhooks.schedule.DELAYS", (0.2,))
    world.answers[URL] = 500
    await desk.end(url=URL)
    running.start()
    await running.until("dead")
    assert len(world.calls) == 3


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (302, "follow no redirects"),
        (InvalidInput("The host did not answer.", field="url"), "The host did not answer."),
        (AddressRefused("It leads to no public address.", field="url"), r"[settings.webhooks] allow"),
        (RuntimeError("/secret/path"), "(RuntimeError)"),
    ],
)
async def test_why_a_call_failed_is_told(
    desk: Desk, world: World, running: Running, answer: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.answers[URL] = answer
    await desk.end(url=URL)
    running.start()
    kept = await running.tried(1)
    assert says in (kept.last_error or "")
    assert "/secret" not in (kept.last_error or "")
    assert kept.state == "pending"


async def test_a_receiver_that_is_gone_is_switched_off(desk: Desk, world: World, running: Running) -> None:
    gone, other = await desk.webhook(), await desk.webhook("https://other.example/")
    world.answers[URL] = 410
    await desk.end("a")
    running.start()
    await running.until("dead", webhook_id=gone.id)
    await running.until("delivered", webhook_id=other.id)
    async with desk.db.read() as connection:
        kept = await records.get(connection, desk.owner, gone.id)
    assert not kept.active
    assert "410" in (kept.problem or "")
    assert await desk.end("b") == 1


async def test_an_address_of_a_request_that_is_gone_is_only_dead(desk: Desk, world: World, running: Running) -> None:
    world.answers[URL] = 410
    await desk.end(url=URL)
    running.start()
    assert (await running.until("dead")).last_status == 410


async def test_a_job_that_is_not_there_any_more_has_nothing_to_tell(desk: Desk, world: World, running: Running) -> None:
    await desk.end("gone", url=URL)
    running.start()
    assert (await running.until("dead")).last_error == "There is no task gone."
    assert world.calls == []


async def test_a_mistake_of_ours_is_a_failed_attempt_and_stops_no_other(desk: Desk, world: World, running: Running) -> None:
    await desk.end("bug", url=URL)
    await desk.end("fine", url=URL)
    running.start()
    await running.until("delivered", job_id="fine")
    assert "KeyError" in ((await running.tried(1, job_id="bug")).last_error or "")


async def test_a_call_that_the_end_interrupts_is_made_again_at_the_next_start(
    desk: Desk, world: World, running: Running
) -> None:
    world.answers[URL] = asyncio.Event()
    await desk.end(url=URL)
    running.start()
    await until(lambda: world.busy == 1)
    await running.stop()
    assert world.busy == 0
    assert (await desk.one()).state == "pending"

    world.answers.clear()
    running.start()
    kept = await running.until("delivered")
    assert [call.headers["webhook-id"] for call in world.calls] == [kept.id] * 2


async def test_what_was_delivered_is_not_sent_again_at_the_next_start(desk: Desk, world: World, running: Running) -> None:
    await desk.end(url=URL)
    running.start()
    await running.until("delivered")
    await running.stop()
    running.start()
    await asyncio.sleep(0.1)
    assert len(world.calls) == 1


async def test_a_lost_database_is_waited_for(
    desk: Desk, world: World, running: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(caller_module, "LOOK_SECONDS", 0.5)
    lost = True
    waiting = deliveries.waiting

    async def sometimes(*args: Any, **more: Any) -> Any:
        if lost:
            raise StorageUnavailable("the database is away")
        return await waiting(*args, **more)

    monkeypatch.setattr(deliveries, "waiting", sometimes)
    await desk.end(url=URL)
    with caplog.at_level(logging.WARNING):
        running.start()
        await until(lambda: "the database is away" in caplog.text)
    lost = False
    await running.until("delivered")


async def test_an_outcome_that_cannot_be_written_is_found_out_again(
    desk: Desk, world: World, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caller_module, "LOOK_SECONDS", 0.5)
    settle, broken = deliveries.settle, [True]

    async def once(*args: Any) -> None:
        if broken:
            broken.clear()
            raise StorageUnavailable("the disk is full")
        await settle(*args)

    monkeypatch.setattr(deliveries, "settle", once)
    await desk.end(url=URL)
    running.start()
    kept = await running.until("delivered")
    assert [call.headers["webhook-id"] for call in world.calls] == [kept.id] * 2
