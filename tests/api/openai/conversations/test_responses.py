"""`/openai/v1/responses`: pictures by the image generation tool."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.api.house import finished
from tests.api.openai.conversations.asking import RESPONSES, Json, data_url, events, given, opened, refused, task_of
from tests.api.pictures import BLUE, GREEN, RED, flat

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
TOOL = {"type": "image_generation"}


async def asked(client: httpx.AsyncClient, tool: Json | None = None, **body: object) -> tuple[httpx.Response, Json]:
    """The answer, and the call in it."""
    given = {"model": "quick", "input": "a red circle", "tools": [{**TOOL, **(tool or {})}], **body}
    response = await client.post(RESPONSES, json=given)
    assert response.status_code == 200, response.text
    Response.model_validate_json(response.content)
    (call,) = response.json()["output"]
    return response, call


def input_image(url: str = "", **more: object) -> Json:
    return {"type": "input_image", "detail": "auto", **({"image_url": url} if url else {}), **more}


def user(words: str, *pictures: Json) -> Json:
    return {"role": "user", "content": [{"type": "input_text", "text": words}, *pictures]}


async def test_a_picture_by_the_tool(client: httpx.AsyncClient) -> None:
    tool = {"size": "160x96", "quality": "low", "output_format": "webp", "seed": 7, "moderation": "auto"}
    response, call = await asked(client, tool, metadata={"a": "b"}, instructions="Be kind.", safety_identifier="me")
    told = response.json()
    task = await task_of(client, response)
    assert (told["id"], call["id"]) == (f"resp_{task['task_id']}", f"ig_{task['task_id']}")
    assert (told["status"], told["model"], told["error"]) == ("completed", "quick", None)
    assert (told["metadata"], told["instructions"], told["safety_identifier"]) == ({"a": "b"}, "Be kind.", "me")
    assert told["tools"] == [{**TOOL, **tool, "model": "quick"}]
    assert (call["status"], call["action"], call["size"]) == ("completed", "generate", "160x96")
    assert (call["output_format"], call["quality"], call["background"]) == ("webp", "low", "opaque")
    assert (opened(call["result"]).format, opened(call["result"]).size) == ("WEBP", (160, 96))
    assert (task["input"]["seed"], task["input"]["steps"]) == (7, 2)
    assert told["tool_usage"]["image_gen"]["total_tokens"] == told["usage"]["total_tokens"] == 0


async def test_without_the_tool_it_is_a_picture_all_the_same(client: httpx.AsyncClient) -> None:
    assert (await asked(client, tools=None))[1]["result"]
    assert (await asked(client, tools=[{"type": "function", "name": "f", "parameters": {}, "strict": True}]))[1]["result"]


async def test_the_tools_model_goes_before_the_one_that_has_words(client: httpx.AsyncClient) -> None:
    response, _ = await asked(client, {"model": "edit"}, model="gpt-6-astra")
    assert response.json()["model"] == "edit"
    response = await client.post(RESPONSES, json={"model": "gpt-6-astra", "input": "a", "tools": [TOOL]})
    refused(response, 404, "model_not_found", "model")
    response = await client.post(RESPONSES, json={"input": "a", "tools": [{**TOOL, "model": "nothing"}]})
    refused(response, 404, "model_not_found", "tools[0].model")


async def test_it_goes_on_from_a_response(client: httpx.AsyncClient, journal: Path) -> None:
    first, _ = await asked(client)
    (made,) = (await task_of(client, first))["output"]["images"]
    second, call = await asked(client, model="edit", input="make it blue", previous_response_id=first.json()["id"])
    assert second.json()["previous_response_id"] == first.json()["id"]
    assert call["action"] == "edit"
    task = await task_of(client, second)
    assert [each["artifact_id"] for each in task["input"]["images"]] == [made["artifact_id"]]
    (newer,) = task["output"]["images"]
    third, _ = await asked(client, model="edit", input="and now", previous_response_id=second.json()["id"])
    named = [each["artifact_id"] for each in (await task_of(client, third))["input"]["images"]]
    assert named == [newer["artifact_id"], made["artifact_id"]], "the newest first"


async def test_it_goes_on_from_what_was_answered(client: httpx.AsyncClient, journal: Path) -> None:
    first, call = await asked(client)
    (made,) = (await task_of(client, first))["output"]["images"]
    # As OpenAI's guide writes it, the call behind the words; and as a client that hands all back.
    for talk in ([user("make it blue"), {"type": "image_generation_call", "id": call["id"]}], [call, user("make it blue")]):
        again, _ = await asked(client, input=talk)
        assert [each["artifact_id"] for each in (await task_of(client, again))["input"]["images"]] == [made["artifact_id"]]
    again, _ = await asked(client, input=[{"type": "item_reference", "id": call["id"]}, user("make it blue")])
    assert [each["artifact_id"] for each in (await task_of(client, again))["input"]["images"]] == [made["artifact_id"]]
    elsewhere = {"id": "ig_0123", "type": "image_generation_call", "status": "completed",
                 "result": base64.b64encode(flat(GREEN)).decode()}  # fmt: skip
    await asked(client, input=[elsewhere, user("make it blue")])
    assert given(journal)["source"][2:] == list(GREEN)


async def test_history_of_other_kinds_is_not_read(client: httpx.AsyncClient) -> None:
    talk = [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "1"},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
         "content": [{"type": "output_text", "text": "Hello.", "annotations": []}]},
        {"type": "message", "role": "user", "content": "a cat"},
    ]  # fmt: skip
    response, call = await asked(client, input=talk)
    assert (call["action"], (await task_of(client, response))["input"]["prompt"]) == ("generate", "a cat")


@pytest.mark.parametrize(
    ("action", "talk", "does"),
    [
        ("auto", [user("a", input_image(data_url()))], "edit"),
        ("edit", [user("a", input_image(data_url()))], "edit"),
        ("generate", [user("a", input_image(data_url())), user("b")], "generate"),
    ],
)
async def test_the_action_says_whether_pictures_are_looked_at(
    client: httpx.AsyncClient, action: str, talk: list[Json], does: str
) -> None:
    assert (await asked(client, {"action": action}, input=talk))[1]["action"] == does


async def test_streamed(client: httpx.AsyncClient) -> None:
    tool = {**TOOL, "partial_images": 2, "num_inference_steps": 9}
    body = {"model": "slow", "input": "a red circle", "tools": [tool], "stream": True, "instructions": "Be kind."}
    response = await client.post(RESPONSES, json=body)
    told = events(response)
    for number, each in enumerate(told):
        EVENT.validate_python(each)
        assert each["sequence_number"] == number
    kinds = [each["type"].removeprefix("response.") for each in told]
    assert [kind for kind in kinds if kind != "queued"] == [
        "created",
        "in_progress",
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.generating",
        "image_generation_call.partial_image",
        "image_generation_call.partial_image",
        "image_generation_call.completed",
        "output_item.done",
        "completed",
    ]
    partials = [each for each in told if each["type"].endswith("partial_image")]
    assert [each["partial_image_index"] for each in partials] == [0, 1]
    assert all(opened(each["partial_image_b64"]).format == "PNG" for each in partials)
    assert opened(told[-2]["item"]["result"]).size == (128, 128)
    last = told[-1]["response"]
    assert last["output"] == [told[-2]["item"]]
    assert (last["status"], last["instructions"], told[0]["response"]["output"]) == ("completed", "Be kind.", [])
    whole = (await client.get(f"{RESPONSES}/{last['id']}")).json()
    assert whole == {**last, "instructions": None}


async def test_in_the_background(client: httpx.AsyncClient, sdk: AsyncOpenAI) -> None:
    begun = await sdk.responses.create(model="slow", input="a", tools=[{"type": "image_generation"}], background=True)
    assert begun.status in ("queued", "in_progress")
    async with asyncio.timeout(20):
        while (now := await sdk.responses.retrieve(begun.id)).status != "completed":
            await asyncio.sleep(0.02)
    (call,) = now.output
    assert call.type == "image_generation_call"
    assert opened(call.result or "").size == (128, 128)
    assert (now.background, now.id) == (True, begun.id)
    assert (await sdk.responses.cancel(begun.id)).status == "completed"


async def test_canceled(client: httpx.AsyncClient) -> None:
    begun = (await client.post(RESPONSES, json={"model": "stuck", "input": "a", "background": True})).json()
    told = (await client.post(f"{RESPONSES}/{begun['id']}/cancel")).json()
    Response.model_validate(told)
    await finished(client, begun["id"].removeprefix("resp_"))
    told = (await client.get(f"{RESPONSES}/{begun['id']}")).json()
    assert (told["status"], told["output"][0]["status"]) == ("cancelled", "failed")  # their spelling
    Response.model_validate(told)


async def test_one_that_is_not_stored_cannot_be_asked_for_but_its_picture_is_kept(client: httpx.AsyncClient) -> None:
    response, _ = await asked(client, store=False)
    id_ = response.json()["id"]
    assert response.json()["store"] is False
    refused(await client.get(f"{RESPONSES}/{id_}"), 404, "not_found", "response_id")
    again = {"model": "quick", "input": "b", "previous_response_id": id_}
    refused(await client.post(RESPONSES, json=again), 404, "not_found", "previous_response_id")
    (made,) = (await task_of(client, response))["output"]["images"]
    assert (await client.get(made["url"])).status_code == 200


async def test_a_response_outlives_its_picture(client: httpx.AsyncClient) -> None:
    response, _ = await asked(client)
    (made,) = (await task_of(client, response))["output"]["images"]
    await client.delete(f"/v1/images/{made['artifact_id']}")
    (call,) = (await client.get(f"{RESPONSES}/{response.json()['id']}")).json()["output"]
    assert (call["status"], call["result"]) == ("completed", None)
    _, call = await asked(client, input="b", previous_response_id=response.json()["id"])
    assert call["action"] == "generate"


async def test_other_jobs_are_no_responses(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    response, _ = await asked(client)
    chat = await client.post("/openai/v1/chat/completions", json={"model": "quick", "messages": [user("a")]})
    for id_ in (chat.json()["id"], chat.json()["id"].replace("chatcmpl-", "resp_"), "resp_", "resp_x", "x"):
        for client_ in (client, other_team):
            refused(await client_.get(f"{RESPONSES}/{id_}"), 404, "not_found", "response_id")
    refused(await other_team.get(f"{RESPONSES}/{response.json()['id']}"), 404, "not_found", "response_id")
    refused(await other_team.post(f"{RESPONSES}/{response.json()['id']}/cancel"), 404, "not_found", "response_id")


async def test_the_sdk_streams_it(sdk: AsyncOpenAI) -> None:
    async with sdk.responses.stream(
        model="slow", input="a", tools=[{"type": "image_generation", "partial_images": 1}]
    ) as stream:
        kinds = [event.type async for event in stream]
        last = await stream.get_final_response()
    assert "response.image_generation_call.partial_image" in kinds
    assert opened(last.output[0].result).size == (128, 128)  # type: ignore[union-attr, arg-type]


async def test_pictures_of_the_last_turn(client: httpx.AsyncClient, journal: Path) -> None:
    await asked(client, model="look", input=[user("a", input_image(data_url(RED)), input_image(data_url(BLUE)))])
    assert [each[2:] for each in given(journal)["references"]] == [list(RED), list(BLUE)]
