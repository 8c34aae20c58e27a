"""What cannot be met, in A1111's own shapes; before anything is charged, and with the field's own name."""

from __future__ import annotations

import base64

import httpx
import pytest
from litestar import Litestar

from gateway.accounts.permissions import Permission
from gateway.wiring import Wiring
from tests.api.a1111.asking import API, Json, b64, mask, refused
from tests.api.house import anyone, bearer, member_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
T, G, E = "txt2img", "img2img", "extra-single-image"
INIT: Json = {"init_images": [b64()]}


REFUSED: list[tuple[str, Json, str]] = [
    (T, {"prompt": ""}, "prompt"),
    (T, {"steps": 0}, "steps"),
    (T, {"steps": "many"}, "steps"),
    (T, {"cfg_scale": 1000}, "cfg_scale"),
    (T, {"width": 3, "height": 3}, "width"),
    (T, {"width": 100_000, "height": 64}, "width"),
    (T, {"model": "free", "width": 2048, "height": 2048}, "width"),
    (T, {"batch_size": 11}, "batch_size"),
    (T, {"n_iter": 6, "batch_size": 2}, "n_iter"),
    (T, {"n_iter": 0}, "n_iter"),
    (T, {"seed": 2**53}, "seed"),
    (T, {"seed": -7}, "seed"),
    (T, {"sampler_name": "Euler", "scheduler": "Wobbly"}, "scheduler"),
    (T, {"subseed_strength": 0.5}, "subseed_strength"),
    (T, {"seed_resize_from_w": 512}, "seed_resize_from_w"),
    (T, {"restore_faces": True}, "restore_faces"),
    (T, {"tiling": True}, "tiling"),
    (T, {"eta": 0.5}, "eta"),
    (T, {"s_churn": 1}, "s_churn"),
    (T, {"s_noise": 0}, "s_noise"),
    (T, {"clip_skip": 2}, "clip_skip"),
    (T, {"refiner_checkpoint": "sd_xl_refiner"}, "refiner_checkpoint"),
    (T, {"firstpass_image": b64()}, "firstpass_image"),
    (T, {"script_name": "X/Y/Z plot"}, "script_name"),
    (T, {"alwayson_scripts": {"ADetailer": {"args": [True]}}}, "alwayson_scripts"),
    (T, {"enable_hr": True}, "enable_hr"),
    (T, {"enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent", "denoising_strength": 0.5}, "enable_hr"),
    (T, {"prompt": "a <lora:detail:0.8> cat"}, "prompt"),
    (T, {"prompt": "a <lora:detail:much> cat"}, "prompt"),
    (T, {"prompt": "a <hypernet:old:1> cat"}, "prompt"),
    (T, {"distilled_cfg_scale": 4, "cfg_scale": 7}, "distilled_cfg_scale"),
    (T, {"override_settings": {"CLIP_stop_at_last_layers": 2}}, "override_settings.CLIP_stop_at_last_layers"),
    (T, {"override_settings": {"sd_vae": "vae-ft-mse"}}, "override_settings.sd_vae"),
    (T, {"override_settings": {"eta_noise_seed_delta": 31337}}, "override_settings.eta_noise_seed_delta"),
    (T, {"override_settings": {"samples_format": "avif"}}, "override_settings.samples_format"),
    (T, {"override_settings": {"quick_settings": 7}}, "override_settings.quick_settings"),
    (T, {"step": 20}, "step"),
    (T, {"cfgscale": 3}, "cfgscale"),
    (G, {"init_images": ["not base64!"]}, "init_images.0"),
    (G, {"init_images": [base64.b64encode(b"no picture").decode()]}, "init_images.0"),
    (G, {"init_images": ["data:text/plain;base64,aGk="]}, "init_images.0"),
    (G, {"init_images": [b64(), b64()]}, "init_images"),
    (G, {**INIT, "mask": mask(32, 64)}, "mask"),
    (G, {**INIT, "mask": mask(box=(0, 0, 0, 0))}, "mask"),
    (G, {**INIT, "mask": mask(box=(0, 0, 64, 64)), "inpainting_mask_invert": 1}, "mask"),
    (G, {**INIT, "mask": mask(), "inpainting_fill": 2}, "inpainting_fill"),
    (G, {**INIT, "mask": mask(), "mask_round": False}, "mask_round"),
    (G, {**INIT, "mask": mask(), "mask_blur": 5000}, "mask_blur"),
    (G, {**INIT, "latent_mask": mask()}, "latent_mask"),
    (G, {**INIT, "resize_mode": 3}, "resize_mode"),
    (G, {**INIT, "initial_noise_multiplier": 1.2}, "initial_noise_multiplier"),
    (G, {**INIT, "denoising_strength": 2}, "denoising_strength"),
    (E, {"image": b64(), "upscaler_1": "R-ESRGAN 4x+"}, "upscaler_1"),
    (E, {"image": b64(), "upscaler_1": "quick"}, "upscaler_1"),
    (E, {"image": b64(), "upscaler_1": "grow", "upscaling_resize": 0}, "upscaling_resize"),
    (E, {"image": b64(), "upscaler_1": "grow", "upscaling_resize": 99}, "upscaling_resize"),
    (E, {"image": b64(), "upscaler_1": "grow", "gfpgan_visibility": 0.5}, "gfpgan_visibility"),
    (E, {"image": b64(), "upscaler_1": "grow", "extras_upscaler_2_visibility": 0.5}, "extras_upscaler_2_visibility"),
    (E, {"image": "", "upscaler_1": "grow"}, "image"),
    (E, {"image": "!!"}, "image"),
    ("png-info", {"image": "!!"}, "image"),
    ("png-info", {"image": base64.b64encode(b"no picture").decode()}, "image"),
    ("png-info", {}, "image"),
    ("extra-batch-images", {"imageList": [{"data": "!!"}], "upscaler_1": "grow"}, "imageList.0.data"),
    ("extra-batch-images", {"imageList": [{"data": b64()}] * 101}, "imageList"),
    ("options", {"CLIP_stop_at_last_layers": 2}, "CLIP_stop_at_last_layers"),
    ("options", {"no_such_option": 1}, "no_such_option"),
    ("options", {"sd_model_checkpoint": "nobody"}, "sd_model_checkpoint"),
    ("options", {"live_previews_enable": "yes"}, "live_previews_enable"),
    ("options", {"jpeg_quality": 0}, "jpeg_quality"),
    ("options", {"outdir_samples": "x" * 3000}, "outdir_samples"),
]
"""Call, body beside a prompt, and the field that is named."""


