"""What there is to choose from, a key's own options, and what files say of themselves."""

from __future__ import annotations

import base64

import httpx
import pytest
from litestar import Litestar

from tests.api.a1111.asking import API, made, picture
from tests.api.house import anyone, bearer
from tests.api.pictures import flat


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestLists:
    async def test_models(self, client: httpx.AsyncClient) -> None:
        rows = (await client.get(f"{API}/sd-models")).json()
        assert [row["title"] for row in rows] == [
            "quick", "free", "edit", "bare", "slow", "stuck", "far-stuck", "broken", "prude",
        ]  # fmt: skip
        assert rows[0] == {
            "title": "quick", "model_name": "quick", "hash": None, "sha256": None, "filename": "quick", "config": None,
        }  # fmt: skip

    async def test_samplers_and_schedulers(self, client: httpx.AsyncClient) -> None:
        rows = (await client.get(f"{API}/samplers")).json()
        assert [row["name"] for row in rows] == ["Euler", "DPM++ 2M"]
        assert rows[1] == {"name": "DPM++ 2M", "aliases": ["dpmpp_2m"], "options": {}}
        (plain,) = (await client.get(f"{API}/schedulers")).json()
        assert (plain["name"], plain["label"]) == ("automatic", "Automatic")

    async def test_upscalers(self, client: httpx.AsyncClient) -> None:
        rows = (await client.get(f"{API}/upscalers")).json()
        assert [row["name"] for row in rows] == ["None", "grow", "tall"]

    async def test_lists_of_what_there_is_none_of(self, client: httpx.AsyncClient) -> None:
        for name in ("loras", "hypernetworks", "face-restorers", "latent-upscale-modes", "sd-vae", "sd-modules", "script-info"):
            response = await client.get(f"{API}/{name}")
            assert (response.status_code, response.json()) == (200, []), name
        assert (await client.get(f"{API}/scripts")).json() == {"txt2img": [], "img2img": []}
        assert (await client.get(f"{API}/embeddings")).json() == {"loaded": {}, "skipped": {}}
        assert (await client.get(f"{API}/cmd-flags")).json()["api"] is True

    async def test_memory(self, client: httpx.AsyncClient) -> None:
        told = (await client.get(f"{API}/memory")).json()
        assert 0 < told["ram"]["free"] + told["ram"]["used"] <= told["ram"]["total"] * 1.001
        assert told["cuda"] == {"error": "unavailable"}

    async def test_what_is_seen_to_without_being_asked(self, client: httpx.AsyncClient) -> None:
        for name in ("refresh-checkpoints", "unload-checkpoint", "reload-checkpoint", "refresh-loras", "refresh-vae"):
            response = await client.post(f"{API}/{name}")
            assert (response.status_code, response.json()) == (200, None), name

    async def test_a_file_says_how_it_was_made(self, client: httpx.AsyncClient) -> None:
        answer = await made(client, prompt="a cat, sitting", negative_prompt="mud", steps=3, seed=4)
        for image in (answer["images"][0], f"data:image/png;base64,{answer['images'][0]}"):
            told = (await client.post(f"{API}/png-info", json={"image": image})).json()
            assert told["info"] == answer["info"]["infotexts"][0]
            assert "darkroom" in told["items"]
            said = told["parameters"]
            assert (said["Prompt"], said["Negative prompt"], said["Steps"], said["Size-1"]) == (
                "a cat, sitting",
                "mud",
                "3",
                128,
            )
        plain = base64.b64encode(flat()).decode()
        assert (await client.post(f"{API}/png-info", json={"image": plain})).json() == {
            "info": "",
            "items": {},
            "parameters": {},
        }
        assert len((await client.get("/v1/images")).json()["data"]) == 1, "nothing is kept"

    async def test_pictures_are_enlarged(self, client: httpx.AsyncClient) -> None:
        image = base64.b64encode(flat(width=64, height=32)).decode()
        for body, size in (
            ({"upscaling_resize": 2}, (128, 64)),
            ({"upscaling_resize": 1.5, "upscaler_1": "Growing"}, (96, 48)),
            ({"resize_mode": 1, "upscaling_resize_w": 128, "upscaling_resize_h": 128}, (128, 128)),
            ({"resize_mode": 1, "upscaling_resize_w": 128, "upscaling_resize_h": 128, "upscaling_crop": False}, (256, 128)),
            ({"upscaler_1": "None", "upscaling_resize": 4}, (64, 32)),
        ):
            response = await client.post(f"{API}/extra-single-image", json={"image": image, "upscaler_1": "grow", **body})
            assert response.status_code == 200, response.text
            told = response.json()
            assert picture(told["image"]).size == size
            assert told["html_info"] == f"<p>{size[0]}x{size[1]}</p>"

    async def test_several_are_enlarged_or_none(self, client: httpx.AsyncClient) -> None:
        images = [{"data": base64.b64encode(flat(width=side)).decode(), "name": str(side)} for side in (32, 64)]
        body = {"upscaler_1": "grow", "upscaling_resize": 2, "imageList": images}
        headers = {"Idempotency-Key": "once"}
        first, again = [await client.post(f"{API}/extra-batch-images", json=body, headers=headers) for _ in range(2)]
        assert [picture(each).size for each in first.json()["images"]] == [(64, 128), (128, 128)]
        assert again.json() == first.json()
        assert len((await client.get("/v1/tasks")).json()["data"]) == 2
        refused = await client.post(f"{API}/extra-batch-images", json={**body, "imageList": [*images, {"data": "!!"}]})
        assert refused.status_code == 422
        assert {each["status"] for each in (await client.get("/v1/tasks")).json()["data"]} <= {"succeeded", "canceled"}


