"""Chat sessions with a language model, which speaks the true wire format over real HTTP and says what a test scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.conftest import MODELS, PLUGINS
from tests.api.house import create_app, finished, served
from tests.api.test_chat import SESSIONS, current, history, opened, say
from tests.fakes.language import Endpoint, broken_stream, called, cut_stream, garbage, said, status
from tests.fakes.web import Web

pytest.importorskip("openai")

Json = dict[str, Any]
KEY = "sk-the-language-models-key"
CHAT = """
[settings.chat]
base_url = "{url}"
model = "scripted"
api_key = "CHAT_KEY"
timeout_seconds = 2
history_messages = 4

[engines.lanczos]
plugin = "lanczos"

[[models]]
id = "lanczos"
engine = "lanczos"
source = "builtin:lanczos"
"""


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().open() as endpoint:
        yield endpoint


@pytest.fixture
def make_app(wiring: Wiring, endpoint: Endpoint, web: Web) -> Callable[[], Litestar]:
    from engines.lanczos import LanczosEngine

    text = MODELS.replace("max_body_bytes = 4096", "max_body_bytes = 65536") + CHAT.format(url=endpoint.url)
    wiring.models_path.write_text(text)
    plugins = type(PLUGINS)({**PLUGINS.plugins, "lanczos": LanczosEngine})
    secret = msgspec.structs.replace(wiring, environment={"CHAT_KEY": KEY})
    return lambda: create_app(secret, registry=plugins, internet=web)


def script(endpoint: Endpoint, *answers: Any) -> None:
    endpoint.script = list(answers)


def events(answer: httpx.Response) -> list[tuple[str, Json]]:
    """Those of a stream, in their order."""
    assert answer.status_code == 200, answer.text
    found = [dict(line.partition(": ")[::2] for line in each.splitlines()) for each in answer.text.strip().split("\n\n")]
    return [(each["event"], json.loads(each["data"])) for each in found]


@pytest.mark.parametrize("stream", [False, True])
async def test_it_chooses_an_edit(client: httpx.AsyncClient, endpoint: Endpoint, stream: bool) -> None:
    session = await opened(client)
    script(endpoint, called("edit", {"prompt": "a blue circle", "strength": 0.5}, text="Blue it is."))
    answer = await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "in blue, please", "stream": stream})
    if stream:
        told = events(answer)
        assert [kind for kind, _ in told] == ["message", "delta", "tool", "done"]
        assert told[2][1] == {"name": "edit", "arguments": {"prompt": "a blue circle", "strength": 0.5}}
        made = told[-1][1]["answer"]
    else:
        made = answer.json()["answer"]
    assert (made["text"], made["tool"]["name"], made["state"]) == ("Blue it is.", "edit", "working")
    task = await finished(client, made["job_id"])
    assert (task["capability"], task["input"]["prompt"], task["input"]["strength"]) == ("image_to_image", "a blue circle", 0.5)
    assert (await current(client, session))["image_id"] == task["output"]["images"][0]["artifact_id"]
    (asked,) = endpoint.asked
    assert (asked["model"], asked.get("stream", False)) == ("scripted", stream)
    assert [each["function"]["name"] for each in asked["tools"]] == ["edit", "generate", "upscale"]
    assert [each["role"] for each in asked["messages"]] == ["system", "user"]
    assert "128 x 128" in asked["messages"][0]["content"]
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"


async def test_it_chooses_a_new_picture_and_an_upscale(client: httpx.AsyncClient, endpoint: Endpoint) -> None:
    session = await opened(client)
    script(endpoint, called("generate", {"prompt": "a green star"}), called("upscale", {}))
    task = await finished(client, (await say(client, session, "now a star")).json()["answer"]["job_id"])
    assert (task["capability"], task["input"]["images"]) == ("text_to_image", [])
    star = (await current(client, session))["image_id"]
    task = await finished(client, (await say(client, session, "larger")).json()["answer"]["job_id"])
    assert (task["capability"], task["model"], task["input"]["images"][0]["artifact_id"]) == ("upscale", "lanczos", star)
    assert (await current(client, session))["image"]["width"] == 256


@pytest.mark.parametrize("stream", [False, True])
async def test_it_answers_in_words(client: httpx.AsyncClient, endpoint: Endpoint, stream: bool) -> None:
    session = await opened(client)
    script(endpoint, said("A circ", "le, in ", "red. é\u0000"))
    answer = await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "what is it?", "stream": stream})
    if stream:
        told = events(answer)
        assert [kind for kind, _ in told] == ["message", "delta", "delta", "delta", "done"]
        assert "".join(data["text"] for kind, data in told if kind == "delta") == "A circle, in red. é"
        made = told[-1][1]["answer"]
    else:
        made = answer.json()["answer"]
    assert (made["state"], made["text"], made["job_id"]) == ("done", "A circle, in red. é", None)
    assert (await current(client, session))["image_id"] == session["image_id"]


async def test_it_is_reminded_of_what_was_said_and_done(client: httpx.AsyncClient, endpoint: Endpoint) -> None:
    session = await opened(client)
    script(endpoint, said("Hello."), called("edit", {"prompt": "b"}), called("edit", {"prompt": "c"}), said("Bye."))
    for text in ("hi", "change it", "again", "bye"):
        job_id = (await say(client, session, text)).json()["answer"]["job_id"]
        if job_id:
            await finished(client, job_id)
    turns = endpoint.asked[-1]["messages"]
    assert [each["role"] for each in turns] == ["system", "user", "assistant", "tool", "user", "assistant", "tool", "user"]
    assert [each["content"] for each in turns if each["role"] == "user"] == ["change it", "again", "bye"]
    call = turns[2]["tool_calls"][0]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("edit", {"prompt": "b"})
    assert turns[3] == {"role": "tool", "tool_call_id": call["id"], "content": turns[6]["content"]}
    assert "done" in turns[3]["content"]


WRONG: list[tuple[str, Any, str]] = [
    ("edit", '{"prompt": "a blue', "Input data was truncated"),
    ("edit", "", "missing required field `prompt`"),
    ("edit", "[]", "Expected `object`"),
    ("edit", {"prompt": ""}, "length >= 1"),
    ("edit", {"prompt": "x", "strength": "much"}, "`str`"),
    ("paint", {}, "There is no tool 'paint'"),
    ("upscale", {"scale": 16}, "times as large here"),  # the gallery's own refusal
]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_it_calls_wrongly_it_is_told(
    client: httpx.AsyncClient, endpoint: Endpoint, stream: bool, subtests: pytest.Subtests
) -> None:
    session = await opened(client, size="512x512", model="free")
    await client.patch("/admin/settings", json={"limits": {"max_pixels": 600_000}, "chat": {"history_messages": 0}})
    for name, arguments, told in WRONG:
        with subtests.test(name=name, arguments=arguments):
            script(endpoint, called(name, arguments), called("edit", {"prompt": "a blue circle"}))
            await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "in blue", "stream": stream})
            again = endpoint.asked[-1]["messages"]
            assert [each["role"] for each in again] == ["system", "user", "assistant", "tool"]
            assert told in again[-1]["content"]
            json.loads(again[2]["tool_calls"][0]["function"]["arguments"])  # some servers read it
            answer = (await history(client, session))[0]
            assert answer["tool"]["arguments"] == {"prompt": "a blue circle"}
            await finished(client, answer["job_id"])


async def test_of_two_tools_the_first_is_taken(client: httpx.AsyncClient, endpoint: Endpoint) -> None:
    session = await opened(client)
    for stream in (False, True):
        script(endpoint, called("edit", {"prompt": "b"}, also="generate"))
        await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "both", "stream": stream})
        made = (await history(client, session))[0]
        assert made["tool"]["name"] == "edit"
        await finished(client, made["job_id"])


FAILURES: dict[str, tuple[list[Any], str]] = {
    "errors": ([status(500), status(503)], "refused this (HTTP 503); try again later"),
    "a wrong key": ([status(401)], "refused this (HTTP 401); the operator must see to it"),
    "too often": ([status(429), status(429)], "(HTTP 429); try again later"),
    "no JSON": ([garbage(b"<html>")], "answered what cannot be read"),
    "a page": ([garbage(b"<html>", "text/html")], "answered what cannot be read"),
    "no choices": ([garbage(b'{"choices": []}')], "answered what cannot be read"),
    "a list": ([garbage(b"[1]")], "answered what cannot be read"),
    "nothing": ([said("")], "answered nothing"),
    "cut off": ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"] * 2, "cannot be reached"),
    "nobody": ([b""] * 2, "cannot be reached"),
    "wrong again and again": ([called("paint", {})] * 3, "what cannot be done, 3 times"),
}


@pytest.mark.parametrize("stream", [False, True])
async def test_its_failures_are_answers_and_leave_the_session_usable(
    client: httpx.AsyncClient, endpoint: Endpoint, stream: bool, subtests: pytest.Subtests
) -> None:
    session = await opened(client)
    for kind, (answers, words) in FAILURES.items():
        if stream and kind in ("no JSON", "a page", "no choices", "a list", "cut off"):
            words = ""  # as nothing, or as what cannot be read: a stream without events is an empty one
        with subtests.test(kind=kind):
            script(endpoint, *answers)
            told = await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "a", "stream": stream})
            assert told.status_code == (200 if stream else 202), told.text
            failed = (await history(client, session))[0]
            assert (failed["state"], failed["error"]["code"]) == ("failed", "language_model_failed"), failed
            assert words in failed["error"]["message"]
            for secret in (KEY, endpoint.url, "/srv/secret"):
                assert secret not in told.text
    script(endpoint, said("Now."))
    assert (await say(client, session)).json()["answer"]["text"] == "Now."


async def test_an_error_in_the_middle_of_a_stream(client: httpx.AsyncClient, endpoint: Endpoint) -> None:
    session = await opened(client)
    script(endpoint, broken_stream("A cir"))
    told = events(await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "a", "stream": True}))
    assert [kind for kind, _ in told] == ["message", "delta", "done"]
    assert told[-1][1]["answer"]["error"]["code"] == "language_model_failed"


UPSCALE = {"id": "call_1", "type": "function", "function": {"name": "upscale", "arguments": ""}}


@pytest.mark.parametrize("delta", [{"content": "I will"}, {"tool_calls": [{"index": 0, **UPSCALE}]}])
async def test_a_stream_that_breaks_off_is_no_answer(client: httpx.AsyncClient, endpoint: Endpoint, delta: Json) -> None:
    session = await opened(client)
    script(endpoint, cut_stream(delta))
    told = events(await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "a", "stream": True}))
    assert "broke off" in told[-1][1]["answer"]["error"]["message"]
    assert told[-1][1]["answer"]["job_id"] is None


async def test_a_tool_whose_place_is_not_told(client: httpx.AsyncClient, endpoint: Endpoint) -> None:
    session = await opened(client)
    whole = called("upscale", {})({"stream": True})
    script(endpoint, whole.replace(b'"index": 0, "id": "call_0"', b'"index": null, "id": "call_0"'))
    told = events(await client.post(f"{SESSIONS}/{session['id']}/messages", json={"text": "a", "stream": True}))
    assert told[-1][1]["answer"]["tool"]["name"] == "upscale"
    await finished(client, told[-1][1]["answer"]["job_id"])


async def test_one_that_never_answers(client: httpx.AsyncClient, endpoint: Endpoint) -> None:
    session = await opened(client)
    endpoint.gate.clear()
    asking = asyncio.create_task(say(client, session))
    while not endpoint.asked:
        await asyncio.sleep(0.01)
    assert (await say(client, session)).status_code == 409
    assert "within 2 seconds" in (await asking).json()["answer"]["error"]["message"]


async def test_what_the_gallery_refuses_is_the_answer(client: httpx.AsyncClient, endpoint: Endpoint) -> None:
    session = await opened(client)
    await client.patch("/admin/settings", json={"credits": {"enabled": True}})
    script(endpoint, called("edit", {"prompt": "b"}))
    failed = (await say(client, session)).json()["answer"]
    assert (failed["state"], failed["error"]["code"]) == ("failed", "insufficient_credits")


async def test_a_missing_secret_is_the_operators_matter(client: httpx.AsyncClient, wiring: Wiring, endpoint: Endpoint) -> None:
    session = await opened(client)
    wiring.models_path.write_text(wiring.models_path.read_text().replace("CHAT_KEY", "OTHER_KEY"))
    async with asyncio.timeout(20):
        while (await client.get("/admin/settings")).json()["chat"]["api_key"] != "OTHER_KEY":
            await asyncio.sleep(0.05)
    told = (await say(client, session)).json()["answer"]
    assert told["error"] == {
        "code": "language_model_failed", "message": "The language model is not set up right; the operator must see to it.",
    }  # fmt: skip
    assert endpoint.asked == []


async def test_over_http_nobody_says_where_the_secret_goes(client: httpx.AsyncClient) -> None:
    for key in ("base_url", "api_key"):
        answer = await client.patch("/admin/settings", json={"chat": {key: "http://elsewhere.example"}})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"chat.{key}")
    assert (await client.patch("/admin/settings", json={"chat": {"timeout_seconds": 3}})).is_success


async def test_long_messages_are_refused_before_it_is_asked(client: httpx.AsyncClient, endpoint: Endpoint) -> None:
    session = await opened(client)
    assert (await say(client, session, "x" * 8001)).status_code == 422
    script(endpoint, said("y" * 20_000))
    assert len((await say(client, session, "x" * 8000)).json()["answer"]["text"]) == 16_000


async def test_who_leaves_is_answered_all_the_same(make_app: Callable[[], Litestar], endpoint: Endpoint) -> None:
    from tests.api.house import ADMIN_KEY, bearer

    with served(make_app()) as url:
        async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY)) as client:
            session = await opened(client)
            endpoint.gate.clear()
            script(endpoint, said("Still here."))
            body = {"text": "a", "stream": True}
            async with client.stream("POST", f"{SESSIONS}/{session['id']}/messages", json=body) as answer:
                async for _ in answer.aiter_lines():
                    break
            endpoint.gate.set()
            async with asyncio.timeout(10):
                while (told := (await history(client, session))[0])["state"] == "working":
                    await asyncio.sleep(0.02)
            assert told["text"] == "Still here."
