"""txt2img and img2img: what becomes of their fields, and what comes back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engines import infotext
from tests.api.a1111.asking import API, Json, answered, b64, made, picture
from tests.api.house import anyone, bearer, member_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WEBUIAPI: Json = {
    "enable_hr": False, "hr_scale": 2, "hr_upscaler": "Latent", "hr_second_pass_steps": 0, "hr_resize_x": 0, "hr_resize_y": 0,
    "hr_checkpoint_name": None, "hr_sampler_name": None, "hr_scheduler": None, "hr_prompt": "", "hr_negative_prompt": "",
    "denoising_strength": 0.7, "firstphase_width": 0, "firstphase_height": 0, "styles": [], "seed": -1, "subseed": -1,
    "subseed_strength": 0.0, "seed_resize_from_h": 0, "seed_resize_from_w": 0, "batch_size": 1, "n_iter": 1, "steps": 20,
    "cfg_scale": 7.0, "width": 512, "height": 512, "restore_faces": False, "tiling": False, "do_not_save_samples": False,
    "do_not_save_grid": False, "negative_prompt": "", "eta": 1.0, "s_churn": 0, "s_tmax": 0, "s_tmin": 0, "s_noise": 1,
    "override_settings": {}, "override_settings_restore_afterwards": True, "sampler_name": "Euler", "scheduler": "automatic",
    "sampler_index": "Euler", "script_name": None, "script_args": [], "send_images": True, "save_images": False,
    "alwayson_scripts": {},
}  # fmt: skip
"""What a widespread client sends where its user chose nothing."""
SILLYTAVERN: Json = {
    "url": "http://127.0.0.1:7860", "auth": "", "negative_prompt": "blur", "sampler_name": "DPM++ 2M", "scheduler": "Automatic",
    "steps": 20, "cfg_scale": 7, "width": 512, "height": 512, "restore_faces": False, "enable_hr": False,
    "hr_upscaler": "Latent", "hr_scale": 2, "hr_additional_modules": [], "denoising_strength": 0.7, "seed": -1,
    "hr_second_pass_steps": 0,
    "override_settings": {"CLIP_stop_at_last_layers": 1, "sd_vae": "", "forge_additional_modules": []},
    "override_settings_restore_afterwards": True, "clip_skip": 1, "save_images": True, "send_images": True,
    "do_not_save_grid": False, "do_not_save_samples": False,
}  # fmt: skip
"""The same of another; the address and the password that it sends along are no fields."""


async def test_an_answer_is_shaped_as_a1111_shapes_it(client: httpx.AsyncClient) -> None:
    body = {
        "negative_prompt": "mud",
        "steps": 3,
        "cfg_scale": 7,
        "seed": 5,
        "batch_size": 2,
        "n_iter": 2,
        "width": 96,
        "height": 64,
    }
    answer = await made(client, sampler_name="DPM++ 2M", model="free", **body)
    assert {name: answer["parameters"][name] for name in body} == body
    info = answer["info"]
    assert (info["all_seeds"], info["seed"], info["index_of_first_image"]) == ([5, 6, 7, 8], 5, 0)
    assert (info["width"], info["height"], info["steps"], info["cfg_scale"], info["batch_size"]) == (96, 64, 3, 7.0, 2)
    assert (info["sampler_name"], info["sd_model_name"]) == ("DPM++ 2M", "free")
    assert info["all_prompts"] == ["a red circle"] * 4
    assert [picture(each).size for each in answer["images"]] == [(96, 64)] * 4
    for text, told in zip(answer["images"], info["infotexts"], strict=True):
        assert picture(text).text["parameters"] == told  # type: ignore[attr-defined]
    said = infotext.parse(info["infotexts"][1])
    assert (said.prompt, said.negative_prompt, said.fields["Seed"], said.fields["Size"]) == (
        "a red circle",
        "mud",
        "6",
        "96x64",
    )
    task = (await client.get(f"/v1/tasks/{info['job_id']}")).json()
    assert (task["status"], task["n"]) == ("succeeded", 4)


@pytest.mark.parametrize(("sent", "ignored"), [(WEBUIAPI, None), (SILLYTAVERN, "url")])
async def test_what_clients_send_whose_users_chose_nothing(client: httpx.AsyncClient, sent: Json, ignored: str | None) -> None:
    response = await client.post(f"{API}/txt2img", json={"prompt": "a", **sent})
    answer = answered(response)
    assert picture(answer["images"][0]).size == (512, 512)
    assert answer["parameters"]["steps"] == 20
    assert response.headers.get("x-darkroom-ignored") == ignored


async def test_what_is_left_out_is_the_models_own(client: httpx.AsyncClient) -> None:
    answer = await made(client)
    assert picture(answer["images"][0]).size == (128, 128)
    told = answer["parameters"]
    assert (told["width"], told["height"], told["steps"], told["cfg_scale"], told["sampler_name"]) == (
        128,
        128,
        4,
        5.0,
        "Euler",
    )
    assert 0 <= answer["info"]["seed"] < 2**32
    half = await made(client, width=256)
    assert picture(half["images"][0]).size == (256, 512)


@pytest.mark.parametrize(
    "body",
    [
        {"model": "free"},
        {"override_settings": {"sd_model_checkpoint": "free"}},
        {"override_settings": {"sd_model_checkpoint": "free [0123abcd45]"}},
        {"model": "FREE"},
        {"model": "free", "override_settings": {"sd_model_checkpoint": "quick"}},
    ],
)
async def test_the_model_is_chosen_by_the_call(client: httpx.AsyncClient, body: Json) -> None:
    assert (await made(client, **body))["info"]["sd_model_name"] == "free"


@pytest.mark.parametrize("name", ["v1-5-pruned-emaonly", "v1-5-pruned-emaonly.safetensors [6ce0161689]", "Quick one"])
async def test_aliases_and_titles_of_models(client: httpx.AsyncClient, name: str) -> None:
    assert (await made(client, override_settings={"sd_model_checkpoint": name}))["info"]["sd_model_name"] == "quick"


async def test_numbers_may_be_text_and_what_asks_for_nothing_is_let_pass(client: httpx.AsyncClient) -> None:
    answer = await made(client, model="free", seed="5", steps="2", width=64.0, height="64", styles=None, force_task_id="")
    assert (answer["info"]["seed"], answer["info"]["steps"], answer["info"]["width"]) == (5, 2, 64)


@pytest.mark.parametrize(
    ("given", "sampler", "told"),
    [
        ({"sampler_name": "DPM++ 2M", "scheduler": "Automatic"}, "DPM++ 2M", "DPM++ 2M"),
        ({"sampler_index": "dpmpp_2m"}, "DPM++ 2M", "DPM++ 2M"),
        ({"sampler_name": "Euler", "sampler_index": "DPM++ 2M"}, "Euler", "Euler"),
        ({"sampler_name": "k_euler", "scheduler": "uniform"}, "Euler", "Euler"),
    ],
)
async def test_samplers(client: httpx.AsyncClient, given: Json, sampler: str, told: str) -> None:
    answer = await made(client, **given)
    task = (await client.get(f"/v1/tasks/{answer['info']['job_id']}")).json()
    assert task["input"]["sampler"] == sampler
    assert answer["info"]["sampler_name"] == told


async def test_what_a_model_has_none_of_is_left_out_and_told(client: httpx.AsyncClient) -> None:
    response = await client.post(f"{API}/txt2img", json={**WEBUIAPI, "prompt": "a", "model": "bare", "width": 64, "height": 64})
    told = answered(response)
    assert response.headers["x-darkroom-ignored"] == "steps, cfg_scale, sampler_name, sampler_index, scheduler"
    assert (told["info"]["steps"], told["info"]["cfg_scale"], told["info"]["sampler_name"]) == (None, None, None)
    changed = {"prompt": "a", "model": "bare", "init_images": [b64()], "denoising_strength": 0.5, "width": 64, "height": 64}
    response = await client.post(f"{API}/img2img", json=changed)
    assert response.headers["x-darkroom-ignored"] == "denoising_strength", response.text


async def test_pictures_need_not_be_sent_and_have_the_format_that_was_chosen(client: httpx.AsyncClient) -> None:
    assert (await made(client, send_images=False))["images"] == []
    for form, name in (("jpg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")):
        answer = await made(client, override_settings={"samples_format": form})
        assert picture(answer["images"][0]).format == name
        read = (await client.post(f"{API}/png-info", json={"image": answer["images"][0]})).json()
        assert read["info"] == answer["info"]["infotexts"][0]


async def test_an_infotext_says_what_the_body_leaves_out(client: httpx.AsyncClient) -> None:
    first = await made(
        client, prompt="a blue square", negative_prompt="mud", steps=3, cfg_scale=2, seed=9, width=96, height=64, model="free"
    )
    text = first["info"]["infotexts"][0]
    again = answered(await client.post(f"{API}/txt2img", json={"infotext": text}))
    assert again["info"]["infotexts"] == first["info"]["infotexts"]
    assert again["images"] == first["images"]
    other = answered(
        await client.post(f"{API}/txt2img", json={"infotext": text, "prompt": "a cat", "seed": 3, "model": "quick"})
    )
    assert (other["info"]["prompt"], other["info"]["seed"], other["info"]["steps"]) == ("a cat", 3, 3)
    foreign = "a dog\nSteps: 2, Sampler: Euler, CFG scale: 3, Seed: 1, Size: 64x64, Model: dreamshaper_8"
    response = await client.post(f"{API}/txt2img", json={"infotext": foreign})
    assert response.headers["x-darkroom-ignored"] == "infotext.Model"
    more = f"{foreign}, VAE: fine.pt, Clip skip: 2, Denoising strength: 0.5, Hires upscale: 2"
    response = await client.post(f"{API}/txt2img", json={"infotext": more, "model": "quick"})
    told = {f"infotext.{name}" for name in ("VAE", "Clip skip", "Denoising strength", "Hires upscale")}
    assert set(response.headers["x-darkroom-ignored"].split(", ")) == told
    assert answered(response)["info"]["sd_model_name"] == "quick"


async def test_styles_are_the_teams_presets(client: httpx.AsyncClient) -> None:
    for name, template in (("photo", "a photo of {{prompt}}, 35 mm"), ("oil", "an oil painting")):
        body = {"name": name, "promptTemplate": template, "negativePrompt": "blur"}
        assert (await client.post("/v0/presets", json=body)).status_code == 201
    rows = (await client.get(f"{API}/prompt-styles")).json()
    assert {"name": "photo", "prompt": "a photo of {prompt}, 35 mm", "negative_prompt": "blur"} in rows
    answer = await made(client, prompt="a cat", styles=["photo", "None"], negative_prompt="mud")
    assert (answer["info"]["prompt"], answer["info"]["negative_prompt"]) == ("a photo of a cat, 35 mm", "blur, mud")
    assert answer["info"]["styles"] == ["photo", "None"]
    both = await made(client, prompt="a cat", styles=["photo", "oil"])
    assert both["info"]["prompt"] == "an oil painting\na photo of a cat, 35 mm"


async def test_basic_takes_the_key_as_the_password(client: httpx.AsyncClient, stranger: httpx.AsyncClient, wiring: Any) -> None:
    key = await member_key(wiring)
    answer = await stranger.post(f"{API}/txt2img", json={"prompt": "a"}, auth=("anyone", key))
    assert answer.status_code == 200, answer.text
    async with anyone(stranger._transport.app, bearer(key)) as same:  # type: ignore[attr-defined]
        assert (await same.get("/v1/tasks")).json()["data"]


async def test_the_same_key_again_leads_to_the_same_job(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"prompt": "a", "seed": 1}
    first = answered(await client.post(f"{API}/txt2img", json=body, headers=headers))
    again = answered(await client.post(f"{API}/txt2img", json=body, headers=headers))
    assert (first["info"]["job_id"], first["images"]) == (again["info"]["job_id"], again["images"])
    other = await client.post(f"{API}/txt2img", json={**body, "seed": 2}, headers=headers)
    assert other.status_code == 409


async def test_the_same_key_again_when_the_pictures_are_deleted(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    await client.post(f"{API}/txt2img", json={"prompt": "a"}, headers=headers)
    for image in (await client.get("/v1/images")).json()["data"]:
        await client.delete(f"/v1/images/{image['id']}")
    again = await client.post(f"{API}/txt2img", json={"prompt": "a"}, headers=headers)
    assert again.status_code == 404
    assert "deleted since" in again.text


async def test_priority_is_a_header(client: httpx.AsyncClient) -> None:
    answer = answered(await client.post(f"{API}/txt2img", json={"prompt": "a"}, headers={"X-Darkroom-Priority": "bulk"}))
    assert (await client.get(f"/v1/tasks/{answer['info']['job_id']}")).json()["input"]["priority"] == "bulk"