async def test_what_cannot_be_met_is_refused_by_name(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for call, body, field in REFUSED:
        with subtests.test(call=call, field=field, body=str(body)[:80]):
            prompt = {"prompt": "a"} if call in (T, G) else {}
            response = await client.post(f"{API}/{call}", json={**prompt, **body})
            refused(response, 422, response.json().get("code", ""), field)
    assert (await client.get("/v1/tasks")).json()["data"] == []


@pytest.mark.parametrize("body", [{}, {"init_images": None}, {"init_images": []}, {"init_images": [""]}])
async def test_without_a_picture_it_is_a1111s_own_404(client: httpx.AsyncClient, body: Json) -> None:
    told = refused(await client.post(f"{API}/img2img", json={"prompt": "a", **body}), 404, "not_found")
    assert told["detail"].startswith("Init image not found")


async def test_an_unknown_sampler_is_a1111s_own_404(client: httpx.AsyncClient) -> None:
    told = refused(
        await client.post(f"{API}/txt2img", json={"prompt": "a", "sampler_name": "Euler b"}), 404, "sampler_not_found"
    )
    assert told["detail"].startswith("Sampler not found")
    assert "DPM++ 2M" in told["detail"]


async def test_an_unknown_style_is_not_found(client: httpx.AsyncClient) -> None:
    told = refused(await client.post(f"{API}/txt2img", json={"prompt": "a", "styles": ["oil"]}), 404, "not_found")
    assert "oil" in told["detail"]


async def test_a_style_whose_blanks_nobody_fills(client: httpx.AsyncClient) -> None:
    preset = {"name": "shoes", "promptTemplate": "a photo of {{product}}"}
    assert (await client.post("/v0/presets", json=preset)).status_code == 201
    response = await client.post(f"{API}/txt2img", json={"prompt": "a", "styles": ["shoes"]})
    assert 400 <= response.status_code < 500
    assert "product" in response.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "nobody"}, "model"),
        ({"override_settings": {"sd_model_checkpoint": "nobody"}}, "override_settings.sd_model_checkpoint"),
        ({"model": "grow"}, "model"),
    ],
)
async def test_a_wrong_model(client: httpx.AsyncClient, body: Json, field: str) -> None:
    response = await client.post(f"{API}/txt2img", json={"prompt": "a", **body})
    refused(response, 422, response.json()["code"], field)


