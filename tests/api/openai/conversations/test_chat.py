"""`/openai/v1/chat/completions`: a chat client picks a model of pictures."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, member_key
from tests.api.openai.conversations.asking import CHAT, Json, data_url, events, given, image_url, opened, refused, task_of, user
from tests.api.pictures import BLUE, GREEN, RED

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TALK = [user("a red circle")]
IMAGE = {"modalities": ["image", "text"]}


async def asked(client: httpx.AsyncClient, **body: object) -> tuple[httpx.Response, Json]:
    response = await client.post(CHAT, json={"model": "quick", "messages": TALK, **body})
    assert response.status_code == 200, response.text
    # The SDK's own type, looked at strictly: as it is used it takes anything.
    ChatCompletion.model_validate_json(response.content)
    return response, response.json()


async def test_pictures_stand_beside_the_words_where_the_client_takes_them(client: httpx.AsyncClient) -> None:
    response, told = await asked(client, **IMAGE, model="fast", n=2, seed=7)
    assert told["model"] == "quick"
    assert [choice["index"] for choice in told["choices"]] == [0, 1]
    for choice in told["choices"]:
        assert choice["finish_reason"] == "stop"
        message = choice["message"]
        assert (message["role"], message["content"]) == ("assistant", "")
        (image,) = message["images"]
        assert image["type"] == "image_url"
        assert image["image_url"]["url"].startswith("data:image/png;base64,")
        assert opened(image["image_url"]["url"]).size == (128, 128)
    task = await task_of(client, response)
    assert (task["input"]["prompt"], task["input"]["seed"], task["n"]) == ("a red circle", 7, 2)
    assert told["id"] == f"chatcmpl-{task['task_id']}"
    assert told["usage"]["total_tokens"] == 0


async def test_else_the_words_show_them_by_an_address(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    _, told = await asked(client, messages=[user("a [red]\n circle")])
    (choice,) = told["choices"]
    assert "images" not in choice["message"]
    shown = re.fullmatch(r"!\[a red circle\]\((http://darkroom\.test/\S+)\)", choice["message"]["content"])
    assert shown
    assert (await stranger.get(shown[1])).headers["content-type"] == "image/png"


async def test_the_sdk_reads_it(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(
        model="quick",
        messages=[{"role": "system", "content": "Be kind."}, {"role": "user", "content": "a cat"}],
        temperature=0.2,
        extra_body={"modalities": ["image"], "size": "160x96", "num_inference_steps": 3},
    )
    assert opened(answer.choices[0].message.images[0]["image_url"]["url"]).size == (160, 96)  # type: ignore[attr-defined]
    chunks = [
        chunk
        async for chunk in await sdk.chat.completions.create(
            model="quick", messages=[{"role": "user", "content": "a cat"}], stream=True, stream_options={"include_usage": True}
        )
    ]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices).startswith("![a cat](http")
    assert chunks[-1].usage


@pytest.mark.parametrize("as_words", [False, True])
async def test_the_next_turn_changes_the_picture_of_the_last(client: httpx.AsyncClient, journal: Path, as_words: bool) -> None:
    body = {} if as_words else IMAGE
    first, told = await asked(client, **body)
    (choice,) = told["choices"]
    talk = [*TALK, choice["message"], user("make it blue")]
    second, _ = await asked(client, **body, messages=talk)
    task = await task_of(client, second)
    assert (task["capability"], task["input"]["prompt"]) == ("image_to_image", "make it blue")
    assert given(journal)["source"][:2] == [128, 128]
    if as_words:
        (made,) = (await task_of(client, first))["output"]["images"]
        assert [each["artifact_id"] for each in task["input"]["images"]] == [made["artifact_id"]], "no copy of it"


async def test_an_address_of_ours_need_not_open_any_more_but_must_be_the_teams(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    _, told = await asked(client)
    words = told["choices"][0]["message"]["content"].partition("?")[0] + ")"
    talk = [*TALK, {"role": "assistant", "content": words}, user("make it blue")]
    task = await task_of(client, (await asked(client, messages=talk))[0])
    assert task["capability"] == "image_to_image"
    theirs = await task_of(other_team, (await asked(other_team, messages=talk))[0])
    assert theirs["capability"] == "text_to_image", "a picture that is gone, or another's, is not missed"
    (made,) = task["input"]["images"]
    await client.delete(f"/v1/images/{made['artifact_id']}")
    assert (await task_of(client, (await asked(client, messages=talk))[0]))["capability"] == "text_to_image"


async def test_pictures_of_the_last_turn_come_first_then_the_newest_as_many_as_fit(
    client: httpx.AsyncClient, journal: Path
) -> None:
    talk = [
        user("one", image_url(data_url(RED))),
        {"role": "assistant", "content": None, "images": [image_url(data_url(GREEN))]},
        user("and this", image_url(data_url(BLUE))),
    ]
    await asked(client, model="look", messages=talk)
    assert [each[2:] for each in given(journal)["references"]] == [list(BLUE), list(GREEN)]
    await asked(client, model="quick", messages=talk)
    assert given(journal)["source"][2:] == list(BLUE)
    assert given(journal)["references"] == []
    refused(await client.post(CHAT, json={"model": "free", "messages": talk}), 400, "invalid_value", "model")
    task = await task_of(client, (await asked(client, model="free", messages=[*talk[:2], user("a dog")]))[0])
    assert task["capability"] == "text_to_image"


async def test_a_picture_that_is_sent_with_each_turn_is_kept_once(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    """As data, for clients have no other way; another team's is its own."""
    talk = [user("one", image_url(data_url(RED)))]
    used = []
    for words in ("bluer", "rounder", "larger"):
        talk = [*talk, {"role": "assistant", "content": "Here."}, user(words)]
        (given,) = (await task_of(client, (await asked(client, messages=talk))[0]))["input"]["images"]
        used.append(given["artifact_id"])
    assert len(set(used)) == 1
    (theirs,) = (await task_of(other_team, (await asked(other_team, messages=talk))[0]))["input"]["images"]
    assert theirs["artifact_id"] not in used


