"""What conversations are refused for, each time in OpenAI's own shape."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, member_key
from tests.api.openai.conversations.asking import CHAT, RESPONSES, Json, data_url, half_mask, image_url, refused, task_of, user

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TALK = [user("a red circle")]
TOOL = {"type": "image_generation"}


def _chat(**more: Any) -> tuple[str, Json]:
    return CHAT, {"model": "quick", "messages": TALK, **more}


def _response(tool: Json | None = None, **more: Any) -> tuple[str, Json]:
    return RESPONSES, {"model": "quick", "input": "a", "tools": [{**TOOL, **(tool or {})}], **more}


def _asked_with(**picture: str) -> list[Json]:
    shown = {"type": "input_image", **picture}
    return [{"role": "user", "content": [{"type": "input_text", "text": "a"}, shown]}]


SHOWN = _asked_with(image_url=data_url())
WORDS = {"role": "user", "content": "a"}
REFUSED: dict[str, tuple[tuple[str, Json], int, str, str | None]] = {
    "wrong model": (_chat(model="nothing"), 404, "model_not_found", "model"),
    "wrong model, responses": (_response(model="nothing"), 404, "model_not_found", "model"),
    "retired model": (_chat(model="gone"), 404, "model_retired", "model"),
    "retired model, of the tool": (_response({"model": "gone"}), 404, "model_retired", "tools[0].model"),
    "bad size": (_chat(size="huge"), 400, "invalid_value", "size"),
    "a size that the model cannot make": (_chat(model="edit", size="9999x9999"), 400, "invalid_value", "size"),
    "bad size, responses": (_response({"size": "9999x9999"}, model="edit"), 400, "invalid_value", "tools[0].size"),
    "n too large": (_chat(n=11), 400, "invalid_value", "n"),
    "n too large for the model": (_chat(n=5), 400, "invalid_value", "n"),
    "unknown sampler": (_chat(sampler="Nothing"), 400, "invalid_value", "sampler"),
    "steps": (_chat(num_inference_steps=999), 400, "invalid_value", "num_inference_steps"),
    "bad base64": (
        _chat(messages=[user("a", image_url("data:image/png;base64,???"))]),
        400,
        "invalid_value",
        "messages[0].content[1].image_url",
    ),
    "no picture": (_chat(messages=[user("a", image_url("data:text/plain;base64,YQ=="))]), 400, "invalid_value", "messages"),
    "no address": (_chat(messages=[user("a", image_url("file:///etc/passwd"))]), 400, "invalid_value", "messages"),
    "a private address": (_chat(messages=[user("a", image_url("http://127.0.0.1/a"))]), 400, "address_refused", "messages"),
    "an address without a picture": (
        _chat(messages=[user("a", image_url("http://pictures.example/none.png"))]), 400, "unfetchable_url", "messages",
    ),
    "too many pictures": (
        _chat(model="look", messages=[user("a", *[image_url(data_url())] * 3)]), 400, "invalid_value", "messages",
    ),
    "wrong mask size": (
        _response({"input_image_mask": {"image_url": half_mask(32)}}, input=SHOWN),
        400, "invalid_value", "tools[0].input_image_mask",
    ),
    "a mask of nothing": (
        _response({"input_image_mask": {"image_url": data_url()}}, input=SHOWN),
        400, "invalid_value", "tools[0].input_image_mask",
    ),
    "a mask without a picture": (
        _response({"input_image_mask": {"image_url": data_url()}}), 400, "invalid_value", "tools[0].input_image_mask.image_url",
    ),
    "a mask that is none": (_response({"input_image_mask": {}}), 400, "invalid_value", "tools[0].input_image_mask"),
    "nobody's file": (
        _response(input=_asked_with(file_id="x")),
        404, "not_found", "input[0].content[1].file_id",
    ),
    "nobody's call": (
        _response(input=[{"type": "image_generation_call", "id": "ig_x"}, WORDS]),
        404, "not_found", "input[0].id",
    ),
    "nobody's item": (
        _response(input=[{"type": "item_reference", "id": "msg_x"}, WORDS]), 400, "invalid_value", "input[0].id",
    ),
    "an edit of nothing": (_response({"action": "edit"}), 400, "invalid_value", "tools[0].action"),
    "pictures that nobody looks at": (
        _response({"action": "generate"}, input=SHOWN), 400, "invalid_value", "tools[0].action",
    ),
    "two tools": (_response(tools=[TOOL, TOOL]), 400, "invalid_value", "tools[1]"),
    "strength of nothing": (_chat(strength=0.5), 400, "invalid_value", "strength"),
    "no words": (_chat(messages=[]), 400, "invalid_value", "messages"),
    "no words, responses": (_response(input=[]), 400, "invalid_value", "input"),
    "no messages": ((CHAT, {"model": "quick"}), 400, "missing_required_parameter", "messages"),
    "no input": ((RESPONSES, {"model": "quick"}), 400, "missing_required_parameter", "input"),
    "transparent, which the model is not": (_chat(background="transparent"), 400, "invalid_value", "background"),
    "of the background, and not stored": (_response(background=True, store=False), 400, "invalid_value", "store"),
    "sound": (_chat(modalities=["text", "audio"]), 400, "invalid_value", "modalities"),
    "engine down": (_chat(model="away"), 503, "unavailable", None),
    "engine down, responses": (_response(model="away"), 503, "unavailable", None),
    "engine fails": (_chat(model="broken"), 502, "model_unusable", None),
    "content policy": (_chat(model="prude"), 400, "moderation_blocked", None),
    "content policy, responses": (_response(model="prude"), 400, "moderation_blocked", None),
}  # fmt: skip


async def test_what_is_refused(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for name, ((path, body), status, code, param) in REFUSED.items():
        with subtests.test(name):
            response = await client.post(path, json=body)
            told = response.json()["error"]
            assert (response.status_code, told["code"]) == (status, code), response.text
            assert param == told["param"] or str(told["param"]).startswith(f"{param}["), told
            if code == "model_retired":
                assert told["replacement"] == "quick"
            if code in ("moderation_blocked", "model_unusable"):
                assert response.headers["x-should-retry"] == "false"
                assert (await client.get(f"/v1/tasks/{told['job_id']}")).json()["status"] == "failed"


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
async def test_what_is_refused_at_the_door(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, app: Litestar, wiring: Wiring, path: str
) -> None:
    body = {"model": "quick", "messages": TALK} if path == CHAT else {"model": "quick", "input": "a"}
    for headers in ({}, bearer("dk_wrong"), {"Authorization": "Basic "}):
        refused(await stranger.post(path, json=body, headers=headers), 401, "invalid_api_key")
    async with anyone(app, bearer(await member_key(wiring, "gallery.read"))) as reader:
        refused(await reader.post(path, json=body), 403, "insufficient_permissions")
    large = await client.post(path, content=b'{"a": "' + b"a" * 70_000 + b'"}')
    refused(large, 413, "body_too_large")
    refused(await client.post(path, content=b"{"), 400, "malformed_json")


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
async def test_an_empty_wallet(client: httpx.AsyncClient, app: Litestar, wiring: Wiring, path: str) -> None:
    body = {"model": "quick", "messages": TALK} if path == CHAT else {"model": "quick", "input": "a"}
    await client.patch("/admin/settings", json={"credits": {"enabled": True}})
    async with anyone(app, bearer(await member_key(wiring))) as poor:
        response = await poor.post(path, json=body)
        refused(response, 402, "insufficient_quota")
        assert response.headers["x-should-retry"] == "false"
        assert (await poor.get("/v1/tasks")).json()["data"] == []


async def test_a_picture_in_the_trash(client: httpx.AsyncClient) -> None:
    made = await task_of(client, await client.post(CHAT, json={"model": "quick", "messages": TALK}))
    (image,) = made["output"]["images"]
    await client.delete(f"/v1/images/{image['artifact_id']}")
    shown = {"type": "input_image", "file_id": image["artifact_id"]}
    talk = [{"role": "user", "content": [{"type": "input_text", "text": "a"}, shown]}]
    refused(
        await client.post(RESPONSES, json={"model": "quick", "input": talk}), 409, "wrong_state", "input[0].content[1].file_id"
    )