async def test_names_of_models_elsewhere_mean_what_the_operator_says(client: httpx.AsyncClient) -> None:
    body = {"prompt": "a", "override_settings": {"sd_model_checkpoint": "dreamshaper_8.safetensors [879db523c3]"}}
    refused(await client.post(f"{API}/txt2img", json=body), 422, "unknown_model", "override_settings.sd_model_checkpoint")
    assert (await client.patch("/admin/settings", json={"clients": {"unknown_model": "default"}})).is_success
    assert (await client.post(f"{API}/txt2img", json=body)).status_code == 200
    assert (await client.post(f"{API}/options", json={"sd_model_checkpoint": "nobody"})).status_code == 200
    assert (await client.get(f"{API}/options")).json()["sd_model_checkpoint"] == "quick"


async def test_a_retired_model_names_its_replacement(client: httpx.AsyncClient) -> None:
    told = refused(await client.post(f"{API}/txt2img", json={"prompt": "a", "model": "gone"}), 422, "model_retired", "model")
    assert told["replacement"] == "quick"
    assert "quick" in told["errors"]
    refused(
        await client.post(f"{API}/options", json={"sd_model_checkpoint": "gone"}), 422, "model_retired", "sd_model_checkpoint"
    )


@pytest.mark.parametrize(
    ("content", "type_"),
    [(b"", "application/json"), (b"{", "application/json"), (b"[]", "application/json"), (b'"a"', "application/json")],
)
async def test_bodies_that_are_no_objects(client: httpx.AsyncClient, content: bytes, type_: str) -> None:
    response = await client.post(f"{API}/txt2img", content=content, headers={"Content-Type": type_})
    refused(response, 422, response.json()["code"])


async def test_a_body_that_is_too_large(client: httpx.AsyncClient) -> None:
    refused(await client.post(f"{API}/img2img", json={"prompt": "a" * 70_000}), 413, "body_too_large")


@pytest.mark.parametrize(
    "header", [None, "Basic", "Basic ", "Basic Og==", "Basic !!", "Bearer nobody", "Digest a", "Basic dTpub2JvZHk="]
)
async def test_without_a_key_that_opens(stranger: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("GET", f"{API}/options"), ("POST", f"{API}/txt2img"), ("POST", "/internal/progress")):
        response = await stranger.request(method, path, headers=headers)
        assert "HTTP Basic" in refused(response, 401, "not_authenticated")["detail"]
        assert response.headers["www-authenticate"].startswith("Basic ")


async def test_other_surfaces_take_no_basic(stranger: httpx.AsyncClient, wiring: Wiring) -> None:
    auth = ("a", await member_key(wiring))
    assert (await stranger.get(f"{API}/options", auth=auth)).status_code == 200
    assert (await stranger.get("/v1/me", auth=auth)).status_code == 401


async def test_a_key_without_the_permission(app: Litestar, wiring: Wiring) -> None:
    only: tuple[Permission, ...] = ("gallery.read",)
    async with anyone(app, bearer(await member_key(wiring, *only))) as reader:
        for call in (T, G, E, "extra-batch-images", "interrupt", "skip", "options"):
            refused(await reader.post(f"{API}/{call}", json={"prompt": "a"}), 403, "forbidden")
        assert (await reader.get(f"{API}/options")).status_code == 200


async def test_paths_and_methods_that_are_not_there(client: httpx.AsyncClient) -> None:
    refused(await client.get(f"{API}/train/embedding"), 404, "not_found")
    refused(await client.get(f"{API}/txt2img"), 405, "method_not_allowed")
    refused(await client.get("/internal/sysinfo"), 404, "not_found")


async def test_a_team_without_credits(client: httpx.AsyncClient) -> None:
    assert (await client.patch("/admin/settings", json={"credits": {"enabled": True}})).is_success
    refused(await client.post(f"{API}/txt2img", json={"prompt": "a"}), 402, "insufficient_credits")


async def test_a_model_whose_engine_is_down(client: httpx.AsyncClient) -> None:
    refused(await client.post(f"{API}/txt2img", json={"prompt": "a", "model": "down"}), 503, "unavailable")
    refused(await client.post(f"{API}/options", json={"sd_model_checkpoint": "down"}), 503, "unavailable")
    assert "down" not in [row["title"] for row in (await client.get(f"{API}/sd-models")).json()]


@pytest.mark.parametrize(("model", "status", "code"), [("broken", 502, "model_unusable"), ("prude", 422, "content_rejected")])
async def test_what_comes_to_nothing(client: httpx.AsyncClient, model: str, status: int, code: str) -> None:
    response = await client.post(f"{API}/txt2img", json={"prompt": "a", "model": model})
    told = response.json()
    assert (response.status_code, told["code"]) in ((status, code), (status, "generation_failed"))
    task = (await client.get(f"/v1/tasks/{told['job_id']}")).json()
    assert (task["status"], task["error"]["code"]) == ("failed", code)
    assert task["error"]["message"] in (told["detail"], told["errors"])
