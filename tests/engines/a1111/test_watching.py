"""How far it is, whose it is, and what a cancel may stop, on servers that others use too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engines.contract import Done, EngineUnavailable, Event, ImageReady, Loading, Progress
from engines.suite import SuiteBatch
from tests.engines.a1111.lane import Lane, lane, spec
from tests.fakes.a1111.server import A1111

STEPS = 30


def cancel_at(step: int) -> Any:
    def watch(batch: SuiteBatch, event: Event) -> None:
        if isinstance(event, Progress) and event.step >= step:
            batch.cancel(event.request)

    return watch


async def busy(here: Lane, steps: int = STEPS) -> asyncio.Task[None]:
    """A stranger's picture is under way."""
    task = asyncio.create_task(here.server.someone_else(steps))
    while not here.server.busy:
        await asyncio.sleep(0)
    return task


# -------------------------------------------------------------------------------------------------- progress


@pytest.mark.parametrize(("kind", "exclusive"), [("webui", False), ("forge", False), ("a1111", True), ("sdnext", False)])
async def test_progress_comes_by_task_or_by_server(kind: str, exclusive: bool) -> None:
    async with lane(kind, exclusive=exclusive) as here:
        request = await here.request(steps=STEPS, ordinals=(0, 1))
        run = await here.run(request)
    steps = [event.step for event in run.progress(request)]
    assert len(steps) > 6
    assert steps == sorted(set(steps))
    assert {event.total for event in run.progress(request)} == {2 * STEPS}
    assert {event.ordinal for event in run.progress(request)} == {0, 1}


@pytest.mark.parametrize("kind", ["sdcpp", "kobold"])
async def test_servers_that_tell_nothing_make_pictures_all_the_same(kind: str) -> None:
    async with lane(kind) as here:
        request = await here.request(steps=STEPS)
        run = await here.run(request)
    assert not run.progress(request)
    assert run.pictures(request)


async def test_previews_are_shown_only_of_what_is_known_to_be_ours() -> None:
    for kind, exclusive, expected in (("webui", False, True), ("forge", True, True), ("forge", False, False)):
        async with lane(kind, exclusive=exclusive) as here:
            here.server.live = True
            request = await here.request(steps=STEPS)
            run = await here.run(request, watched=True)
            assert bool([event for event in run.progress(request) if event.preview is not None]) is expected, kind
            assert not [event for event in (await here.run(request)).progress(request) if event.preview is not None]


async def test_a_strangers_progress_is_not_ours() -> None:
    async with lane("webui") as here:
        request = await here.request(steps=7)
        stranger = await busy(here)
        run = await here.run(request)
        await stranger
        assert run.pictures(request)
        assert len(run.progress(request)) <= 7
        assert here.server.began[0] == "task(stranger)"
    async with lane("forge") as here:
        request = await here.request(steps=7)
        stranger = await busy(here, 20)
        started = asyncio.get_running_loop().time()
        run = await here.run(request)
        await stranger
        assert run.pictures(request)
        assert all(when - started > 0.05 for when in run.times[:1])


async def test_a_strangers_preview_is_never_shown() -> None:
    async with lane("forge") as here:
        here.server.live = True
        stranger = await busy(here)
        request = await here.request(steps=STEPS)
        run = await here.run(request, watched=True)
        await stranger
    assert all(event.preview is None for event in run.progress(request))


async def test_what_enlarging_left_behind_is_no_progress() -> None:
    async with lane("a1111", exclusive=True) as here:
        await here.run(await here.request("upscaler:Lanczos", capability="upscale"), model=spec("upscaler:Lanczos"))
        assert here.server.busy  # so such servers say, until the next picture
        request = await here.request(steps=STEPS)
        run = await here.run(request)
    assert run.progress(request)[0].step < STEPS / 2


# -------------------------------------------------------------------------------------------------- cancels


@pytest.mark.parametrize(("kind", "exclusive"), [("webui", False), ("a1111", True), ("forge", True), ("sdnext", True)])
async def test_our_own_picture_is_interrupted_and_never_kept(kind: str, exclusive: bool) -> None:
    async with lane(kind, exclusive=exclusive) as here:
        request = await here.request(steps=200)
        run = await here.run(request, watch=cancel_at(3))
        assert not run.pictures(request)
        assert not [event for event in run.of(request) if isinstance(event, Done)]
        assert here.server.interrupted
        assert here.server.interrupted[0] == here.server.began[0]
        assert not here.server.busy
        follows = await here.request()
        assert (await here.run(follows)).pictures(follows)


async def test_what_cannot_be_proved_to_be_ours_is_not_interrupted() -> None:
    async with lane("forge") as here:
        request = await here.request(steps=STEPS)
        run = await here.run(request, watch=cancel_at(2))
        assert not here.server.busy, "the lane was given back before the server was idle"
    assert not run.pictures(request)
    assert not here.server.interrupted


async def test_who_waits_behind_a_stranger_interrupts_nobody_else() -> None:
    async with lane("webui") as here:
        stranger = await busy(here, 40)
        request = await here.request(steps=200)
        batch = SuiteBatch([request])
        batch.model = spec()
        asyncio.get_running_loop().call_later(0.05, batch.cancel, request.id)
        events = [event async for event in here.engine.generate(batch, here.name)]
        await stranger
    assert not [event for event in events if isinstance(event, ImageReady | Done)]
    assert "task(stranger)" not in here.server.interrupted
    assert here.server.interrupted == [here.server.began[1]] * len(here.server.interrupted)
    assert here.server.interrupted


async def test_a_cancel_between_two_pictures_sends_no_more() -> None:
    async with lane("sdcpp") as here:
        request = await here.request(steps=5, ordinals=(0, 1, 2))

        def watch(batch: SuiteBatch, event: Event) -> None:
            if isinstance(event, ImageReady):
                batch.cancel(request.id)

        run = await here.run(request, watch=watch)
    assert len(run.pictures(request)) == 1
    assert len(here.sent()) == 1


async def test_what_was_canceled_while_its_checkpoint_was_loaded_is_interrupted_again() -> None:
    server = A1111("webui", step_seconds=0.01)
    server.add_checkpoint("other", "0123456789")
    server.load_seconds = 0.2
    async with lane(server) as here:
        request = await here.request("other", steps=1000)

        def watch(batch: SuiteBatch, event: Event) -> None:
            if isinstance(event, Loading):
                batch.cancel(request.id)

        run = await here.run(request, model=spec("other"), watch=watch)
    assert not run.pictures(request)
    assert not server.asked


async def test_what_somebody_else_interrupted_is_unfinished_and_made_again() -> None:
    for kind in ("webui", "forge", "a1111"):
        async with lane(kind) as here:
            request, mate = await here.request(steps=STEPS), await here.request(steps=3)
            once: list[int] = []

            def watch(batch: SuiteBatch, event: Event, here: Lane = here, once: list[int] = once) -> None:
                if isinstance(event, Progress) and not once:
                    once.append(event.step)
                    here.server._state["interrupted" if kind != "a1111" else "skipped"] = True  # noqa: B023

            run = await here.run(request, mate, watch=watch)
        (error,) = run.failures(request)
        assert isinstance(error, EngineUnavailable)
        assert error.retried
        assert "Somebody interrupted" in error.message
        assert not run.pictures(request)
        assert run.pictures(mate)
