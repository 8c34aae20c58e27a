"""What is sent, what comes back, and what goes wrong: who must act, in whose words, and that nothing is paid twice."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from google.genai import types

from engines.contract import (
    ContentRejected,
    Done,
    EngineError,
    EngineUnavailable,
    ImageReady,
    InvalidRequest,
    ModelSpec,
    ModelUnusable,
    Progress,
    Size,
    UpstreamOutcomeUnknown,
    UpstreamRateLimited,
)
from engines.gemini import asking
from engines.gemini.answers import NoImage
from engines.gemini.cards import catalogue, nearest, shapes_of
from engines.gemini.engine import GeminiEngine
from engines.gemini.options import ModelOptions, Options
from engines.http import decode
from engines.suite import Run, SuiteBatch, make_request
from engines.suite.driver import Driver
from tests.engines.gemini.conftest import Open
from tests.fakes.gemini_api import BLOCKED, KEY, GeminiAPI, Refusal, answer, blocked, error_info, picture, retry_info
from tests.fakes.pictures import png
from tests.fakes.serving import Fault, Proxy, http, served

Make = Callable[..., Any]
RED = np.full((64, 64, 3), (200, 10, 10), np.uint8)
SQUARE = png(np.zeros((1024, 1024, 3), np.uint8))


def pictures(run: Run) -> list[ImageReady]:
    found = [event for event in run.events if isinstance(event, ImageReady)]
    return sorted(found, key=lambda event: event.ordinal)


def done(run: Run) -> Done:
    (end,) = [event for event in run.events if isinstance(event, Done)]
    return end


async def test_what_is_sent(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    own = ModelOptions(safety={"HARM_CATEGORY_HARASSMENT": "BLOCK_ONLY_HIGH"})
    run = await make(engine, prompt="two cats", size=Size(2752, 1536), own=own)
    (asked,) = upstream.asked
    assert asked.path == "/v1beta/models/gemini-3.1-flash-image:generateContent"
    assert asked.query == "", "the key is in no address"
    assert [part.get("text") for part in asked.parts] == ["two cats"]
    assert asked.image == {"aspectRatio": "16:9", "imageSize": "2K"}
    assert asked.body["generationConfig"]["responseModalities"] == ["IMAGE"]
    assert asked.body["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]
    (made,) = pictures(run)
    assert made.encoded == upstream.delivered[0], "bytes as delivered"
    assert made.seed is None
    assert done(run).upstream_id == "1"


async def test_pictures_are_looked_at_in_their_order(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    references = tuple(np.full((64, 64, 3), shade, np.uint8) for shade in range(14))
    await make(engine, capability="image_to_image", references=references)
    read = [types.Part.model_validate(part).inline_data for part in upstream.asked[0].parts]
    sent = [each for each in read if each]
    assert {each.mime_type for each in sent} == {"image/png"}
    shades = [int(decode(each.data or b"")[0, 0, 0]) for each in sent]
    assert shades == list(range(14))


async def test_more_pictures_than_it_looks_at_are_refused(engine: GeminiEngine, make: Make) -> None:
    with pytest.raises(InvalidRequest, match="looks at 14 pictures, not 15"):
        await make(engine, capability="image_to_image", references=(RED,) * 15)


def test_pictures_that_are_large_together_are_packed_tighter(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 4), np.uint8)
    monkeypatch.setattr(asking, "MOST_BYTES", 12_000)
    assert [kind for _, kind in asking.packed((noise, RED))] == ["image/jpeg", "image/png"]
    monkeypatch.setattr(asking, "MOST_BYTES", 100)
    with pytest.raises(InvalidRequest, match="Hand in fewer, or smaller ones"):
        asking.packed((noise, RED))


async def test_several_pictures_are_several_calls_side_by_side(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    run = await make(engine, ordinals=(0, 1, 2, 3, 4, 5))
    assert len(upstream.asked) == 6
    assert upstream.most_at_once == engine.options.concurrency == 4
    assert [each.ordinal for each in pictures(run)] == [0, 1, 2, 3, 4, 5]
    usage = done(run).usage or {}
    assert usage["candidates_token_count"] == 6 * 1120
    assert usage["cost_usd"] == pytest.approx(6 * (10 * 0.5 + 1120 * 60 + 200 * 3) / 1e6)


@pytest.mark.parametrize(
    ("width", "height", "ratio", "image_size"),
    [
        (1024, 1024, "1:1", "1K"),
        (1040, 1040, "1:1", "1K"),
        (1200, 1200, "1:1", "2K"),
        (512, 512, "1:1", "512"),
        (768, 1664, "9:16", "2K"),
        (1376, 768, "16:9", "1K"),
        (1024, 512, "16:9", "1K"),
        (3072, 384, "8:1", "1K"),
        (4096, 4096, "1:1", "4K"),
    ],
)
def test_a_request_is_made_at_the_nearest_ratio(width: int, height: int, ratio: str, image_size: str) -> None:
    shape = nearest(width, height, shapes_of(catalogue()["gemini-3.1-flash-image"], ModelOptions()))
    assert (shape.ratio, shape.image_size) == (ratio, image_size)


async def test_a_ratio_that_it_lacks_is_cut_and_that_is_said(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    run = await make(engine, size=Size(1024, 512))
    assert upstream.asked[0].image == {"aspectRatio": "16:9", "imageSize": "1K"}
    (made,) = pictures(run)
    assert made.pixels is not None
    assert made.pixels.shape == (512, 1024, 3)
    expected = {"aspect_ratio": "16:9", "image_size": "1K", "delivered_size": "1376x768"}
    assert made.parameters.items() >= expected.items()


async def test_what_is_too_large_is_refused_before_the_queue(engine: GeminiEngine, make: Make) -> None:
    with pytest.raises(InvalidRequest, match="more than this model makes in that ratio: 1024x1024"):
        await make(engine, own=ModelOptions(image_size="1K"), size=Size(2048, 2048))


async def test_predict_takes_several_pictures_a_call(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    own = ModelOptions(like="imagen-4.0", person_generation="dont_allow")
    run = await make(engine, "imagen-4.0-generate-001", ordinals=tuple(range(6)), own=own)
    assert sorted(each.body["parameters"]["sampleCount"] for each in upstream.asked) == [2, 4]
    assert upstream.asked[0].path == "/v1beta/models/imagen-4.0-generate-001:predict"
    assert upstream.asked[0].body["instances"] == [{"prompt": "a red circle on a blue background"}]
    assert upstream.asked[0].body["parameters"]["personGeneration"] == "dont_allow"
    assert len(pictures(run)) == 6
    assert (done(run).usage or {})["cost_usd"] == pytest.approx(0.24)


async def test_filtered_predictions_are_a_refusal(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    own = ModelOptions(like="imagen-4.0")
    upstream.script = [{"predictions": [{"raiFilteredReason": "Blocked: violence."}]}]
    with pytest.raises(ContentRejected, match="Blocked: violence"):
        await make(engine, "imagen-4.0-generate-001", own=own)
    upstream.script = [{}]
    with pytest.raises(ContentRejected, match="delivered no picture"):
        await make(engine, "imagen-4.0-generate-001", own=own)


async def test_a_blocked_prompt_is_rejected(engine: GeminiEngine, make: Make) -> None:
    with pytest.raises(ContentRejected, match="PROHIBITED_CONTENT"):
        await make(engine, prompt=BLOCKED)


@pytest.mark.parametrize(
    "reason", ["SAFETY", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "RECITATION", "SPII", "BLOCKLIST"]
)
async def test_refusals_hide_in_good_answers(engine: GeminiEngine, upstream: GeminiAPI, make: Make, reason: str) -> None:
    upstream.script = [answer(None, reason=reason, message="Unable to show the generated image.")]
    with pytest.raises(ContentRejected, match=rf"\({reason}\): Unable to show") as raised:
        await make(engine)
    assert not raised.value.retried
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("reason", ["NO_IMAGE", "IMAGE_OTHER", "STOP", "MAX_TOKENS"])
async def test_no_picture_is_asked_for_once_more(engine: GeminiEngine, upstream: GeminiAPI, make: Make, reason: str) -> None:
    words = answer([types.Part(text="I would rather talk.")], reason=reason)
    upstream.script = [words]
    assert pictures(await make(engine)), "the second answer had one"
    upstream.script = [words, words]
    with pytest.raises(NoImage, match="I would rather talk") as raised:
        await make(engine)
    assert raised.value.code == "no_image"
    assert not raised.value.retried


async def test_thoughts_are_no_pictures(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    sketch = png(np.full((1024, 1024, 3), 7, np.uint8))
    upstream.script = [answer([picture(sketch, thought=True), types.Part(text="So:"), picture(SQUARE)])]
    assert [each.encoded for each in pictures(await make(engine))] == [SQUARE]


async def test_a_new_reason_is_no_crash(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    told = answer(None, reason="IMAGE_OTHER")
    told["candidates"][0]["finishReason"] = "SOMETHING_NEW"
    upstream.script = [told, told]
    with pytest.warns(UserWarning, match="SOMETHING_NEW"), pytest.raises(NoImage, match="SOMETHING_NEW"):
        await make(engine)


@pytest.mark.parametrize(
    ("refusal", "kind", "says"),
    [
        (Refusal(400, "INVALID_ARGUMENT", "Bad prompt."), InvalidRequest, "Bad prompt"),
        (Refusal(400, "INVALID_ARGUMENT", f"API key {KEY} expired.", error_info("API_KEY_INVALID")), ModelUnusable, "•••"),
        (Refusal(400, "FAILED_PRECONDITION", "User location is not supported."), ModelUnusable, "location"),
        (Refusal(403, "PERMISSION_DENIED", "Denied."), ModelUnusable, "Denied"),
        (Refusal(404, "NOT_FOUND", "models/x is not found."), ModelUnusable, "not found"),
        (Refusal(429, "RESOURCE_EXHAUSTED", "Quota.", retry_info("34s")), UpstreamRateLimited, "Quota"),
        (Refusal(429, "RESOURCE_EXHAUSTED", "Quota."), UpstreamRateLimited, "Quota"),
        (Refusal(503, "UNAVAILABLE", "The model is overloaded."), EngineUnavailable, "overloaded"),
        (Refusal(500, "INTERNAL", "An internal error."), UpstreamOutcomeUnknown, "internal error"),
        (Refusal(504, "DEADLINE_EXCEEDED", "Too late."), UpstreamOutcomeUnknown, "Too late"),
    ],
    ids=lambda value: f"{value.code} {value.body['error']['status']}" if isinstance(value, Refusal) else "",
)
async def test_who_must_act(
    engine: GeminiEngine, upstream: GeminiAPI, make: Make, refusal: Refusal, kind: type[EngineError], says: str
) -> None:
    upstream.script = [refusal]
    with pytest.raises(EngineError, match=says) as raised:
        await make(engine)
    assert type(raised.value) is kind
    assert KEY not in raised.value.message
    assert len(upstream.asked) == 1, "it was not asked a second time"


async def test_a_rate_limit_holds_all_jobs_of_the_account(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    upstream.script = [Refusal(429, "RESOURCE_EXHAUSTED", "Quota.", retry_info("34s"))]
    with pytest.raises(UpstreamRateLimited) as raised:
        await make(engine)
    assert raised.value.retry_after == 34
    with pytest.raises(UpstreamRateLimited):
        await make(engine, "gemini-3-pro-image")
    assert len(upstream.asked) == 1
    assert not (await engine.health("1")).ok


async def test_a_part_that_was_refused_leaves_the_rest(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    upstream.script = [blocked("SAFETY")]
    assert len(pictures(await make(engine, ordinals=(0, 1, 2)))) == 2


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (Refusal(503, "UNAVAILABLE", "x"), blocked("SAFETY"), EngineUnavailable),
        (Refusal(503, "UNAVAILABLE", "x"), b"garbage", UpstreamOutcomeUnknown),
        (blocked("SAFETY"), b"garbage", UpstreamOutcomeUnknown),
    ],
)
async def test_of_several_faults_the_one_counts_that_must_not_be_repeated(
    engine: GeminiEngine, upstream: GeminiAPI, make: Make, first: Any, second: Any, kind: type[EngineError]
) -> None:
    upstream.script = [first, second]
    seen: list[Any] = []
    with pytest.raises(kind):
        await make(engine, ordinals=(0, 1, 2), watch=lambda event, *_: seen.append(event))
    assert any(isinstance(event, ImageReady) for event in seen), "what was made was handed over before"


async def test_who_leaves_is_not_waited_for(engine: GeminiEngine, upstream: GeminiAPI) -> None:
    upstream.gate.clear()
    model = ModelSpec("m", "gemini-3-pro-image", options=ModelOptions())
    batch = SuiteBatch([make_request(await engine.card(model), model, ordinals=(0, 1))])
    asyncio.get_running_loop().call_later(0.2, batch.cancel, batch.requests[0].id)
    run = await Driver(engine, model, "1", seconds=5).run(batch)
    assert not run.events
    assert upstream.at_once == 0


async def test_who_leaves_midway_gets_no_more(engine: GeminiEngine, make: Make) -> None:
    def leave(event: Any, batch: Any, request: Any) -> None:
        if isinstance(event, Progress):
            batch.cancel(request.id)

    assert len(pictures(await make(engine, ordinals=tuple(range(8)), watch=leave))) == 1


@pytest.fixture
async def proxy(upstream: GeminiAPI) -> AsyncIterator[Proxy]:
    async with served(upstream) as url, Proxy(url).open() as proxy:
        yield proxy


@pytest.mark.parametrize("offered", ["gemini-3-pro-image", "imagen-4.0-generate-001"])
@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Fault(refuse=True), UpstreamOutcomeUnknown, "broke off"),
        (Fault(swallow=True), UpstreamOutcomeUnknown, "broke off"),
        (Fault(cut_after=300), UpstreamOutcomeUnknown, "broke off"),
        (Fault(hang=True), UpstreamOutcomeUnknown, "did not answer in time"),
        (Fault(answer=http(200, b'{"candidates": [')), UpstreamOutcomeUnknown, "cannot be read|no prediction"),
        (Fault(answer=http(200, b"<html>", "text/html")), UpstreamOutcomeUnknown, "cannot be read|no prediction"),
        (Fault(answer=http(502, b"<html><title>Bad Gateway</title>", "text/html")), UpstreamOutcomeUnknown, "502"),
        (Fault(answer=http(429, b"{}", retry_after="3")), UpstreamRateLimited, "429"),
        (Fault(answer=http(302, b"", location="http://elsewhere/")), ModelUnusable, "Redirects are not followed"),
    ],
)
async def test_what_was_sent_is_never_sent_again(
    engines: Open, proxy: Proxy, make: Make, offered: str, fault: Fault, kind: type[EngineError], says: str
) -> None:
    far = engines(base_url=proxy.url, timeout_seconds=1)
    proxy.faults = [fault]
    with pytest.raises(EngineError, match=says) as raised:
        await make(far, offered)
    assert type(raised.value) is kind
    assert proxy.connections == 1


async def test_a_server_that_is_not_there_is_unavailable(engines: Open, make: Make) -> None:
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await make(engines(base_url="http://127.0.0.1:9"))


async def test_a_damaged_picture_is_not_asked_for_again(engine: GeminiEngine, upstream: GeminiAPI, make: Make) -> None:
    upstream.spoil = [b"GIF89a" + b"\0" * 64]
    with pytest.raises(UpstreamOutcomeUnknown, match="no PNG, JPEG or WebP"):
        await make(engine)
    assert len(upstream.asked) == 1


async def test_health_and_discovery(engines: Open, upstream: GeminiAPI) -> None:
    engine = engines(upstream)
    assert (await engine.health("1")).ok
    assert [spec.id for spec in await engine.discover()] == ["gemini-3-pro-image", "gemini-3.1-flash-image"]
    other = engines(upstream)
    other.secret = lambda name: "wrong-key-123"
    health = await other.health("1")
    assert "not valid" in health.reason
    with pytest.raises(EngineError, match="not valid"):
        await other.discover()


@pytest.mark.parametrize(
    ("source", "own", "says"),
    [
        ("gemini-2.5-flash-image", ModelOptions(), 'down on 2026-10-02; use "gemini-3.1-flash-image"'),
        ("imagen-3.0-generate-002", ModelOptions(), "down on 2026-08-17"),
        ("gemini-9", ModelOptions(), "no model that is known here"),
        ("gemini-3-pro-image", ModelOptions(image_size="512"), "has no image_size"),
    ],
)
async def test_what_an_entry_cannot_say_makes_its_model_unusable(
    engine: GeminiEngine, source: str, own: ModelOptions, says: str
) -> None:
    with pytest.raises(ModelUnusable, match=says):
        await engine.card(ModelSpec("x", source, options=own))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "api_key: name the secret"),
        ({"base_url": "gemini"}, "base_url: give an address"),
        ({"base_url": "https://host/?key=abc"}, "no key within it"),
    ],
)
def test_options_that_cannot_be(options: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Options(**options)  # type: ignore[arg-type]


async def test_without_the_sdk_a_model_is_unusable(engine: GeminiEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.genai", None)
    with pytest.raises(ModelUnusable, match=r"install darkroom-gateway\[gemini\]"):
        await engine.card(ModelSpec("x", "gemini-3-pro-image", options=ModelOptions()))
