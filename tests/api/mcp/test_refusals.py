"""What tools refuse: the code, the field and, where it helps, the cure; never a stack trace, and nothing is queued."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, bearer, member_key
from tests.api.mcp.talking import MODERN, MODES, agent, data, fault, pictures
from tests.api.pictures import flat

pytestmark = pytest.mark.server
PICTURE = f"data:image/png;base64,{base64.b64encode(flat()).decode()}"
SMALL = f"data:image/png;base64,{base64.b64encode(flat(width=32, height=32)).decode()}"
BLACK = f"data:image/png;base64,{base64.b64encode(flat((0, 0, 0))).decode()}"
NOBODYS = "01900000-0000-7000-8000-000000000000"
DRAW, EDIT, GROW = "generate_image", "edit_image", "upscale_image"

REFUSED: dict[str, tuple[str, dict[str, Any], str, str, str]] = {
    "no prompt": (DRAW, {}, "invalid_request", "prompt", "prompt is missing"),
    "empty prompt": (DRAW, {"prompt": ""}, "invalid_request", "prompt", "1 to"),
    "misspelled field": (DRAW, {"prompt": "a", "sed": 1}, "invalid_request", "sed", '"seed"'),
    "width and height": (DRAW, {"prompt": "a", "width": 512}, "invalid_request", "width", "say size"),
    "webhook": (DRAW, {"prompt": "a", "webhook": "http://a.example"}, "invalid_request", "webhook", "wait_for_job"),
    "picture where words are": (DRAW, {"prompt": "a", "image": PICTURE}, "invalid_request", "image", "edit_image"),
    "number as text": (DRAW, {"prompt": "a", "n": "2"}, "invalid_request", "n", "whole number"),
    "n too large": (DRAW, {"prompt": "a", "n": 5}, "invalid_request", "n", "1 to 4; for more, ask again"),
    "U+0000": (DRAW, {"prompt": "a\0b"}, "invalid_request", "prompt", "U+0000"),
    "wrong model": (DRAW, {"prompt": "a", "model": "nope"}, "unknown_model", "model", "quick"),
    "retired model": (DRAW, {"prompt": "a", "model": "gone"}, "model_retired", "model", '"quick"'),
    "bad size": (DRAW, {"prompt": "a", "size": "big"}, "invalid_request", "size", "1024x768"),
    "huge size": (DRAW, {"prompt": "a", "size": "9999x9999"}, "invalid_request", "size", ""),
    "size and ratio": (DRAW, {"prompt": "a", "size": "64x64", "aspect_ratio": "1:1"}, "invalid_request", "aspect_ratio", ""),
    "hd without a ratio": (DRAW, {"prompt": "a", "quality": "hd"}, "invalid_request", "aspect_ratio", "1:1"),
    "unknown sampler": (DRAW, {"prompt": "a", "sampler": "Eulr"}, "invalid_request", "sampler", "Euler"),
    "LoRA": (DRAW, {"prompt": "a", "loras": [{"name": "x"}]}, "invalid_request", "loras", "LoRA"),
    "no transparency": (DRAW, {"prompt": "a", "background": "transparent"}, "invalid_request", "background", "quick"),
    "transparent JPEG": (
        DRAW, {"prompt": "a", "background": "transparent", "output_format": "jpeg"}, "invalid_request", "output_format", "png",
    ),
    "bad title": (DRAW, {"prompt": "a", "title": "x" * 201}, "invalid_request", "title", "200"),
    "empty tag": (DRAW, {"prompt": "a", "tags": [" "]}, "invalid_request", "tags[0]", "empty"),
    "bad priority": (DRAW, {"prompt": "a", "priority": "now"}, "invalid_request", "priority", "bulk"),
    "bad base64": (EDIT, {"prompt": "a", "image": "data:image/png;base64,!!!"}, "invalid_request", "image", "base64"),
    "no picture": (EDIT, {"prompt": "a", "image": "data:image/png;base64,aGVsbG8="}, "unreadable_picture", "image", "PNG"),
    "no image": (EDIT, {"prompt": "a"}, "invalid_request", "image", "image is missing"),
    "a path": (EDIT, {"prompt": "a", "image": "/tmp/a.png"}, "invalid_request", "image", "POST /v1/uploads"),
    "a file": (EDIT, {"prompt": "a", "image": "file:///tmp/a.png"}, "invalid_request", "image", "POST /v1/uploads"),
    "nobody's image": (EDIT, {"prompt": "a", "image": NOBODYS}, "not_found", "image", NOBODYS),
    "private address": (EDIT, {"prompt": "a", "image": "http://127.0.0.1/a.png"}, "address_refused", "image", "public"),
    "long address": (EDIT, {"prompt": "a", "image": "http://a.example/" + "a" * 9000}, "invalid_request", "image", "data: URI"),
    "wrong mask size": (EDIT, {"prompt": "a", "image": PICTURE, "mask": SMALL}, "invalid_request", "mask", "32x32"),
    "black mask": (EDIT, {"prompt": "a", "image": PICTURE, "mask": BLACK}, "invalid_request", "mask", "white"),
    "too many pictures": (
        EDIT, {"prompt": "a", "image": PICTURE, "extra_images": [PICTURE] * 5}, "invalid_request", "extra_images", "4",
    ),
    "too many for anyone": (
        EDIT, {"prompt": "a", "image": PICTURE, "extra_images": [PICTURE] * 16}, "invalid_request", "extra_images", "15",
    ),
    "bad picture among others": (
        EDIT, {"prompt": "a", "image": PICTURE, "extra_images": [PICTURE, "x"]}, "invalid_request", "extra_images[1]", "id",
    ),
    "no session": (EDIT, {"prompt": "a", "image": PICTURE, "edit_session_id": NOBODYS}, "not_found", "edit_session_id", ""),
    "strength": (EDIT, {"prompt": "a", "image": PICTURE, "strength": 2}, "invalid_request", "strength", "0"),
    "scale": (GROW, {"image": PICTURE, "scale": 1}, "invalid_request", "scale", "1.1"),
    "scale beyond": (GROW, {"image": PICTURE, "scale": 16, "upscaler": "quick"}, "invalid_request", "upscaler", "upscale"),
    "unknown upscaler": (GROW, {"image": PICTURE, "upscaler": "nope"}, "unknown_model", "upscaler", "grow"),
    "no such job": ("wait_for_job", {"job_id": NOBODYS}, "not_found", "job_id", NOBODYS),
    "no job": ("cancel_job", {}, "invalid_request", "job_id", "missing"),
    "bad date": ("search_images", {"since": "yesterday"}, "invalid_request", "since", "2026"),
    "bad cursor": ("search_images", {"cursor": "x"}, "invalid_request", "cursor", "list"),
    "bad sort": ("search_images", {"sort": "best"}, "invalid_request", "sort", "newest"),
    "size of a look": ("get_image", {"image": NOBODYS, "size": "1x1"}, "invalid_request", "size", "view"),
    "a look at an address": ("get_image", {"image": "http://a.example/b.png"}, "invalid_request", "image", "gallery"),
    "nobody's picture": ("get_image", {"image": NOBODYS}, "not_found", "image", NOBODYS),
    "no id": ("get_image", {"image": "cat"}, "invalid_request", "image", "cat"),
}  # fmt: skip
"""What is called, with what -> the code, the field, and some of the message."""

FAILED: dict[str, tuple[str, str]] = {
    "broken": ("model_unusable", ""),
    "prude": ("content_rejected", ""),
}
"""Jobs that end without a picture."""


async def test_what_is_refused(url: str, subtests: pytest.Subtests) -> None:
    async with agent(url) as client:
        for told, (tool, asked, code, field, words) in REFUSED.items():
            with subtests.test(told):
                found = fault(await client.call_tool(tool, asked))
                assert (found["code"], found.get("field", "")) == (code, field), found
                assert words in found["message"], found
                assert "request_id" not in found
    async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), trust_env=False) as tasks:
        assert (await tasks.get("/v1/tasks")).json()["total"] == 0


async def test_an_engine_that_is_down(url: str, wiring: Wiring) -> None:
    async with agent(url, MODERN, await member_key(wiring)) as client:
        told = fault(await client.call_tool(DRAW, {"prompt": "a", "model": "down"}))
        assert (told["code"], "cannot run now" in told["message"]) == ("unavailable", True)
        assert "path" not in told["message"]
        assert told["request_id"]
        models = {each["id"]: each for each in data(await client.call_tool("list_models", {}))["models"]}
        assert (models["down"]["available"], bool(models["down"]["reason"])) == (False, True)


async def test_a_retired_model_names_its_replacement(url: str) -> None:
    async with agent(url) as client:
        told = fault(await client.call_tool(DRAW, {"prompt": "a", "model": "gone"}))
        assert (told["code"], told["replacement"]) == ("model_retired", "quick")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("model", FAILED)
async def test_a_job_that_failed_says_why(url: str, model: str, mode: str) -> None:
    code, words = FAILED[model]
    async with agent(url, mode) as client:
        told = fault(await client.call_tool(DRAW, {"prompt": "a", "model": model}))
        assert (told["code"], words in told["message"]) == (code, True)
        assert fault(await client.call_tool("wait_for_job", {"job_id": told["job_id"]}))["code"] == code


async def test_what_a_key_lacks(url: str, wiring: Wiring, subtests: pytest.Subtests) -> None:
    makes, reads = await member_key(wiring, "features.image_generation"), await member_key(wiring, "gallery.read", team="more")
    looks = {"search_images": {}, "get_image": {"image": NOBODYS}}
    works = {
        DRAW: {"prompt": "a"},
        EDIT: {"prompt": "a", "image": PICTURE},
        GROW: {"image": PICTURE},
        "cancel_job": {"job_id": "a"},
    }
    for key, closed, opened in ((makes, looks, works), (reads, works, looks)):
        async with agent(url, MODERN, key) as client:
            seen = {tool.name for tool in (await client.list_tools()).tools}
            assert seen == {*opened, "list_models", "wait_for_job"}
            for tool, asked in closed.items():
                with subtests.test(tool):
                    told = fault(await client.call_tool(tool, asked))
                    assert (told["code"], "permission" in told["message"]) == ("forbidden", True)


async def test_a_wallet_that_is_empty(url: str, wiring: Wiring) -> None:
    key = await member_key(wiring)
    async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), trust_env=False) as admin:
        await admin.patch("/admin/settings", json={"credits": {"enabled": True}})
        wiring.models_path.write_text(wiring.models_path.read_text() + "\n[tariffs]\nmcp = 3\n")
        async with agent(url, MODERN, key) as client:
            for _ in range(200):
                result = await client.call_tool(DRAW, {"prompt": "a"})
                if result.is_error:
                    break
            told = fault(result)
            assert told["code"] == "insufficient_credits", told


async def test_a_trashed_picture_is_not_shown(url: str) -> None:
    async with agent(url) as client, httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), trust_env=False) as gallery:
        made = data(await client.call_tool(DRAW, {"prompt": "a"}))
        image = made["images"][0]["id"]
        await gallery.delete(f"/v1/images/{image}")
        told = fault(await client.call_tool("get_image", {"image": image}))
        assert (told["code"], told["field"], "trash" in told["message"]) == ("wrong_state", "image", True)
        told = fault(await client.call_tool(EDIT, {"prompt": "a", "image": image}))
        assert (told["code"], told["field"]) == ("wrong_state", "image")
        waited = await client.call_tool("wait_for_job", {"job_id": made["job_id"]})
        assert (data(waited)["images"], pictures(waited), "deleted" in data(waited)["next"]) == ([], [], True)
