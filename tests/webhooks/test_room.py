"""No receiver and no team in another's way: how many calls are made at once."""

from __future__ import annotations

import asyncio

from gateway.webhooks.caller import AT_ONCE, AT_ONCE_EACH, AT_ONCE_OF_TEAM
from tests.webhooks.conftest import URL, Desk, NewOwner
from tests.webhooks.world import Running, World, until


async def test_a_slow_receiver_keeps_no_other_waiting(desk: Desk, world: World, running: Running) -> None:
    slow = world.answers[URL] = asyncio.Event()
    for number in range(3 * AT_ONCE):
        await desk.end(str(number), url=URL)
    await desk.end("other", url="https://other.example/")
    running.start()
    await running.until("delivered", job_id="other")
    await until(lambda: world.busy == AT_ONCE_EACH)
    slow.set()
    async with asyncio.timeout(20):
        while await desk.all(state="pending"):
            await asyncio.sleep(0.02)
    assert len(world.to(URL)) == 3 * AT_ONCE
    assert world.busiest[URL] == AT_ONCE_EACH


async def test_only_so_many_calls_are_made_at_once(desk: Desk, new_owner: NewOwner, world: World, running: Running) -> None:
    let_go = asyncio.Event()
    desks = [Desk(desk.db, await new_owner()) for _ in range(AT_ONCE // AT_ONCE_OF_TEAM + 1)]
    for number in range(AT_ONCE + 5):
        url = f"https://r{number}.example/"
        world.answers[url] = let_go
        await desks[number % len(desks)].end(str(number), url=url)
    running.start()
    await until(lambda: world.busy == AT_ONCE)
    await asyncio.sleep(0.1)
    assert world.busy == AT_ONCE
    let_go.set()
    await until(lambda: len(world.calls) == AT_ONCE + 5)


async def test_a_team_of_slow_receivers_keeps_no_other_team_waiting(
    desk: Desk, new_owner: NewOwner, world: World, running: Running
) -> None:
    let_go, other = asyncio.Event(), Desk(desk.db, await new_owner())
    for number in range(AT_ONCE + 5):
        url = f"https://r{number}.example/"
        world.answers[url] = let_go
        await desk.end(str(number), url=url)
    await other.end("other", url="https://other.example/")
    running.start()
    async with asyncio.timeout(20):
        while (await other.one()).state != "delivered":
            await asyncio.sleep(0.01)
    await until(lambda: world.busy == AT_ONCE_OF_TEAM)
    await asyncio.sleep(0.1)
    assert world.busy == AT_ONCE_OF_TEAM
    let_go.set()
    await until(lambda: len(world.calls) == AT_ONCE + 6)
