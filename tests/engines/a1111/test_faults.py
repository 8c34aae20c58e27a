"""Networks and servers that fail: nothing is lost, nothing is made of half an answer, and the message has the cause."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engines.a1111.engine import A1111Engine
from engines.a1111.options import Options
from engines.contract import EngineCrashed, EngineError, EngineUnavailable, ImageReady, UpstreamRateLimited
from tests.engines.a1111.lane import Lane, lane, spec
from tests.fakes.a1111.server import A1111
from tests.fakes.serving import Fault, http

KINDS = ("webui", "forge", "sdcpp")


async def raised(here: Lane, kind: type[EngineError] = EngineUnavailable, **asked: Any) -> str:
    """What a request comes to that takes its whole batch along."""
    with pytest.raises(EngineError) as error:
        await here.run(await here.request(**asked))
    assert type(error.value) is kind, error.value
    assert error.value.retried
    assert here.name in error.value.message
    return error.value.message


async def goes_on(here: Lane) -> None:
    request = await here.request()
    assert (await here.run(request)).pictures(request)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fault", [Fault(swallow=True), Fault(cut_after=0), Fault(cut_after=20), Fault(cut_after=300)], ids=["all", "0", "20", "300"]
)
async def test_an_answer_that_breaks_off_is_no_answer(kind: str, fault: Fault) -> None:
    async with lane(kind) as here:
        request = await here.request()
        here.proxy.faults = [fault]
        with pytest.raises(EngineUnavailable, match="broke off before it had answered"):
            await here.run(request)
        assert len(here.sent()) == 1, "what may have begun was sent twice"
        await goes_on(here)


async def test_a_connection_that_is_closed_at_once_is_not_tried_twice() -> None:
    async with lane("webui") as here:
        request = await here.request()
        here.proxy.faults = [Fault(refuse=True)]
        with pytest.raises(EngineUnavailable):
            await here.run(request)  # it went out, and nobody knows where to
        assert not here.sent()
        await goes_on(here)


async def test_a_server_that_is_not_there() -> None:
    async with lane("webui", address="http://127.0.0.1:9") as here:
        with pytest.raises(EngineUnavailable, match=r"cannot be reached.*is it running") as error:
            await here.card()
        assert "127.0.0.1:9" in error.value.message
        health = await here.engine.health(here.name)
        assert not health.ok
        assert health.reason == error.value.message
        with pytest.raises(EngineUnavailable, match="cannot be reached"):
            await here.engine.discover()


async def test_a_server_that_never_answers_is_given_up_and_its_work_stopped() -> None:
    async with lane(A1111("webui", step_seconds=0.01), seconds=0.3) as here:
        assert "did not answer in time" in await raised(here, steps=2000)
        assert here.server.busy
        await goes_on(here)
        assert here.server.interrupted == here.server.began[:1]
        assert len(here.sent()) == 2


async def test_a_line_that_breaks_leaves_no_work_behind_where_it_can_be_told() -> None:
    for kind, exclusive in (("webui", False), ("a1111", True)):
        async with lane(kind, exclusive=exclusive) as here:
            request = await here.request(steps=400)
            broken = asyncio.create_task(here.run(request))
            while not here.server.began:
                await asyncio.sleep(0.01)
            broken.cancel()
            await asyncio.gather(broken, return_exceptions=True)
            assert here.server.busy
            await goes_on(here)
            assert here.server.interrupted[0] == here.server.began[0], kind


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (http(429, b'{"detail": "slow down"}', retry_after="3"), UpstreamRateLimited, "slow down"),
        (http(503, b"<html><title>503 Service Unavailable</title>", "text/html"), EngineUnavailable, "503"),
        (http(502, b"<html><title>Bad Gateway</title>", "text/html"), EngineUnavailable, "502"),
        (http(504), EngineUnavailable, "504"),
    ],
)
async def test_a_proxy_before_it_that_says_no(answer: bytes, kind: type[EngineError], words: str) -> None:
    async with lane("forge") as here:
        request = await here.request()
        here.proxy.faults = [Fault(answer=answer)]
        with pytest.raises(kind, match=words) as error:
            await here.run(request)
        if isinstance(error.value, UpstreamRateLimited):
            assert error.value.retry_after == 3
        await goes_on(here)


@pytest.mark.parametrize(
    "answer",
    [
        http(200, b"{bad"),
        http(200, b"<html>Sign in</html>", "text/html"),
        http(200, b""),
        http(200, b'"text"', "text/plain"),
        http(200, b'{"images": ["' + b"A" * 100 + b'"], "info": "{}"}'),
    ],
    ids=["garbage", "a page", "nothing", "text", "a picture of noughts"],
)
async def test_a_200_that_is_no_answer(answer: bytes) -> None:
    async with lane("webui") as here:
        request, mate = await here.request(), await here.request()
        here.proxy.faults = [Fault(answer=answer)]
        run = await here.run(request, mate)
        (error,) = run.failures(request)
        assert type(error) is EngineCrashed
        assert here.name in error.message
        assert run.pictures(mate)


async def test_half_a_picture_is_none() -> None:
    async with lane("webui") as here:
        request = await here.request()
        here.proxy.faults = [Fault(cut_after=700)]
        with pytest.raises(EngineUnavailable):
            await here.run(request)


async def test_a_slow_line_is_only_slow() -> None:
    async with lane("webui") as here:
        request = await here.request()
        here.proxy.faults = [Fault(delay=0.05)]
        assert (await here.run(request)).pictures(request)


async def test_a_server_that_restarts_and_forgets() -> None:
    async with lane("webui") as here:
        request = await here.request(steps=400)
        broken = asyncio.create_task(here.run(request))
        while not here.server.began:
            await asyncio.sleep(0.01)
        broken.cancel()
        await asyncio.gather(broken, return_exceptions=True)
        here.server.forget()
        await goes_on(here)
        assert not here.server.interrupted


async def test_progress_that_fails_takes_no_picture_along() -> None:
    async with lane("webui") as here:
        request = await here.request(steps=20)

        async def fault(path: str, send: Any) -> bool:
            if "progress" in path:
                await send({"type": "http.response.start", "status": 500, "headers": []})
                await send({"type": "http.response.body", "body": b"Internal Server Error"})
            return "progress" in path

        here.server.fault = fault
        run = await here.run(request)
        assert run.pictures(request)
        assert not run.progress(request)


async def test_what_was_made_before_the_line_broke_is_kept() -> None:
    async with lane("sdcpp") as here:
        request = await here.request(ordinals=(0, 1, 2))
        batch_events: list[Any] = []

        def watch(batch: Any, event: Any) -> None:
            batch_events.append(event)
            here.proxy.always = Fault(refuse=True)

        with pytest.raises(EngineUnavailable):
            await here.run(request, watch=watch)
    assert [event.ordinal for event in batch_events] == [0]


async def test_it_says_whether_anything_was_begun() -> None:
    async with lane("webui") as here:
        request = await here.request()
        here.proxy.always = Fault(refuse=True)
        with pytest.raises(EngineUnavailable) as sent:
            await here.run(request)
        assert sent.value.begun is True, "it may have come, and only the answer be lost"
    away = A1111Engine("away", Options(servers=("http://127.0.0.1:9",)))
    with pytest.raises(EngineUnavailable) as nobody:
        await away.card(spec())
    assert nobody.value.begun is False
    await away.aclose()


async def test_an_end_waits_for_what_runs() -> None:
    async with lane(A1111("webui", step_seconds=0.02)) as here:
        request = await here.request()
        running = asyncio.create_task(here.run(request))
        while not here.server.busy:
            await asyncio.sleep(0.01)
        await here.engine.aclose()
        assert [event for event in (await running).events if isinstance(event, ImageReady)]


def test_what_a_server_has_to_load() -> None:
    engine = A1111Engine("webui", Options())
    sources = ("dreamshaper_8", "another", "loaded", "upscaler:R-ESRGAN 4x+")
    assert [engine.holds(spec(source)) for source in sources] == ["dreamshaper_8", "another", None, None]


async def test_one_of_several_servers_is_enough_for_the_card() -> None:
    async with lane("webui") as here:
        two = A1111Engine("two", Options(servers=("http://127.0.0.1:9", here.proxy.url)))
        assert await two.card(spec()) == await here.card()
        assert len(two.lanes()) == 2
        assert [(await two.health(each)).ok for each in two.lanes()] == [False, True]
        await two.aclose()