async def test_pictures_from_the_web_and_by_a_models_words(client: httpx.AsyncClient, journal: Path) -> None:
    words = {"role": "assistant", "content": "![a](http://pictures.example/blue.png)"}
    talk = [words, user("like this", image_url("http://pictures.example/red.png"))]
    await asked(client, model="look", messages=talk)
    assert [each[2:] for each in given(journal)["references"]] == [list(RED)], "what another's model wrote is not gone to"


async def test_how_large_it_is_may_be_said_as_a_ratio(client: httpx.AsyncClient) -> None:
    _, told = await asked(client, **IMAGE, image_config={"aspect_ratio": "16:9", "image_size": "0.5K"})
    width, height = opened(told["choices"][0]["message"]["images"][0]["image_url"]["url"]).size
    assert width / height == pytest.approx(16 / 9, rel=0.03)
    assert width * height == pytest.approx(2**18, rel=0.05)
    both = {"image_config": {"image_size": "1K"}, "size": "128x128"}
    refused(await client.post(CHAT, json={"model": "quick", "messages": TALK, **both}), 400, "invalid_value", "size")


async def test_its_form_is_what_was_asked_for(client: httpx.AsyncClient) -> None:
    _, told = await asked(client, **IMAGE, output_format="webp", output_compression=50)
    url = told["choices"][0]["message"]["images"][0]["image_url"]["url"]
    assert url.startswith("data:image/webp;base64,")
    assert opened(url).format == "WEBP"


