"""Which part of a picture is painted anew: masks of the image generation tool."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import httpx
import pytest

from tests.api.openai.conversations.asking import RESPONSES, data_url, given, half_mask, opened, refused
from tests.api.openai.conversations.test_responses import TOOL, asked, input_image, user
from tests.api.pictures import BLUE, flat
from tests.fakes.web import Asked, Web, ok

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_a_mask_and_pictures_by_their_ids(client: httpx.AsyncClient, journal: Path) -> None:
    upload = (await client.post("/v1/uploads", files={"file": ("a.png", flat(BLUE))})).json()["artifact_id"]
    mask = (await client.post("/v1/uploads", files={"file": ("m.png", base64.b64decode(half_mask()[22:]))})).json()
    for shown in ({"image_url": half_mask()}, {"file_id": mask["artifact_id"]}):
        _, call = await asked(client, {"input_image_mask": shown}, input=[user("a", input_image(file_id=upload))])
        assert call["action"] == "edit"
        assert given(journal)["source"][2:] == list(BLUE)
        assert given(journal)["mask"] is not None
        left, right = (opened(call["result"]).convert("RGB").getpixel((x, 32)) for x in (8, 120))
        assert (left != BLUE, right) == (True, BLUE), "what is transparent is painted anew"


async def test_a_mask_is_fetched_when_all_else_is_right_and_once_for_a_name(client: httpx.AsyncClient, web: Web) -> None:
    fetched: list[str] = []

    async def answer(wanted: Asked, writer: asyncio.StreamWriter) -> None:
        fetched.append(wanted.target)
        found = ok(base64.b64decode(half_mask()[22:])) if wanted.target == "/a.png" else b"HTTP/1.1 404 Not Found\r\n\r\n"
        writer.write(found)

    await web.serve(answer, "masks.example")
    tool = {**TOOL, "input_image_mask": {"image_url": "http://masks.example/a.png"}}
    body = {"model": "quick", "input": [user("a", input_image(data_url()))], "tools": [{**tool, "sampler": "Nothing"}]}
    refused(await client.post(RESPONSES, json=body), 400, "invalid_value", "tools[0].sampler")
    assert fetched == []
    for _ in range(2):
        await asked(client, {"input_image_mask": tool["input_image_mask"]}, input=body["input"])
    assert len(fetched) == 2
    named = {**body, "tools": [tool]}
    ids = {(await client.post(RESPONSES, json=named, headers={"Idempotency-Key": "a"})).json()["id"] for _ in range(2)}
    assert (len(ids), len(fetched)) == (1, 3)
    gone = {**tool, "input_image_mask": {"image_url": "http://masks.example/none.png"}}
    response = await client.post(RESPONSES, json={**body, "tools": [gone]})
    refused(response, 400, "unfetchable_url", "tools[0].input_image_mask.image_url")
    unknown = {**tool, "input_image_mask": {"file_id": "file-x"}}
    refused(
        await client.post(RESPONSES, json={**body, "tools": [unknown]}), 404, "not_found", "tools[0].input_image_mask.file_id"
    )
