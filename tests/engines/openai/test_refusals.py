"""What goes wrong upstream and on the way there: who must act, in whose words, and that nothing is paid twice."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from engines.contract import (
    ContentRejected,
    EngineError,
    EngineUnavailable,
    ImageReady,
    InvalidRequest,
    ModelSpec,
    ModelUnusable,
    Progress,
    UpstreamOutcomeUnknown,
    UpstreamRateLimited,
)
from engines.openai.engine import OpenAIEngine
from engines.openai.options import ModelOptions, Options
from tests.engines.openai.conftest import Open
from tests.fakes.openai_images import BLOCKED, KEY, OpenAIImages, Refusal
from tests.fakes.serving import Fault, Proxy, http, served

Make = Callable[..., Any]
STREAM = {"kind": "text/event-stream"}


@pytest.fixture
async def proxy(upstream: OpenAIImages) -> AsyncIterator[Proxy]:
    async with served(upstream) as url, Proxy(url).open() as proxy:
        yield proxy


@pytest.fixture
def far(engines: Open, proxy: Proxy) -> OpenAIEngine:
    """The engine behind the proxy, over real sockets."""
    return engines(base_url=f"{proxy.url}/v1")


async def test_a_refused_prompt_is_rejected_in_their_words(engine: OpenAIEngine, make: Make) -> None:
    with pytest.raises(ContentRejected, match=r"rejected by the safety system. safety_violations=\[violence\]"):
        await make(engine, prompt=BLOCKED)


@pytest.mark.parametrize(
    ("refusal", "kind", "says"),
    [
        (Refusal(400, "Unknown parameter: 'foo'.", param="foo", code="unknown_parameter"), InvalidRequest, "parameter: 'foo'"),
        (Refusal(400, "x", code="content_policy_violation"), ContentRejected, "OpenAI refused this: x"),
        (Refusal(401, "Incorrect API key provided: sk-abcdef******wxyz."), ModelUnusable, "•••"),
        (Refusal(403, "Your organization must be verified to use the model."), ModelUnusable, "must be verified"),
        (Refusal(404, "The model does not exist.", code="model_not_found"), ModelUnusable, "name another model"),
        (Refusal(429, "You exceeded your quota.", code="insufficient_quota"), ModelUnusable, "see to the account"),
        (Refusal(400, "Hard limit.", code="billing_hard_limit_reached"), ModelUnusable, "see to the account"),
        (Refusal(429, "Slow down.", headers={"retry-after": "7"}), UpstreamRateLimited, "Slow down"),
        (Refusal(503, "Overloaded."), EngineUnavailable, "Overloaded"),
        (Refusal(500, "The server had an error. /srv/app/x.py"), UpstreamOutcomeUnknown, r"had an error. …/x.py"),
        (Refusal(502, "Bad gateway."), UpstreamOutcomeUnknown, "Bad gateway"),
        (Refusal(504, "Time-out."), UpstreamOutcomeUnknown, "Time-out"),
    ],
    ids=lambda value: f"{value.status} {value.body['error']['code']}" if isinstance(value, Refusal) else "",
)
async def test_who_must_act(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make, refusal: Refusal, kind: type[EngineError], says: str
) -> None:
    upstream.refusals = [refusal]
    with pytest.raises(EngineError, match=says) as raised:
        await make(engine)
    assert type(raised.value) is kind
    assert KEY not in raised.value.message
    assert not upstream.asked, "it was not asked a second time"


async def test_a_field_of_theirs_is_named_by_ours(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    upstream.refusals = [Refusal(400, "Invalid size.", param="size", code="invalid_value")]
    with pytest.raises(InvalidRequest) as raised:
        await make(engine)
    assert raised.value.field == "width"


async def test_their_request_id_is_told_where_support_may_need_it(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make
) -> None:
    upstream.refusals = [Refusal(500, "Sorry.")]
    with pytest.raises(UpstreamOutcomeUnknown, match="req_1"):
        await make(engine)


async def test_a_rate_limit_holds_all_jobs_of_the_account(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    upstream.refusals = [Refusal(429, "Slow down.", headers={"retry-after": "30"})]
    with pytest.raises(UpstreamRateLimited) as raised:
        await make(engine)
    assert raised.value.retry_after == 30
    with pytest.raises(UpstreamRateLimited) as raised:
        await make(engine, "gpt-image-1-mini")
    assert 28 < raised.value.retry_after <= 30
    assert not upstream.asked, "nobody asked while there was nothing left"
    assert not (await engine.health("1")).ok


async def test_remaining_headers_are_believed_before_a_refusal(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make
) -> None:
    upstream.headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}
    await make(engine)
    with pytest.raises(UpstreamRateLimited, match="no requests left") as raised:
        await make(engine)
    assert 85 < raised.value.retry_after <= 90


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Fault(swallow=True), UpstreamOutcomeUnknown, "broke off before it had answered"),
        (Fault(cut_after=30), UpstreamOutcomeUnknown, "broke off"),
        (Fault(cut_after=2000), UpstreamOutcomeUnknown, "broke off"),
        (Fault(answer=http(200, b'{"created": 1, "da')), UpstreamOutcomeUnknown, "cannot be read"),
        (Fault(answer=http(200, b"<html>", "text/html")), UpstreamOutcomeUnknown, "text/html that cannot be read"),
        (Fault(answer=http(200, b"[]")), UpstreamOutcomeUnknown, "cannot be read"),
        (Fault(answer=http(200, b'{"created": 1, "data": []}')), UpstreamOutcomeUnknown, "no picture"),
        (Fault(answer=http(200, b'{"data": [{"url": "http://x"}]}')), UpstreamOutcomeUnknown, "links instead"),
        (Fault(answer=http(200, b'{"data": [{"b64_json": "!"}]}')), UpstreamOutcomeUnknown, "no base64|no PNG"),
        (Fault(answer=http(200, b'{"data": [{"b64_json": "aGVsbG8="}]}')), UpstreamOutcomeUnknown, "no PNG, JPEG or WebP"),
        (Fault(answer=http(500, b"oops", "text/plain")), UpstreamOutcomeUnknown, "500: oops"),
        (Fault(answer=http(429, b"{}", retry_after="3")), UpstreamRateLimited, "429"),
        (Fault(answer=http(302, b"", location="http://elsewhere/")), ModelUnusable, "Redirects are not followed"),
        (Fault(answer=http(200, b"{}", content_encoding="gzip")), UpstreamOutcomeUnknown, "packs what it sends"),
    ],
)
async def test_what_was_sent_is_never_sent_again(
    far: OpenAIEngine, proxy: Proxy, make: Make, fault: Fault, kind: type[EngineError], says: str
) -> None:
    proxy.faults = [fault]
    with pytest.raises(EngineError, match=says) as raised:
        await make(far)
    assert type(raised.value) is kind
    assert proxy.connections == 1


async def test_an_answer_that_does_not_come_in_time_may_have_been_worked_on(engines: Open, proxy: Proxy, make: Make) -> None:
    far = engines(base_url=f"{proxy.url}/v1", timeout_seconds=1)
    proxy.faults = [Fault(hang=True)]
    with pytest.raises(UpstreamOutcomeUnknown, match="did not answer in time"):
        await make(far)
    assert proxy.connections == 1


async def test_a_server_that_is_not_there_is_unavailable(engines: Open, make: Make) -> None:
    with pytest.raises(EngineUnavailable, match=r"cannot be reached.*is its address in models.toml right"):
        await make(engines(base_url="http://127.0.0.1:9/v1"))


async def test_a_server_of_our_own_may_be_asked_again(engines: Open, proxy: Proxy, make: Make) -> None:
    ours = engines(base_url=f"{proxy.url}/v1", paid=False)
    proxy.faults = [Fault(swallow=True)]
    with pytest.raises(EngineUnavailable, match="broke off"):
        await make(ours)


async def test_a_damaged_picture_that_was_paid_for_is_not_asked_for_again(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make
) -> None:
    upstream.spoil = [b"\x89PNG\r\n\x1a\n" + b"\0" * 64]
    with pytest.raises(UpstreamOutcomeUnknown, match="damaged"):
        await make(engine)
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    ("events", "kind", "says"),
    [
        ([], UpstreamOutcomeUnknown, "ended its stream without a picture"),
        ([b"data: [DONE]\n\n"], UpstreamOutcomeUnknown, "ended its stream"),
        ([b"data: {\n\n"], UpstreamOutcomeUnknown, "cannot be read"),
        ([b'data: {"type": "unknown.event", "x": 1}\n\n'], UpstreamOutcomeUnknown, "ended its stream"),
        ([b'data: {"error": {"message": "no", "code": "moderation_blocked"}}\n\n'], ContentRejected, "refused this: no"),
        ([b'data: {"error": {"message": "boom", "type": "server_error"}}\n\n'], UpstreamOutcomeUnknown, "gave up: boom"),
    ],
)
async def test_streams_that_end_badly(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make, events: list[bytes], kind: type[EngineError], says: str
) -> None:
    upstream.events = events
    with pytest.raises(EngineError, match=says) as raised:
        await make(engine, watched=True)
    assert type(raised.value) is kind


async def test_a_stream_that_is_cut_has_an_unknown_end(far: OpenAIEngine, proxy: Proxy, make: Make) -> None:
    proxy.faults = [Fault(cut_after=6000)]
    with pytest.raises(UpstreamOutcomeUnknown, match="broke off"):
        await make(far, watched=True)
    assert proxy.connections == 1


async def test_a_server_that_does_not_stream_answers_whole(
    engine: OpenAIEngine, proxy: Proxy, engines: Open, make: Make
) -> None:
    import numpy as np

    from tests.fakes.pictures import png

    data = base64.b64encode(png(np.zeros((1024, 1024, 3), np.uint8)))
    proxy.faults = [Fault(answer=http(200, b'{"created": 1, "data": [{"b64_json": "' + data + b'"}]}'))]
    run = await make(engines(base_url=f"{proxy.url}/v1"), watched=True)
    assert [event for event in run.events if isinstance(event, ImageReady)]


@pytest.mark.parametrize("watched", [False, True])
async def test_who_leaves_is_not_waited_for(far: OpenAIEngine, upstream: OpenAIImages, make: Make, watched: bool) -> None:
    upstream.gate.clear()
    loop = asyncio.get_running_loop()
    model = ModelSpec("gpt-image-2", "gpt-image-2", options=ModelOptions())
    from engines.suite import SuiteBatch, make_request
    from engines.suite.driver import Driver

    request = make_request(await far.card(model), model)
    batch = SuiteBatch([request], watched={request.id} if watched else ())
    loop.call_later(0.2, batch.cancel, request.id)
    began = loop.time()
    run = await Driver(far, model, "1").run(batch)
    assert not run.events
    assert loop.time() - began < 2
    upstream.gate.set()


async def test_an_engine_that_is_replaced_ends_its_work_first(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    upstream.gate.clear()
    running = asyncio.create_task(make(engine))
    while not upstream.asked:
        await asyncio.sleep(0.01)
    opened = engine._opened
    assert opened is not None
    await engine.aclose()
    upstream.gate.set()
    assert [event for event in (await running).events if isinstance(event, ImageReady)]
    await asyncio.sleep(0.01)
    assert opened[1].is_closed()


async def test_an_engine_that_is_replaced_makes_what_its_lane_was_given_before(engine: OpenAIEngine, make: Make) -> None:
    """The lane may have waited: for its turn, or for a picture to be read."""
    await make(engine)
    await engine.aclose()
    assert [event for event in (await make(engine)).events if isinstance(event, ImageReady)]
    await asyncio.sleep(0.01)
    assert engine._opened is None, "closed anew"


async def test_who_leaves_between_previews_gets_no_picture(engine: OpenAIEngine, make: Make) -> None:
    def leave(event: Any, batch: Any, request: Any) -> None:
        if isinstance(event, Progress):
            batch.cancel(request.id)

    run = await make(engine, watched=True, watch=leave)
    assert not [event for event in run.events if isinstance(event, ImageReady)]


async def test_health_and_discovery(engines: Open, upstream: OpenAIImages) -> None:
    engine = engines(upstream)
    assert (await engine.health("1")).ok
    assert [spec.id for spec in await engine.discover()] == upstream.models, "what makes no pictures is left out"
    upstream.key = "another"
    health = await engine.health("1")
    assert not health.ok
    assert "401" in health.reason
    assert KEY not in health.reason
    with pytest.raises(EngineError, match="401"):
        await engine.discover()
    other = engines(base_url="http://127.0.0.1:9/v1")
    assert not (await other.health("1")).ok


async def test_a_missing_key_is_told_before_anything_is_asked() -> None:
    engine = OpenAIEngine("cloud", Options(api_key="OPENAI_API_KEY"))
    with pytest.raises(ModelUnusable, match="OPENAI_API_KEY is not set"):
        await engine.card(ModelSpec("x", "gpt-image-2", options=ModelOptions()))
    assert "OPENAI_API_KEY" in (await engine.health("1")).reason


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "api_key: name the secret"),
        ({"base_url": "ftp://x", "api_key": "A"}, "base_url: give the address"),
        ({"base_url": "https://user:pass@host/v1"}, "no key or password within it"),
        ({"base_url": "https://host/v1?key=abc"}, "no key or password within it"),
    ],
)
def test_options_that_cannot_be(options: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Options(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("own", [{"background": "transparent", "output_format": "jpeg"}, {"output_compression": 50}])
def test_model_options_that_cannot_be(own: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="output_format"):
        ModelOptions(**own)


async def test_without_the_sdk_a_model_is_unusable(engine: OpenAIEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelUnusable, match=r"install darkroom-gateway\[openai\]"):
        await engine.card(ModelSpec("x", "gpt-image-2", options=ModelOptions()))
