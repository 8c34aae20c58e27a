"""img2img: how a picture and its mask reach the model, and what comes back."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.api.a1111.asking import API, b64, made, mask, picture
from tests.api.pictures import BLUE, GREEN, RED, flat
from tests.fakes.fake_engine import read_journal
from tests.fakes.pictures import png
from tests.fakes.web import Web, ok

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_a_picture_is_changed(client: httpx.AsyncClient, journal: Path) -> None:
    answer = await made(
        client, "img2img", init_images=["data:image/png;base64," + b64(BLUE)], denoising_strength=0.4, width=64, height=64
    )
    assert answer["info"]["denoising_strength"] == 0.4
    assert (answer["parameters"]["init_images"], answer["parameters"]["mask"]) == (None, None)
    (run,) = [each for each in read_journal(journal) if each["call"] == "run"]
    assert run["given"][0]["source"] == [64, 64, *BLUE]
    sent = b64()
    kept = await made(client, "img2img", init_images=[sent], include_init_images=True)
    assert kept["parameters"]["init_images"] == [sent]


async def test_a_pictures_own_ratio_where_no_size_is_given(client: httpx.AsyncClient) -> None:
    answer = await made(client, "img2img", init_images=[b64(RED, 128, 64)])
    width, height = picture(answer["images"][0]).size
    assert (width, height) == (136, 64)


@pytest.mark.parametrize(
    ("mode", "left", "middle"),
    [(0, BLUE, RED), (1, RED, RED), (2, BLUE, RED)],
)
async def test_how_a_picture_is_fitted_to_a_size(
    client: httpx.AsyncClient, journal: Path, mode: int, left: tuple[int, ...], middle: tuple[int, ...]
) -> None:
    """128 x 64 with blue ends, to 64 x 64: stretched the ends stay, cut off they go, drawn out they stay too."""
    pixels = np.full((64, 128, 3), RED, np.uint8)
    pixels[:, :16] = pixels[:, -16:] = BLUE
    body = {"init_images": [base64.b64encode(png(pixels)).decode()], "width": 64, "height": 64, "resize_mode": mode}
    answer = await made(client, "img2img", **body)
    task = (await client.get(f"/v1/tasks/{answer['info']['job_id']}")).json()
    source = (await client.get(f"/v1/images/{task['input']['images'][0]['artifact_id']}/content")).content
    seen = np.asarray(Image.open(io.BytesIO(source)).convert("RGB"))
    assert seen.shape == ((64, 128, 3) if mode == 1 else (64, 64, 3))
    (run,) = [each for each in read_journal(journal) if each["call"] == "run"]
    assert run["given"][0]["source"] == [64, 64, *middle]
    assert mode == 1 or tuple(seen[32, 1]) == left


async def test_a_mask_says_what_is_painted_anew(client: httpx.AsyncClient, journal: Path) -> None:
    body = {
        "init_images": [b64(BLUE, 96, 64)],
        "mask": mask(96, 64, box=(16, 16, 64, 48)),
        "inpainting_fill": 1,
        "mask_blur": 0,
    }
    answer = await made(client, "img2img", **body, width=512, height=512)
    assert picture(answer["images"][0]).size == (96, 64), "only the mask is painted, whatever the size"
    whole = await made(client, "img2img", **body, inpaint_full_res=False, width=64, height=64)
    assert picture(whole["images"][0]).size == (64, 64)
    turned = await made(client, "img2img", **body, inpainting_mask_invert=1)
    seen = [each["given"][0] for each in read_journal(journal) if each["call"] == "run"]
    assert [each["source"][2:] for each in seen] == [[*BLUE]] * 3
    assert [each["mask"][2] for each in seen] == [255, 255, 0]
    assert turned["info"]["job_id"] != answer["info"]["job_id"]


async def test_masks_are_softened_and_masked_places_filled(client: httpx.AsyncClient, journal: Path) -> None:
    pixels = np.full((64, 64, 3), GREEN, np.uint8)
    pixels[16:48, 16:48] = RED
    body = {"init_images": [base64.b64encode(png(pixels)).decode()], "mask": mask()}
    await made(client, "img2img", **body)
    (run,) = [each for each in read_journal(journal) if each["call"] == "run"]
    *_, red, green, _blue = run["given"][0]["source"]
    assert green > 200 > 60 > red, "the red within the mask is gone"
    padded = {"prompt": "a", **body, "inpaint_full_res_padding": 32}
    assert (await client.post(f"{API}/img2img", json=padded)).headers["x-darkroom-ignored"] == "inpaint_full_res_padding"
    answer = await made(client, "img2img", **body, mask_blur_x=0, mask_blur_y=8)
    task = (await client.get(f"/v1/tasks/{answer['info']['job_id']}")).json()
    told = (await client.get(f"/v1/images/{task['input']['mask']['artifact_id']}/content")).content
    soft = np.asarray(Image.open(io.BytesIO(told)).convert("L")).astype(int)
    assert 0 < soft[14, 32] < 255
    assert soft[32, 14] == 0


async def test_what_is_not_masked_stays_as_it_was_in_a_picture_larger_than_the_model_makes(client: httpx.AsyncClient) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 255, (40, 200, 3), np.uint8)
    told = mask(200, 40, box=(0, 0, 100, 40))
    body = {"init_images": [base64.b64encode(png(pixels)).decode()], "mask": told, "mask_blur": 0, "model": "quick"}
    answer = await made(client, "img2img", **body)
    seen = np.asarray(picture(answer["images"][0]).convert("RGB"))
    assert seen.shape == pixels.shape
    assert (seen[:, 100:] == pixels[:, 100:]).all()
    assert (seen[:, :90] != pixels[:, :90]).mean() > 0.9


async def test_a_picture_may_be_behind_a_url(client: httpx.AsyncClient, web: Web) -> None:
    await web.serve(ok(flat(BLUE)))
    answer = await made(client, "img2img", init_images=["http://pictures.example/blue.png"])
    assert len(answer["images"]) == 1