@pytest.mark.parametrize(
    ("tier", "headers", "bulk", "told"),
    [
        ("flex", {}, True, "flex"),
        ("flex", {"X-Darkroom-Priority": "interactive"}, False, "default"),
        ("fast", {}, False, "priority"),
        ("auto", {}, False, "default"),
        (None, {"X-Darkroom-Priority": "bulk"}, True, None),
    ],
)
async def test_the_tier_is_the_priority(
    client: httpx.AsyncClient, tier: str | None, headers: dict[str, str], bulk: bool, told: str | None
) -> None:
    response = await client.post(CHAT, json={"model": "quick", "messages": TALK, "service_tier": tier}, headers=headers)
    assert response.json().get("service_tier") == told
    assert (await task_of(client, response))["input"]["priority"] == ("bulk" if bulk else "interactive")


async def test_fewer_pictures_than_were_asked_for_are_fewer_choices(client: httpx.AsyncClient) -> None:
    _, told = await asked(client, **IMAGE, model="short", n=3)
    assert len(told["choices"]) == 1


async def test_metadata_comes_back(client: httpx.AsyncClient) -> None:
    _, told = await asked(client, metadata={"chat": "7"})
    assert told["metadata"] == {"chat": "7"}


async def test_streamed(client: httpx.AsyncClient) -> None:
    body = {"model": "quick", "messages": TALK, "n": 2, "stream": True, "stream_options": {"include_usage": True}, **IMAGE}
    response = await client.post(CHAT, json=body)
    told = events(response)
    for each in told:
        ChatCompletionChunk.model_validate(each)
    assert response.text.endswith("data: [DONE]\n\n")
    assert len({each["id"] for each in told}) == 1
    assert [choice["delta"] for choice in told[0]["choices"]] == [{"role": "assistant", "content": ""}] * 2
    images = {choice["index"]: choice["delta"]["images"] for each in told[1:3] for choice in each["choices"]}
    assert [opened(image["image_url"]["url"]).size for (image,) in images.values()] == [(128, 128)] * 2
    assert [choice["finish_reason"] for choice in told[3]["choices"]] == ["stop", "stop"]
    assert (told[-1]["choices"], told[-1]["usage"]["total_tokens"]) == ([], 0)
    assert all(each["usage"] is None for each in told[:-1])
    assert (await task_of(client, response))["status"] == "succeeded"


async def test_streamed_as_words_without_usage(client: httpx.AsyncClient) -> None:
    told = events(await client.post(CHAT, json={"model": "quick", "messages": TALK, "stream": True}))
    words = "".join(choice["delta"].get("content", "") for each in told for choice in each["choices"])
    assert words.startswith("![a red circle](http")
    assert not any("usage" in each for each in told)


async def test_the_same_request_again_is_the_same_job(client: httpx.AsyncClient, wiring: Wiring) -> None:
    named = {"Idempotency-Key": "mine"}
    body = {"model": "quick", "messages": TALK}
    first, second = [await client.post(CHAT, json=body, headers=named) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    third = await client.post(CHAT, json={**body, "messages": [user("a cat")]}, headers=named)
    refused(third, 422, "idempotency_conflict", "Idempotency-Key")
    assert third.headers["x-should-retry"] == "false"
    async with anyone(client._transport.app, bearer(await member_key(wiring))) as other:  # type: ignore[attr-defined]
        assert (await other.post(CHAT, json=body, headers=named)).json()["id"] != first.json()["id"]


@pytest.mark.parametrize("way", ["", "/forever"])
@pytest.mark.parametrize("more", [{}, IMAGE, {"stream": True}], ids=["words", "pictures", "stream"])
async def test_a_name_whose_pictures_are_deleted(client: httpx.AsyncClient, way: str, more: Json) -> None:
    body, headers = {"model": "quick", "messages": TALK, **more}, {"Idempotency-Key": "mine"}
    made = await task_of(client, await client.post(CHAT, json=body, headers=headers))
    path = f"/v1/images/{made['output']['images'][0]['artifact_id']}"
    await client.delete(path)
    if way:
        await client.delete(path + way)
    again = await client.post(CHAT, json=body, headers=headers)
    if "stream" in more:
        assert events(again)[-1]["error"]["code"] == "pictures_deleted"
    else:
        assert refused(again, 404, "pictures_deleted")["job_id"] == made["task_id"]
