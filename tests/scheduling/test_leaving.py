"""Lanes whose engine changes or goes while something runs there, and the end of the gateway."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.scheduling.conftest import MODEL, Cloud, OpenBox, lane, sleepy, until

SLOWLY = '["sleep", "1"]'


async def test_a_job_on_a_lane_that_leaves_can_be_canceled(open_box: OpenBox, cloud: Cloud) -> None:
    model = MODEL + "hang = true\n"
    box = await open_box(cloud.toml("one", model=model))
    job = await box.ask("c")
    await until(lambda: lane(box, "one").jobs)
    old = box.scheduler._lanes["cloud/one"]
    await box.reload(cloud.toml("one", "two", model=model))
    assert box.scheduler._lanes["cloud/one"] is not old, "another table, another engine"
    assert (await box.cancel(job)).state == "canceled"
    async with asyncio.timeout(10):
        await old.idle.wait()


async def test_a_job_on_a_lane_that_leaves_is_stopped_with_the_gateway(open_box: OpenBox, cloud: Cloud) -> None:
    model = MODEL + "hang = true\n"
    box = await open_box(cloud.toml("one", model=model))
    job = await box.ask("c")
    await until(lambda: lane(box, "one").jobs)
    await box.reload(cloud.toml("one", "two", model=model))
    began = time.monotonic()
    await box.scheduler.stop()
    assert time.monotonic() - began < 15
    assert (await box.job(job)).state == "queued"


@pytest.mark.parametrize("replay", ["safe", "never"])
async def test_nothing_is_sent_to_a_lane_that_wakes_as_the_gateway_stops(open_box: OpenBox, cloud: Cloud, replay: str) -> None:
    model = MODEL + f'replay = "{replay}"\n'
    box = await open_box(cloud.toml("one", settings=sleepy(cloud, wake=SLOWLY), model=model))
    job = await box.ask("c")
    await until(lambda: lane(box, "one").state == "waking")
    began = time.monotonic()
    await box.scheduler.stop()
    assert time.monotonic() - began < 10
    assert ((await box.job(job)).state, box.runs()) == ("queued", [])


async def test_a_model_that_goes_while_its_lane_wakes_is_not_asked(open_box: OpenBox, cloud: Cloud) -> None:
    box = await open_box(cloud.toml("one", settings=sleepy(cloud, wake=SLOWLY)))
    job = await box.ask("c")
    await until(lambda: lane(box, "one").state == "waking")
    await box.reload("")
    ended = await box.until(job)
    assert (ended.error_code, ended.failures, ended.tried) == ("model_removed", 0, ())
    assert (ended.refunded, box.runs()) == (ended.charged, [])


async def test_a_device_of_another_name_is_another_lane(open_box: OpenBox) -> None:
    box = await open_box("", m="")
    fake = '[engines.fake]\nplugin = "fake"\n'
    await box.reload(fake + '[devices.lab]\ndevice = "cpu"\n')
    before = box.scheduler._lanes["lab"]
    await box.reload(fake + '[devices.lab]\ndevice = "cpu"\nmemory_bytes = 1073741824\n')
    assert box.scheduler._lanes["lab"] is before
    before.host.device = "cuda:0"  # type: ignore[attr-defined]
    await box.reload(fake + '[devices.lab]\ndevice = "cpu"\n')
    assert box.scheduler._lanes["lab"] is not before
