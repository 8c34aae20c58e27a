"""From a request to a kept picture through queue, scheduler and the engine, over real sockets: nothing lost, nothing paid
twice.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from engines.openai.engine import OpenAIEngine
from gateway.db import Database, across_teams
from gateway.jobs.records import Job
from gateway.jobs.tables import jobs
from gateway.models import Models
from gateway.registry import Registry
from gateway.secrets import look_up
from gateway.wallet import usage
from tests.fakes.openai_images import BLOCKED, KEY, OpenAIImages, Refusal
from tests.fakes.serving import Fault, Proxy, served
from tests.scheduling.conftest import Box

TOML = """
[engines.cloud]
plugin = "openai"
api_key = "CLOUD_KEY"
base_url = "{url}/v1"
timeout_seconds = 5.0
[[models]]
id = "m"
engine = "cloud"
source = "gpt-image-2"
[[models]]
id = "n"
engine = "cloud"
source = "gpt-image-1-mini"
"""


HEALTH = 1
"""Questions that come before any picture's."""


@pytest.fixture
def upstream() -> OpenAIImages:
    return OpenAIImages()


@pytest.fixture
async def proxy(upstream: OpenAIImages) -> AsyncIterator[Proxy]:
    async with served(upstream) as url, Proxy(url).open() as proxy:
        yield proxy


@pytest.fixture
async def box(database: Database, tmp_path: Path, proxy: Proxy) -> AsyncIterator[Box]:
    box = Box(database, tmp_path, "")
    box._toml = TOML.format(url=proxy.url)
    box.models = Models(Registry({"openai": OpenAIEngine}), look_up(tmp_path, {"CLOUD_KEY": KEY}))
    await (await box.open()).start()
    yield box
    await box.scheduler.stop()
    await box.models.close()


async def test_a_picture_is_kept_with_what_it_cost(box: Box, upstream: OpenAIImages) -> None:
    job = await box.until(await box.ask(n=2))
    assert (job.state, job.stored, job.upstream_id) == ("succeeded", 2, f"req_{HEALTH + 1}")
    async with box.db.read() as connection:
        kept = await connection.scalar(across_teams(select(jobs.c.usage)).where(jobs.c.id == job.id))
        (line,) = await usage.report(connection, by=(), limit=1)
    assert line.upstream == 60_050, "millionths of a US dollar, beside the credits"
    assert json.loads(kept)["cost_usd"] == pytest.approx((10 * 5 + 2000 * 30) / 1e6)
    assert [(image.width, image.height) for image in await box.images(job)] == [(1024, 1024)] * 2


async def test_a_refusal_is_the_end_and_refunded(box: Box, upstream: OpenAIImages) -> None:
    job = await box.until(await box.ask(prompt=BLOCKED))
    assert (job.state, job.error_code) == ("failed", "content_rejected")
    assert "safety_violations=[violence]" in (job.error_message or "")
    assert job.refunded == job.charged


@pytest.mark.parametrize("fault", [Fault(swallow=True), Fault(cut_after=3000)], ids=["swallowed", "cut"])
async def test_a_lost_answer_is_not_asked_for_again(box: Box, upstream: OpenAIImages, proxy: Proxy, fault: Fault) -> None:
    await proxy.hang_up()
    proxy.faults = [fault]
    job = await box.until(await box.ask())
    assert (job.state, job.error_code) == ("failed", "upstream_outcome_unknown")
    assert job.refunded == job.charged
    assert KEY not in (job.error_message or "")
    await box.until(await box.ask())
    assert len(upstream.asked) <= 2, "one for each job"


async def test_a_storm_of_rate_limits_passes(box: Box, upstream: OpenAIImages) -> None:
    upstream.refusals = [Refusal(429, "Slow down.", headers={"retry-after": "0.3"}) for _ in range(8)]
    asked = [await box.ask(model) for model in ("m", "n", "m", "n", "m")]
    ended: list[Job] = [await box.until(job) for job in asked]
    assert {job.state for job in ended} == {"succeeded"}
    assert len(upstream.asked) == len(asked), "each was worked on once"
    assert {job.failures for job in ended} == {0}


async def test_servers_that_are_away_come_back(box: Box, upstream: OpenAIImages) -> None:
    upstream.refusals = [Refusal(503, "Overloaded.")]
    job = await box.until(await box.ask())
    assert (job.state, job.attempt) == ("succeeded", 2)
    assert len(upstream.asked) == 1
