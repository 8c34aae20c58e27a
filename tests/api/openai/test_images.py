"""Generations and edits as OpenAI's clients ask for them, and what each field comes to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.house import URL, anyone, bearer
from tests.api.openai.asking import GENERATIONS, answered, clear_half, edit, edited, last_asked, made, picture, refused
from tests.api.pictures import BLUE, RED, WHITE, flat

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_an_answer_has_all_that_openais_has(client: httpx.AsyncClient) -> None:
    answer = await made(client, model="quick", size="128x128", n=2, seed=7, quality="high", user="u-1")
    assert [picture(answer, at).size for at in (0, 1)] == [(128, 128)] * 2
    assert [each["seed"] for each in answer["data"]] == [7, 8]
    shown = {name: answer[name] for name in ("background", "output_format", "quality", "size", "safety_identifier", "model")}
    assert shown == {
        "background": "opaque",
        "output_format": "png",
        "quality": "high",
        "size": "128x128",
        "safety_identifier": "u-1",
        "model": "quick",
    }
    assert answer["usage"]["total_tokens"] == 0
    assert isinstance(answer["created"], int)
    kept = (await client.get(f"/v1/images/{answer['data'][0]['id']}")).json()
    assert (kept["prompt"], kept["source"]) == ("a red circle", "generate")


async def test_the_header_names_the_task(client: httpx.AsyncClient) -> None:
    response = await client.post(GENERATIONS, json={"prompt": "a"})
    task = (await client.get(f"/v1/tasks/{response.headers['x-darkroom-task']}")).json()
    assert (task["status"], task["output"]["images"][0]["artifact_id"]) == ("succeeded", response.json()["data"][0]["id"])


@pytest.mark.parametrize(
    ("asked", "form"),
    [({}, "b64_json"), ({"response_format": "url"}, "url"), ({"model": "dall-e-3"}, "url"),
     ({"model": "dall-e-3", "response_format": "b64_json"}, "b64_json")],
)  # fmt: skip
async def test_pictures_come_by_base64_or_by_url(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, asked: dict[str, Any], form: str
) -> None:
    (shown,) = (await made(client, **asked))["data"]
    assert ("b64_json" in shown, "url" in shown) == (form == "b64_json", form == "url")
    if form == "url":
        assert shown["url"].startswith(URL)
        assert (await stranger.get(shown["url"].removeprefix(URL))).status_code == 200


@pytest.mark.parametrize(
    ("named", "model"),
    [(None, "quick"), ("auto", "quick"), ("picture", "quick"), ("gpt-image-1", "quick"), ("gpt-image-1.5", "maker")],
)
async def test_a_name_of_the_clouds_means_what_the_operator_says(
    client: httpx.AsyncClient, named: str | None, model: str
) -> None:
    assert (await made(client, model=named))["model"] == model


async def test_an_unknown_name_can_come_to_the_default(client: httpx.AsyncClient) -> None:
    changed = await client.patch("/admin/settings", json={"clients": {"unknown_model": "default"}})
    assert changed.status_code == 200, changed.text
    assert (await made(client, model="flux-9"))["model"] == "quick"
    refused(await client.post(GENERATIONS, json={"prompt": "a", "model": "gone"}), 404, "model_retired", "model")


@pytest.mark.parametrize(
    ("size", "delivered"), [(None, (128, 128)), ("auto", (128, 128)), ("1024x1024", (1024, 1024)), ("200x50", (200, 50))]
)
async def test_any_size_that_the_model_has_room_for(
    client: httpx.AsyncClient, size: str | None, delivered: tuple[int, int]
) -> None:
    assert picture(await made(client, size=size)).size == delivered


@pytest.mark.parametrize(
    ("quality", "steps"), [(None, 4), ("auto", 4), ("low", 2), ("medium", 4), ("standard", 4), ("hd", 6), ("max", 12)]
)
async def test_quality_is_steps_where_the_maker_has_no_word(
    client: httpx.AsyncClient, journal: Path, quality: str | None, steps: int
) -> None:
    await made(client, quality=quality)
    assert last_asked(journal)["steps"] == steps


@pytest.mark.parametrize(("quality", "word"), [("low", "low"), ("standard", "medium"), ("hd", "high"), ("auto", None)])
async def test_quality_is_the_makers_word_where_there_is_one(
    client: httpx.AsyncClient, journal: Path, quality: str, word: str | None
) -> None:
    await made(client, model="maker", quality=quality)
    assert last_asked(journal)["choices"] == ({"quality": word} if word else {})
    assert last_asked(journal)["steps"] == 4


@pytest.mark.parametrize(
    ("form", "compression", "kind"), [("png", 100, "PNG"), ("webp", None, "WEBP"), ("webp", 5, "WEBP"), ("jpeg", 5, "JPEG")]
)
async def test_formats(client: httpx.AsyncClient, form: str, compression: int | None, kind: str) -> None:
    answer = await made(client, output_format=form, output_compression=compression)
    assert (picture(answer).format, answer["output_format"]) == (kind, form)


async def test_compression_makes_smaller_files(client: httpx.AsyncClient) -> None:
    async def size(compression: int) -> int:
        answer = await edited(client, ("image", _noise()), output_format="jpeg", output_compression=compression, strength=0.1)
        return len(answer["data"][0]["b64_json"])

    assert await size(5) <= await size(95)


async def test_what_a_cloud_delivers_is_in_the_format_that_was_asked_for(client: httpx.AsyncClient) -> None:
    asked = {"model": "cloud", "output_format": "jpeg", "output_compression": 50}
    answer = await made(client, **asked)
    assert (picture(answer).format, answer["output_format"]) == ("JPEG", "jpeg")
    assert picture(await made(client, model="cloud")).format == "PNG"


@pytest.mark.parametrize(("background", "mode"), [("transparent", "RGBA"), ("opaque", "RGB"), ("auto", "RGB")])
@pytest.mark.parametrize("form", ["png", "webp"])
async def test_a_transparent_background_has_alpha(client: httpx.AsyncClient, background: str, mode: str, form: str) -> None:
    answer = await made(client, model="maker", background=background, output_format=form)
    assert picture(answer).mode == mode
    assert answer["background"] == ("transparent" if mode == "RGBA" else "opaque")


async def test_one_that_has_none_after_all_is_not_handed_over(client: httpx.AsyncClient) -> None:
    told = refused(await client.post(GENERATIONS, json={"prompt": "a", "model": "liar", "background": "transparent"}), 502,
                   "engine_crashed")  # fmt: skip
    assert "alpha" in told["message"]


async def test_an_edit_changes_the_first_picture_and_looks_at_the_others(client: httpx.AsyncClient, journal: Path) -> None:
    files = [("image[]", flat(RED, 64, 32)), ("image[]", flat(BLUE)), ("image[]", flat(WHITE))]
    answer = await edited(client, *files, seed="9", num_inference_steps="3", guidance_scale="2.5", strength="0.5")
    asked = last_asked(journal)
    assert (asked["model"], asked["steps"], asked["strength"]) == ("edit", 3, 0.5)
    assert asked["source"][2:] == [*RED]
    assert [each[2:] for each in asked["references"]] == [[*BLUE], [*WHITE]]
    assert answer["data"][0]["seed"] == 9
    # Without a size the answer has the ratio of what is changed.
    width, height = picture(answer).size
    assert width / height == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("name", ["image", "image[]", "image[0]"])
async def test_files_by_each_of_their_names(client: httpx.AsyncClient, name: str) -> None:
    assert (await edited(client, (name, flat(RED))))["data"]


async def test_what_is_transparent_in_the_mask_is_painted_anew(client: httpx.AsyncClient, journal: Path) -> None:
    mask = clear_half()
    answer = await edited(client, ("image", flat(RED)), ("mask", mask), seed="3", size="128x128", model="edit")
    shown = picture(answer)
    assert shown.getpixel((4, 64)) == RED
    assert shown.getpixel((124, 64)) != RED
    kept = (await client.get(f"/v1/images/{answer['data'][0]['id']}")).json()
    assert kept["source"] == "edit"


async def test_further_choices_reach_the_engine(client: httpx.AsyncClient, journal: Path) -> None:
    await edited(client, model="maker", input_fidelity="high", style="vivid", background="opaque", quality="low")
    assert last_asked(journal)["choices"] == {
        "quality": "low", "background": "opaque", "style": "vivid", "input_fidelity": "high",
    }  # fmt: skip


async def test_sent_twice_it_is_one_task(client: httpx.AsyncClient) -> None:
    named = {"Idempotency-Key": "k"}
    body = {"prompt": "a"}
    first, again = [answered(await client.post(GENERATIONS, json=body, headers=named)) for _ in range(2)]
    assert first == again
    told = refused(await client.post(GENERATIONS, json={"prompt": "b"}, headers=named), 422, "idempotency_conflict",
                   "Idempotency-Key")  # fmt: skip
    assert told["type"] == "idempotency_error"
    parts = {"image": ("a.png", flat(RED))}
    one, other = [
        await client.post("/openai/v1/images/edits", files=parts, data={"prompt": "a"}, headers={"Idempotency-Key": "e"})
        for _ in range(2)
    ]
    assert one.json() == other.json()
    parts = {"image": ("a.png", flat(BLUE))}
    again_other = await client.post(
        "/openai/v1/images/edits", files=parts, data={"prompt": "a"}, headers={"Idempotency-Key": "e"}
    )
    refused(again_other, 422, "idempotency_conflict", "Idempotency-Key")


async def test_the_priority_of_the_header_counts(client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(GENERATIONS, json={"prompt": "a", "model": "stuck"}))
    while not (tasks := (await client.get("/v1/tasks")).json()["data"]) or tasks[0]["status"] != "running":
        await asyncio.sleep(0.01)
    body, header = {"prompt": "a", "model": "quick"}, {"X-Darkroom-Priority": "bulk"}
    second = asyncio.create_task(client.post(GENERATIONS, json=body, headers=header))
    while not (queue := (await client.get("/admin/queue")).json()["data"]):
        await asyncio.sleep(0.01)
    assert [row["priority"] for row in queue] == ["bulk"]
    await client.post(f"/v1/tasks/{tasks[0]['task_id']}/cancel")
    assert (await second).status_code == 200
    await waiting


async def test_credits_are_charged_as_tariffs_say(client: httpx.AsyncClient, wiring: Any) -> None:
    text = wiring.models_path.read_text()
    wiring.models_path.write_text(text + "\n[tariffs]\nopenai = { quality = { standard = 2, hd = 6 } }\n")
    for _ in range(200):
        answer = await made(client, model="short", n=3)
        if answer["usage"]["credits"]:
            break
        await asyncio.sleep(0.05)
    assert (len(answer["data"]), answer["usage"]["credits"]) == (1, 2)
    assert (await made(client, quality="high"))["usage"]["credits"] == 6


async def test_models(client: httpx.AsyncClient) -> None:
    listed = answered(await client.get("/openai/v1/models"))
    assert listed["object"] == "list"
    by_id = {each["id"]: each for each in listed["data"]}
    assert by_id["auto"] == {"id": "auto", "object": "model", "created": 0, "owned_by": "darkroom", "shutdown_date": None}
    assert by_id["quick"]["owned_by"] == "fake"
    assert by_id["gone"]["shutdown_date"] == "2026-05-12"
    for name, owner in (("quick", "fake"), ("picture", "fake"), ("gpt-image-1", "darkroom"), ("gone", "darkroom")):
        shown = answered(await client.get(f"/openai/v1/models/{name}"))
        assert (shown["id"], shown["owned_by"]) == (name, owner)
    refused(await client.get("/openai/v1/models/nonesuch"), 404, "model_not_found", "model")


async def test_another_team_does_not_see_what_was_made(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    response = await edit(client)
    assert response.status_code == 200
    for path in (f"/v1/images/{response.json()['data'][0]['id']}", f"/v1/tasks/{response.headers['x-darkroom-task']}"):
        assert (await client.get(path)).status_code == 200
        assert (await other_team.get(path)).status_code == 404


async def test_a_key_that_only_reads_makes_nothing(app: Any, wiring: Any) -> None:
    from tests.api.house import member_key

    async with anyone(app, bearer(await member_key(wiring, "gallery.read"))) as reader:
        refused(await reader.post(GENERATIONS, json={"prompt": "a"}), 403, "insufficient_permissions")
        refused(await edit(reader), 403, "insufficient_permissions")
        assert (await reader.get("/openai/v1/models")).status_code == 200


def _noise() -> bytes:
    import numpy as np

    from tests.fakes.pictures import png

    return png(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
