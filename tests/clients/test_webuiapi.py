"""webuiapi, the A1111 client that scripts and front ends use: as its users call it, and nothing said that they need not."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import webuiapi
from PIL import Image, ImageDraw

from engines import infotext
from tests.clients.conftest import BLUE, NEAR, RED
from tests.gateways import Running

pytestmark = [pytest.mark.server, pytest.mark.slow]
PROMPT = "a red circle on a blue background"
GUIDED = {"cfg_scale": 2, "width": 128, "height": 128}
"""As the bundled model is at its best; this client sends a cfg_scale of 7 where nothing is chosen."""


@pytest.fixture
def api(darkroom: Running, key: str) -> Iterator[webuiapi.WebUIApi]:
    client = webuiapi.WebUIApi(baseurl=f"{darkroom.url}/sdapi/v1", username="anyone", password=key)
    yield client
    client.session.close()


def share(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    """Of the picture's pixels, how many have this colour, nearly."""
    seen = np.asarray(picture.convert("RGB")).astype(int)
    return float((np.abs(seen - np.array(colour)).max(axis=2) < NEAR).mean())


def test_text_to_image(api: webuiapi.WebUIApi) -> None:
    made = api.txt2img(prompt=PROMPT, seed=7, batch_size=2, **GUIDED)
    assert [each.size for each in made.images] == [(128, 128)] * 2
    assert share(made.image, RED) > 0.05
    assert share(made.image, BLUE) > 0.3
    assert (made.info["all_seeds"], made.info["sampler_name"], made.parameters["steps"]) == ([7, 8], "Euler a", 20)
    told = api.png_info(made.image)
    said = infotext.parse(told.info)
    assert (said.prompt, said.fields["Seed"], said.fields["Sampler"]) == (PROMPT, "7", "Euler a")
    again = api.txt2img(prompt=PROMPT, seed=7, **GUIDED)
    assert np.abs(np.asarray(again.image).astype(int) - np.asarray(made.image).astype(int)).mean() < 3


def test_its_default_size_is_met(api: webuiapi.WebUIApi) -> None:
    assert api.txt2img(prompt=PROMPT, steps=4).image.size == (512, 512)


def test_image_to_image_and_inpainting(api: webuiapi.WebUIApi) -> None:
    first = api.txt2img(prompt=PROMPT, seed=7, **GUIDED).image
    changed = api.img2img(images=[first], prompt="a red square on a blue background", steps=8, **GUIDED)
    assert changed.image.size == (128, 128)
    assert changed.info["denoising_strength"] == 0.75
    mask = Image.new("RGB", first.size, "black")
    ImageDraw.Draw(mask).rectangle((0, 0, 63, 127), fill="white")
    painted = api.img2img(images=[first], mask_image=mask, prompt="a green triangle on a blue background", seed=3, steps=8)
    assert painted.image.size == first.size
    kept = np.abs(np.asarray(painted.image.convert("RGB")).astype(int) - np.asarray(first.convert("RGB")).astype(int))[:, 80:]
    assert kept.mean() < 12, "what is not masked stays"


def test_pictures_are_enlarged(api: webuiapi.WebUIApi) -> None:
    small = Image.new("RGB", (48, 32), RED)
    one = api.extra_single_image(small, upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=2)
    assert one.image.size == (96, 64)
    assert api.extra_single_image(small).image.size == (48, 32)
    two = api.extra_batch_images([small, small], upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=3)
    assert [each.size for each in two.images] == [(144, 96)] * 2


def test_what_there_is(api: webuiapi.WebUIApi) -> None:
    assert api.util_get_model_names() == ["shapes"]
    assert {"Euler a", "DPM++ 2M", "DDIM"} <= set(api.util_get_sampler_names())
    assert {"automatic", "karras"} <= set(api.util_get_scheduler_names())
    assert "lanczos" in [each["name"] for each in api.get_upscalers()]
    assert api.get_cmd_flags()["api"] is True
    assert api.get_memory()["ram"]["total"] > 0
    for empty in (api.get_loras, api.get_hypernetworks, api.get_face_restorers, api.get_sd_vae, api.get_latent_upscale_modes):
        assert empty() == []
    assert api.get_realesrgan_models() == api.get_prompt_styles() == []
    assert api.refresh_checkpoints() is None


def test_options_stay_with_their_key(api: webuiapi.WebUIApi, darkroom: Running, other_key: str) -> None:
    api.util_set_model("Shapes")
    assert api.util_get_current_model() == "shapes"
    api.set_options({"samples_format": "webp"})
    assert api.txt2img(prompt=PROMPT, steps=2).image.format == "WEBP"
    other = webuiapi.WebUIApi(baseurl=f"{darkroom.url}/sdapi/v1", username="x", password=other_key)
    assert other.get_options()["samples_format"] == "png"
    other.session.close()
    api.set_options({"samples_format": "png"})


def test_progress_and_interrupt(api: webuiapi.WebUIApi, darkroom: Running, other_key: str) -> None:
    ended: list[webuiapi.WebUIApiResult] = []
    calling = threading.Thread(target=lambda: ended.append(api.txt2img(prompt=PROMPT, steps=100, batch_size=4)))
    calling.start()
    watch = webuiapi.WebUIApi(baseurl=f"{darkroom.url}/sdapi/v1", username="x", password=api.session.auth[1])
    stranger = webuiapi.WebUIApi(baseurl=f"{darkroom.url}/sdapi/v1", username="x", password=other_key)
    until = time.monotonic() + 60
    while watch.get_progress()["state"]["sampling_step"] < 2:
        assert time.monotonic() < until
        assert calling.is_alive(), ended
        time.sleep(0.02)
    told = watch.get_progress()
    assert 0 < told["progress"] < 1
    assert told["state"]["job_count"] == 1
    assert stranger.get_progress()["state"]["job_count"] == 0
    assert stranger.interrupt() == {}
    assert watch.interrupt() == {}
    calling.join(30)
    assert [each.images for each in ended] == [[]]
    watch.util_wait_for_ready(check_interval=0.1)
    for client in (watch, stranger):
        client.session.close()


def test_a_refusal_says_what_and_why(api: webuiapi.WebUIApi) -> None:
    with pytest.raises(RuntimeError) as raised:
        api.txt2img(prompt=PROMPT, sampler_name="Euler b")
    assert raised.value.args[0] == 404
    assert "Sampler not found" in raised.value.args[1]
    with pytest.raises(RuntimeError) as raised:
        api.txt2img(prompt=PROMPT, enable_hr=True)
    assert raised.value.args[0] == 422
    assert "enable_hr" in raised.value.args[1]
