"""Cut sockets, servers that restart and forget, answers that are none: nothing is lost, and nothing is made twice for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from engines.comfyui import prompts
from engines.contract import (
    Done,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    ImageReady,
    ModelUnusable,
    Progress,
    UpstreamRateLimited,
)
from engines.suite import checks
from tests.engines.comfyui.conftest import Lane, opened
from tests.fakes.comfyui import FakeComfy
from tests.fakes.serving import Fault, Proxy, http, served

pytestmark = pytest.mark.usefixtures("hasty")
MESSAGES = 24
"""Of a run of four steps, about."""


@pytest.mark.parametrize("at", range(1, MESSAGES))
async def test_a_socket_that_is_cut_at_any_message_costs_progress_and_no_picture(at: int) -> None:
    async with opened() as lane:
        seen = 0

        def cut(_message: Any) -> None:
            nonlocal seen
            seen += 1
            if seen == at:
                lane.line.cut()

        lane.fake.sockets.before = cut
        request = await lane.request(ordinals=(0, 1))
        run = await lane.run(request)
        checks.events_are_in_order(run, request)
        checks.pictures_are_as_asked(run, request)
        assert len(lane.fake.posted) == 2, "nothing is sent twice"
        ids = {body["client_id"] for body in lane.fake.posted}
        assert len(ids) <= 2


async def test_a_server_without_sockets_is_asked_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as lane:

        async def refuse(scope: Any, receive: Any, send: Any, remaining: int, *, allowed: bool) -> None:
            await receive()
            await send({"type": "websocket.close"})

        monkeypatch.setattr(lane.fake.sockets, "serve", refuse)
        request = await lane.request()
        checks.pictures_are_as_asked(await lane.run(request), request)


async def test_a_socket_that_falls_silent_is_checked_by_a_question(lane: Lane) -> None:
    lane.fake.sockets.say = lambda *told, **more: None  # type: ignore[method-assign]
    request = await lane.request()
    checks.pictures_are_as_asked(await lane.run(request), request)


async def test_a_server_that_restarts_and_forgets_is_sent_it_again(lane: Lane) -> None:
    lane.fake.step_seconds = 0.05
    request = await lane.request(ordinals=(0, 1), steps=8, capability="image_to_image")
    task = asyncio.create_task(lane.run(request))
    await until(lambda: bool(lane.fake.running))
    await lane.line.down()
    lane.fake.kill()
    await asyncio.sleep(0.3)
    lane.fake.step_seconds = 0.001
    await lane.line.up()
    checks.pictures_are_as_asked(await task, request)
    assert len({body["prompt_id"] for body in lane.fake.posted}) == 2
    assert any(name.startswith("temp/darkroom/") for name in lane.fake.files), "what a restart deletes is uploaded again"


async def test_a_prompt_that_fells_its_server_twice_is_not_sent_again(lane: Lane) -> None:
    request = await lane.request(steps=200)

    def fell(message: Any) -> None:
        if isinstance(message, dict) and message["type"] == "progress":
            lane.line.cut()
            lane.fake.kill()

    lane.fake.sockets.before = fell
    with pytest.raises(EngineCrashed, match="started anew each time"):
        await lane.run(request)
    assert len(lane.fake.posted) == 2


async def test_a_server_that_stays_away_is_told_of_and_the_next_attempt_finds_what_it_made() -> None:
    async with opened(FakeComfy(step_seconds=0.02), patience_seconds=0.3) as lane:
        request = await lane.request(ordinals=(0, 1), steps=8)
        task = asyncio.create_task(lane.run(request))
        await until(lambda: bool(lane.fake.running))
        await lane.line.down()
        with pytest.raises(EngineUnavailable, match="cannot be reached"):
            await task
        await lane.line.up()
        again = replace(request, attempt=2)
        checks.pictures_are_as_asked(await lane.run(again), again)
        assert len(lane.fake.posted) == 2, "what ran on is fetched and not made again"


# ------------------------------------------------------------------------------------------------ reconciling


async def test_a_gateway_that_died_finds_what_runs_what_waits_and_what_is_finished(lane: Lane) -> None:
    lane.fake.step_seconds = 0.02
    request = await lane.request(ordinals=(0, 1, 2), steps=10)
    async for event in lane.events(request):
        if isinstance(event, Progress) and event.step > 10:
            break  # as a process that is killed: the first is finished, the second runs, the third was not sent
    again = replace(request, attempt=2)
    run = await lane.run(again)
    checks.pictures_are_as_asked(run, again)
    sent = [body["prompt_id"] for body in lane.fake.posted]
    assert sent[:2] == [prompts.prompt_id(request, 0), prompts.prompt_id(request, 1)]
    assert sent.count(prompts.prompt_id(request, 2)) + sent.count(prompts.prompt_id(again, 2)) == 1
    assert len(sent) == 3


async def test_every_earlier_attempt_is_looked_up(lane: Lane) -> None:
    request = await lane.request()
    await lane.run(request)
    late = replace(request, attempt=4)
    checks.pictures_are_as_asked(await lane.run(late), late)
    assert len(lane.fake.posted) == 1


async def test_a_server_that_is_away_at_the_start_is_waited_for(lane: Lane) -> None:
    request = await lane.request()
    await lane.line.down()
    task = asyncio.create_task(lane.run(request))
    await asyncio.sleep(0.8)
    await lane.line.up()
    checks.pictures_are_as_asked(await task, request)


async def test_one_of_several_that_is_away_is_told_of_at_once(lane: Lane) -> None:
    from engines.comfyui.engine import ComfyUIEngine
    from engines.comfyui.options import Options

    both = ComfyUIEngine("both", Options(servers=("http://127.0.0.1:9", lane.line.url), patience_seconds=60.0))
    request = await lane.request()
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await Lane(lane.fake, lane.line, both).run(request)
    await both.aclose()


async def test_a_cancel_while_the_server_is_away_just_ends() -> None:
    async with opened(FakeComfy(step_seconds=0.05), patience_seconds=5.0) as lane:
        request = await lane.request(steps=50)

        def leave(batch: Any, event: Any) -> None:
            if isinstance(event, Progress):
                lane.line.cut()
                batch.cancel(request.id)

        run = await lane.run(request, watch=leave)
        assert not [event for event in run.events if isinstance(event, ImageReady | Done)]


async def test_what_failed_before_is_made_anew(lane: Lane) -> None:
    request = replace(await lane.request(), prompt="broken")
    with pytest.raises(EngineError):
        await lane.run(request)
    again = replace(request, attempt=2, prompt="mended")
    checks.pictures_are_as_asked(await lane.run(again), again)
    assert len(lane.fake.posted) == 2


async def test_a_finished_picture_whose_file_is_gone_is_told_of(lane: Lane) -> None:
    request = await lane.request()
    await lane.run(request)
    lane.fake.files.clear()
    again = replace(request, attempt=2)
    checks.pictures_are_as_asked(await lane.run(again), again)
    assert len(lane.fake.posted) == 2


async def test_it_is_found_on_whichever_server_it_was_sent_to() -> None:
    async with opened() as one, opened() as other:
        from engines.comfyui.engine import ComfyUIEngine
        from engines.comfyui.options import Options

        request = await one.request()
        await one.run(request)
        both = ComfyUIEngine("both", Options(servers=(other.line.url, one.line.url)))
        lane = Lane(other.fake, other.line, both)
        again = replace(request, attempt=2)
        checks.pictures_are_as_asked(await lane.run(again), again)
        assert other.fake.posted == []
        await one.line.down()
        late = replace(request, id="another", attempt=2)
        checks.pictures_are_as_asked(await lane.run(late), late)
        assert len(other.fake.posted) == 1
        await both.aclose()


# ------------------------------------------------------------------------------------------------ faults of the network


class Faulty:
    """A lane whose requests go through a proxy with faults."""

    def __init__(self, fake: FakeComfy, proxy: Proxy, lane: Lane) -> None:
        self.fake, self.proxy, self.lane = fake, proxy, lane


@pytest.fixture
async def faulty() -> AsyncIterator[Faulty]:
    from engines.comfyui.engine import ComfyUIEngine
    from engines.comfyui.options import Options

    fake = FakeComfy()
    async with served(fake, sockets=True) as url, Proxy(url).open() as proxy:
        engine = ComfyUIEngine("comfyui", Options(servers=(proxy.url,), patience_seconds=1.0))
        yield Faulty(fake, proxy, Lane(fake, None, engine))  # type: ignore[arg-type]
        await engine.aclose()
        fake.kill()


FAULTS: dict[str, tuple[Fault, type[EngineError], str]] = {
    "500": (Fault(answer=http(500, b"500 Internal Server Error", "text/plain")), EngineCrashed, "answered 500"),
    "garbage": (Fault(answer=http(200, b"{nope")), EngineCrashed, "no JSON"),
    "another kind": (Fault(answer=http(200, b"<html>hello</html>", "text/html")), EngineCrashed, "no JSON"),
    "a list": (Fault(answer=http(200, b"[]")), EngineCrashed, "is it a ComfyUI"),
    "a storm": (Fault(answer=http(429, b"{}", retry_after="7")), UpstreamRateLimited, "answered 429"),
    "a closed door": (Fault(answer=http(403, b"")), ModelUnusable, "403"),
    "a redirect": (Fault(answer=http(302, b"", location="http://elsewhere/")), ModelUnusable, "Redirects"),
    "nobody": (Fault(refuse=True), EngineUnavailable, "127.0.0.1"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_an_answer_that_is_none_is_told_as_what_it_is(faulty: Faulty, name: str) -> None:
    fault, kind, words = FAULTS[name]
    request = await faulty.lane.request()
    faulty.proxy.always = fault
    with pytest.raises(kind, match=words) as raised:
        await faulty.lane.run(request)
    assert type(raised.value) is kind
    if isinstance(raised.value, UpstreamRateLimited):
        assert raised.value.retry_after == 7


@pytest.mark.parametrize("fault", [Fault(swallow=True), Fault(cut_after=20), Fault(delay=0.05), Fault(refuse=True)])
@pytest.mark.parametrize("at", range(6))
async def test_one_broken_connection_costs_nothing(faulty: Faulty, fault: Fault, at: int) -> None:
    """Whichever it is: the socket, the sending, a question, the picture. A prompt that was taken is not sent twice."""
    request = await faulty.lane.request(capability="image_to_image")
    faulty.proxy.faults = [*[Fault()] * at, fault]
    try:
        run = await faulty.lane.run(request)
    except EngineUnavailable:
        again = replace(request, attempt=2)
        run = await faulty.lane.run(again)
    checks.pictures_are_as_asked(run, request)
    assert len(faulty.fake.posted) == 1


async def test_a_picture_that_is_cut_off_is_fetched_again(lane: Lane) -> None:
    broken = 0

    def cut(method: str, path: str) -> None:
        nonlocal broken
        if path == "/view" and not broken:
            broken += 1
            lane.line.cut()

    lane.fake.on_request = cut
    request = await lane.request()
    checks.pictures_are_as_asked(await lane.run(request), request)
    assert len(lane.fake.posted) == 1


async def test_what_is_no_picture_is_not_handed_on(lane: Lane) -> None:
    request = await lane.request()
    view = lane.fake._view
    lane.fake._view = lambda named: (200, "image/png", view(named)[2][:200])  # type: ignore[method-assign]
    with pytest.raises(EngineCrashed, match=r"cut off|damaged"):
        await lane.run(request)


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not what():
            await asyncio.sleep(0.005)