async def test_options_are_a_keys_own(client: httpx.AsyncClient, other_team: httpx.AsyncClient, app: Litestar) -> None:
    told = (await client.get(f"{API}/options")).json()
    assert (told["sd_model_checkpoint"], told["samples_format"], told["CLIP_stop_at_last_layers"]) == ("quick", "png", 1)
    chosen = {"sd_model_checkpoint": "Free", "samples_format": "jpg", "jpeg_quality": 50, "outdir_samples": "/tmp"}
    response = await client.post(f"{API}/options", json=chosen)
    assert (response.status_code, response.json()) == (200, None)
    after = (await client.get(f"{API}/options")).json()
    assert {name: after[name] for name in chosen} == {**chosen, "sd_model_checkpoint": "free"}
    answer = await made(client)
    assert answer["info"]["sd_model_name"] == "free"
    assert picture(answer["images"][0]).format == "JPEG"
    assert (await made(client, override_settings={"sd_model_checkpoint": "quick"}))["info"]["sd_model_name"] == "quick"

    key = (await client.get("/v1/me")).json()["key"]["id"]
    spare = (await client.post("/v1/team/keys", json={"name": "b", "permissions": ["gallery.read"]})).json()["key"]
    async with anyone(app, bearer(spare)) as same_team:
        for other in (same_team, other_team):
            assert (await other.get(f"{API}/options")).json()["sd_model_checkpoint"] == "quick"
    assert key

    assert (await client.post(f"{API}/options", json={"sd_model_checkpoint": None, "samples_format": None})).status_code == 200
    back = (await client.get(f"{API}/options")).json()
    assert (back["sd_model_checkpoint"], back["samples_format"], back["jpeg_quality"]) == ("quick", "png", 50)
    assert (await client.post(f"{API}/options", json=back)).status_code == 200, "what was told can be sent back"
    assert (await client.post(f"{API}/options", json={"sd_model_checkpoint": "auto"})).status_code == 200


async def test_a_rotated_key_goes_on_with_its_options(client: httpx.AsyncClient, app: Litestar) -> None:
    carried = ["features.image_generation", "gallery.read"]
    made_key = (await client.post("/v1/team/keys", json={"name": "b", "permissions": carried})).json()
    async with anyone(app, bearer(made_key["key"])) as before:
        assert (await before.post(f"{API}/options", json={"sd_model_checkpoint": "free"})).status_code == 200
    rotated = (await client.post(f"/v1/team/keys/{made_key['id']}/rotate", json={})).json()
    async with anyone(app, bearer(rotated["key"])) as after:
        assert (await after.get(f"{API}/options")).json()["sd_model_checkpoint"] == "free"
