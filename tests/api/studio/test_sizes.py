"""Ratios and resolutions to pixels; what a model lacks is made at the nearest and cropped."""

from __future__ import annotations

from typing import get_args

import httpx
import pytest

from gateway.api.studio.asked import MEGAPIXELS, Ratio
from tests.api.studio.asking import made, refused

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_every_ratio_of_the_document(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    ratios = get_args(Ratio)
    assert len(ratios) == 18
    for ratio in ratios:
        with subtests.test(ratio):
            (image,) = (await made(client, aspectRatio=ratio, resolution="low"))["data"]
            width, height = map(float, ratio.split(":"))
            assert image["width"] / image["height"] == pytest.approx(width / height, rel=0.03)
            assert image["width"] * image["height"] == pytest.approx(0.25 * 2**20, rel=0.05)
            how = (await client.get(f"/v1/images/{image['id']}")).json()["parameters"]
            assert how["upscaler"] == "lanczos"
            assert (how["made"]["width"], how["made"]["height"]) in {(128, 128), (160, 96), (96, 160)}


@pytest.mark.parametrize("resolution", ["low", "standard", "high"])
async def test_the_area_of_each_resolution(client: httpx.AsyncClient, resolution: str) -> None:
    (image,) = (await made(client, resolution=resolution, aspectRatio="3:2"))["data"]
    area = MEGAPIXELS[resolution] * 2**20  # type: ignore[index]
    assert image["width"] * image["height"] == pytest.approx(area, rel=0.02)


async def test_standard_is_the_default_and_the_ratio_the_models(client: httpx.AsyncClient) -> None:
    (image,) = (await made(client))["data"]
    assert (image["width"], image["height"]) == (1024, 1024)


async def test_a_model_without_an_upscaler_makes_what_it_can_and_refuses_the_rest(client: httpx.AsyncClient) -> None:
    (image,) = (await made(client, modelVersion="free", resolution="low", aspectRatio="4:1"))["data"]
    assert (image["width"], image["height"]) == (1024, 256)
    response = await client.post("/v0/images/generations", json={"prompt": "a", "modelVersion": "free", "resolution": "high"})
    told = refused(response, 422, "invalid_request", "resolution")
    assert "1024x1024" in told["error"]
