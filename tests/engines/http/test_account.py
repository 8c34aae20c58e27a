"""What the lanes of a cloud account share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

from engines.contract import Batch, Event, Health, ImageRequest, ModelCard, ModelSpec
from engines.http import Account


class Cloud(Account):
    def __init__(self) -> None:
        super().__init__("cloud", SimpleNamespace(concurrency=2))
        self.asked = 0

    async def card(self, model: ModelSpec) -> ModelCard:
        return ModelCard(capabilities=("text_to_image",))

    async def _how_it_is(self) -> Health:
        self.asked += 1
        await asyncio.sleep(0.05 if self.asked == 1 else 60)
        return Health(ok=True)

    async def _make(self, batch: Batch, request: ImageRequest) -> AsyncIterator[Event]:
        return
        yield

    async def _close(self) -> None:
        return None


async def test_lanes_share_a_question_and_who_goes_takes_it_from_nobody() -> None:
    cloud = Cloud()
    one, two = (asyncio.ensure_future(cloud.health(lane)) for lane in cloud.lanes())
    await asyncio.sleep(0)
    one.cancel()
    assert (await two).ok
    assert cloud.asked == 1


async def test_who_asks_as_the_engine_closes_is_answered() -> None:
    """And not canceled: it may be a job that waits for its lane to wake."""
    cloud = Cloud()
    await cloud.health("1")
    asking = asyncio.ensure_future(cloud.health("1"))
    while cloud.asked < 2:
        await asyncio.sleep(0)
    await cloud.aclose()
    assert not (await asking).ok
