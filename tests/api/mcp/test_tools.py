"""What each tool does, asked by the official client."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from PIL import Image

from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, bearer, member_key
from tests.api.mcp.talking import MODERN, MODES, agent, data, fault, pictures, uri
from tests.api.pictures import BLUE, WHITE, flat
from tests.fakes.web import Web, ok

pytestmark = pytest.mark.server


async def task(url: str, job_id: str) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), trust_env=False) as client:
        found: dict[str, Any] = (await client.get(f"/v1/tasks/{job_id}")).json()
        return found


@pytest.mark.parametrize("mode", MODES)
async def test_a_picture_is_drawn_and_looked_at(url: str, mode: str) -> None:
    async with agent(url, mode) as client:
        assert client.protocol_version == (MODERN if mode == MODERN else "2025-11-25")
        result = await client.call_tool("generate_image", {"prompt": "a red circle", "n": 2, "seed": 7})
        made = data(result)
        assert (made["status"], made["model"], [each["seed"] for each in made["images"]]) == ("succeeded", "quick", [7, 8])
        assert result.structured_content is None  # beside it some clients show no pictures
        for (kind, shown), image in zip(pictures(result), made["images"], strict=True):
            with Image.open(io.BytesIO(shown)) as picture:
                assert (kind, picture.size) == ("image/png", (128, 128))
            async with httpx.AsyncClient(trust_env=False) as anyone:
                path = image["url"].partition("/v1/")[2]
                whole = await anyone.get(f"{url}/v1/{path}")
            assert (whole.status_code, whole.headers["content-type"]) == (200, image["media_type"])
        looked = await client.call_tool("get_image", {"image": made["images"][0]["id"], "view": "small"})
        assert data(looked)["prompt"] == "a red circle"
        assert len(pictures(looked)) == 1


async def test_every_field_of_a_drawing_counts(url: str) -> None:
    asked = {
        "prompt": "a red circle", "model": "fast", "size": "64x96", "n": 1, "negative_prompt": "blue", "steps": 3,
        "guidance_scale": 2.5, "sampler": "Euler", "seed": 11, "output_format": "jpeg", "priority": "bulk", "title": "Mine",
        "tags": ["a", "b"], "view": "none", "background": "opaque", "loras": [],
    }  # fmt: skip
    async with agent(url) as client:
        result = await client.call_tool("generate_image", asked)
        made = data(result)
        (image,) = made["images"]
        assert (image["width"], image["height"], image["media_type"], image["seed"]) == (64, 96, "image/jpeg", 11)
        assert not pictures(result)
        found = data(await client.call_tool("get_image", {"image": image["id"], "view": "none"}))
    assert (found["title"], found["tags"], found["negative_prompt"]) == ("Mine", ["a", "b"], "blue")
    kept = (await task(url, made["job_id"]))["input"]
    assert (kept["steps"], kept["guidance_scale"], kept["sampler"], kept["priority"]) == (3, 2.5, "Euler", "bulk")


async def test_ratio_and_quality_instead_of_a_size(url: str) -> None:
    async with agent(url) as client:
        asked = {"prompt": "a", "aspect_ratio": "2:1", "quality": "hd"}
        (image,) = data(await client.call_tool("generate_image", asked))["images"]
        assert image["width"] == pytest.approx(2 * image["height"], rel=0.02)
        assert image["width"] * image["height"] == pytest.approx(4 * 2**20, rel=0.1)


@pytest.mark.parametrize("way", ["id", "uri", "its url", "another's url", "data"])
async def test_a_picture_is_edited_however_it_is_named(url: str, web: Web, way: str) -> None:
    await web.serve(ok(flat(BLUE)), "pictures.example")
    async with agent(url) as client:
        first = data(await client.call_tool("generate_image", {"prompt": "a red circle"}))["images"][0]
        name = {
            "id": first["id"],
            "uri": f"darkroom://images/{first['id']}",
            "its url": first["url"],
            "another's url": "http://pictures.example/blue.png",
            "data": uri(flat(BLUE)),
        }[way]
        made = data(await client.call_tool("edit_image", {"prompt": "make it blue", "image": name, "strength": 0.5}))
        assert made["model"] == "edit"
        found = data(await client.call_tool("get_image", {"image": made["images"][0]["id"]}))
        own = way in ("id", "uri", "its url")
        assert (found["parent_id"] == first["id"]) == own
        assert found["source"] == "edit"
        again = {"prompt": "now green", "image": made["images"][0]["id"], "edit_session_id": made["edit_session_id"]}
        assert data(await client.call_tool("edit_image", again))["edit_session_id"] == made["edit_session_id"]


async def test_a_mask_and_pictures_to_look_at(url: str) -> None:
    async with agent(url) as client:
        mask, more = uri(flat(WHITE)), uri(flat(BLUE))
        asked = {"prompt": "a", "image": uri(flat()), "mask": mask, "extra_images": [more, more], "strength": 0.5}
        made = data(await client.call_tool("edit_image", asked))
    kept = await task(url, made["job_id"])
    assert (kept["capability"], len(kept["input"]["images"]), kept["input"]["strength"]) == ("inpaint", 3, 0.5)
    assert kept["input"]["mask"]["artifact_id"]


@pytest.mark.parametrize("way", ["id", "url", "data"])
async def test_a_picture_is_made_larger(url: str, web: Web, way: str) -> None:
    await web.serve(ok(flat(BLUE)), "pictures.example")
    async with agent(url) as client:
        first = data(await client.call_tool("generate_image", {"prompt": "a", "size": "64x64", "title": "Old"}))["images"][0]
        name = {"id": first["id"], "url": "http://pictures.example/blue.png", "data": uri(flat(BLUE))}[way]
        asked = {"image": name, "scale": 3, "upscaler": "grow", "title": "New", "tags": ["big"], "output_format": "webp"}
        made = data(await client.call_tool("upscale_image", asked))
        (image,) = made["images"]
        assert (image["width"], image["height"], image["media_type"], made["model"]) == (192, 192, "image/webp", "grow")
        found = data(await client.call_tool("get_image", {"image": image["id"]}))
        assert (found["title"], found["tags"], found["source"]) == ("New", ["big"], "upscale")


async def test_models_are_listed_in_short_and_one_in_full(url: str) -> None:
    async with agent(url) as client:
        listed = await client.call_tool("list_models", {})
        models = {each["id"]: each for each in data(listed)["models"]}
        assert listed.structured_content == data(listed)
        assert "gone" not in models
        quick = models["quick"]
        assert (quick["title"], quick["available"], quick["sizes"], quick["aliases"]) == ("Quick", True, ["128x128"], ["fast"])
        assert quick["is_default_for"] == ["text_to_image"]
        assert "samplers" not in quick
        (whole,) = data(await client.call_tool("list_models", {"model": "fast"}))["models"]
        assert "Euler" in whole["samplers"]
        assert fault(await client.call_tool("list_models", {"model": "nope"}))["code"] == "not_found"


async def test_the_gallery_is_searched_page_by_page(url: str) -> None:
    async with agent(url) as client:
        for words in ("a red circle", "a red square", "a blue ring"):
            await client.call_tool("generate_image", {"prompt": words, "tags": [words.split()[1]], "view": "none"})
        first = await client.call_tool("search_images", {"q": "red", "limit": 1})
        assert first.structured_content == data(first)
        assert [each["prompt"] for each in data(first)["images"]] == ["a red square"]
        assert data(first)["total"] == 2
        asked = {"q": "red", "limit": 1, "cursor": data(first)["next"]}
        second = data(await client.call_tool("search_images", asked))
        assert [each["prompt"] for each in second["images"]] == ["a red circle"]
        assert "next" not in second
        assert "total" not in second
        for filters, count in (
            ({"tags": ["blue"]}, 1), ({"model": "quick"}, 3), ({"favorite": True}, 0), ({"since": "2999-01-01"}, 0),
            ({"until": "2999-01-01", "sort": "oldest"}, 3),
        ):  # fmt: skip
            assert data(await client.call_tool("search_images", filters))["total"] == count, filters


async def test_a_job_that_is_not_waited_for(url: str) -> None:
    async with agent(url) as client:
        begun = data(await client.call_tool("generate_image", {"prompt": "a", "model": "slow", "wait": False}))
        assert begun["status"] in ("queued", "running")
        assert (begun["images"], "wait_for_job" in begun["next"]) == ([], True)
        result = await client.call_tool("wait_for_job", {"job_id": begun["job_id"], "view": "small"})
        assert (data(result)["status"], len(pictures(result))) == ("succeeded", 1)


async def test_a_job_is_canceled(url: str) -> None:
    async with agent(url) as client:
        begun = data(await client.call_tool("generate_image", {"prompt": "a", "model": "stuck", "wait": False}))
        await client.call_tool("cancel_job", {"job_id": begun["job_id"]})
        told = fault(await client.call_tool("wait_for_job", {"job_id": begun["job_id"]}))
        assert (told["code"], told["job_id"]) == ("canceled", begun["job_id"])
        assert data(await client.call_tool("cancel_job", {"job_id": begun["job_id"]}))["status"] == "canceled"


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_told_meanwhile(url: str, mode: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with agent(url, mode) as client:
        await client.call_tool("generate_image", {"prompt": "a", "model": "slow", "steps": 30}, progress_callback=hear)
    assert len(told) >= 2
    assert [each[0] for each in told] == sorted({each[0] for each in told})
    assert {each[1] for each in told} == {100.0}
    assert any("of 30" in (words or "") for _, _, words in told)


async def test_null_is_what_was_left_out(url: str) -> None:
    """Some language models fill in every argument there is."""
    asked = {"prompt": "a", **dict.fromkeys(("model", "size", "n", "negative_prompt", "loras", "view", "background", "wait"))}
    async with agent(url) as client:
        assert data(await client.call_tool("generate_image", asked))["model"] == "quick"
        assert fault(await client.call_tool("generate_image", {"prompt": None}))["message"].startswith("prompt is missing")


async def test_a_picture_is_looked_at_by_its_url(url: str) -> None:
    async with agent(url) as client:
        (image,) = data(await client.call_tool("generate_image", {"prompt": "a", "view": "none"}))["images"]
        assert data(await client.call_tool("get_image", {"image": image["url"]}))["id"] == image["id"]


async def test_the_headers_priority_counts(url: str) -> None:
    async with agent(url, MODERN, **{"X-Darkroom-Priority": "bulk"}) as client:
        made = data(await client.call_tool("generate_image", {"prompt": "a"}))
    assert (await task(url, made["job_id"]))["input"]["priority"] == "bulk"


async def test_another_teams_things_are_not_there(url: str, wiring: Wiring) -> None:
    other = await member_key(wiring)
    async with agent(url) as mine, agent(url, MODERN, other) as theirs:
        made = data(await mine.call_tool("generate_image", {"prompt": "a secret"}))
        image, job = made["images"][0]["id"], made["job_id"]
        for name, asked in _others(image, job):
            told = fault(await theirs.call_tool(name, asked))
            nobodys = "01900000-0000-7000-8000-000000000000"
            same = {key: nobodys if each in (image, job) else each for key, each in asked.items()}
            assert told["code"] == "not_found", (name, told)
            expected = fault(await theirs.call_tool(name, same))
            assert {**told, "message": told["message"].replace(image, nobodys).replace(job, nobodys)} == expected
        assert data(await theirs.call_tool("search_images", {}))["total"] == 0
        assert not (await theirs.list_resources()).resources
        first = await mine.call_tool("search_images", {"limit": 1})
        await mine.call_tool("generate_image", {"prompt": "another"})
        cursor = data(await mine.call_tool("search_images", {"limit": 1}))["next"]
        told = fault(await theirs.call_tool("search_images", {"limit": 1, "cursor": cursor}))
        assert told["field"] == "cursor"
        assert data(first)["total"] == 1


def _others(image: str, job: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("get_image", {"image": image}),
        ("edit_image", {"prompt": "a", "image": image}),
        ("edit_image", {"prompt": "a", "image": uri(flat()), "mask": image}),
        ("upscale_image", {"image": image}),
        ("wait_for_job", {"job_id": job}),
        ("cancel_job", {"job_id": job}),
    ]
