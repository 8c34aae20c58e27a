"""What the scheduler asks of it besides pictures: what was begun, what is only looked up, and an end that waits."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from engines.comfyui.options import ModelOptions
from engines.contract import Done, EngineUnavailable, ImageReady, Progress
from engines.suite import checks
from tests.engines.comfyui.conftest import opened, spec
from tests.fakes.comfyui import FakeComfy


async def test_what_is_only_looked_up_is_taken_and_nothing_is_sent() -> None:
    async with opened() as lane:
        request = await lane.request()
        await lane.run(request)
        sent = len(lane.fake.posted)
        last = replace(request, attempt=2, found_only=True)
        checks.pictures_are_as_asked(await lane.run(last), last)
        assert len(lane.fake.posted) == sent


async def test_what_is_not_found_is_not_made() -> None:
    async with opened() as lane:
        last = replace(await lane.request(), attempt=2, found_only=True)
        run = await lane.run(last)
        assert [type(event) for event in run.events if isinstance(event, ImageReady | Done)] == [Done]
        assert lane.fake.posted == []


async def test_a_picture_that_is_gone_is_not_made_again() -> None:
    async with opened() as lane:
        request = await lane.request()
        await lane.run(request)
        lane.fake.files.clear()
        run = await lane.run(replace(request, attempt=2, found_only=True))
        assert not [event for event in run.events if isinstance(event, ImageReady)]
        assert len(lane.fake.posted) == 1


async def test_it_says_whether_anything_was_begun() -> None:
    async with opened(FakeComfy(step_seconds=0.05), patience_seconds=0.2) as lane:
        request = await lane.request(steps=50)
        await lane.line.down()
        with pytest.raises(EngineUnavailable) as nobody:
            await lane.run(request)
        assert nobody.value.begun is False
        await lane.line.up()
        events, gone = lane.events(request), None
        while gone is None:
            try:
                if isinstance(await anext(events), Progress):
                    await lane.line.down()
            except EngineUnavailable as error:
                gone = error
        assert gone.begun is True


async def test_an_end_waits_for_what_runs() -> None:
    async with opened(FakeComfy(step_seconds=0.02)) as lane:
        request = await lane.request()
        running = asyncio.create_task(lane.run(request))
        while not lane.fake.posted:
            await asyncio.sleep(0.01)
        await lane.engine.aclose()
        checks.pictures_are_as_asked(await running, request)


def test_what_a_server_has_to_load() -> None:
    from engines.comfyui.engine import ComfyUIEngine
    from engines.comfyui.options import Options

    engine = ComfyUIEngine("comfyui", Options())
    one, other = spec(), spec(options=ModelOptions(checkpoint="another.safetensors"))
    assert engine.holds(one) == "tiny-sd15.safetensors"
    assert engine.holds(one) != engine.holds(other)
    assert engine.holds(spec(options=ModelOptions())) == "sd15"
