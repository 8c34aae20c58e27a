"""The document of the Tasks API, from its top to its end: a client that was written after it runs unchanged."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.house import create_app, finished
from tests.api.pictures import RED, flat
from tests.fakes.web import Web, ok

TEXT, PICTURE = "/v1/images/generations", "/v1/images/image-to-image"
MODELS = """
[engines.fake]
plugin = "fake"

[[models]]
id = "bundled"
engine = "fake"
source = "fake:bundled"
aliases = ["gpt-image-2"]
natives = [[128, 128]]
max_references = 15
upscaler = "lanczos"
megapixels = { standard = 0.0625, hd = 0.25 }
"""
ENVELOPE = {
    "task_id", "status", "capability", "model", "quality", "aspect_ratio", "n", "progress", "input", "billing", "output",
    "error", "created_at", "started_at", "finished_at",
}  # fmt: skip


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Web() as web:
        await web.serve(ok(flat(RED)))
        yield web


@pytest.fixture
def make_app(wiring: Wiring, web: Web) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS)
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


async def run(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """202 with a task_id; then poll until it has succeeded."""
    accepted = await client.post(path, json=body)
    assert accepted.status_code == 202, accepted.text
    assert accepted.json()["status"] == "queued"
    task = await finished(client, accepted.json()["task_id"])
    assert set(task) == ENVELOPE
    assert (task["status"], task["error"], task["model"]) == ("succeeded", None, "bundled")
    return task


@pytest.mark.parametrize("model", ["auto", "gpt-image-2"])
async def test_text_to_image(client: httpx.AsyncClient, stranger: httpx.AsyncClient, model: str) -> None:
    body = {"model": model, "prompt": "A studio photo", "quality": "standard", "aspect_ratio": "16:9", "n": 2}
    task = await run(client, TEXT, body)
    assert (task["capability"], task["quality"], task["aspect_ratio"], task["n"]) == ("text_to_image", "standard", "16:9", 2)
    assert (task["input"]["prompt"], task["input"]["images"]) == ("A studio photo", [])
    assert task["billing"] == {"charged_credits": "100.0000", "refunded_credits": "0.0000"}
    assert task["created_at"] <= task["started_at"] <= task["finished_at"]
    first, second = task["output"]["images"]
    assert set(first) == {"url", "artifact_id", "width", "height", "media_type", "seed"}
    assert (first["width"], first["height"], first["media_type"]) == (344, 192, "image/png")
    assert second["seed"] == first["seed"] + 1
    shown = await stranger.get(first["url"])
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")


@pytest.mark.parametrize(
    ("path", "quality", "charged"),
    [(TEXT, "standard", "50.0000"), (TEXT, "hd", "300.0000"), (PICTURE, "standard", "60.0000"), (PICTURE, "hd", "320.0000")],
)
async def test_the_table_of_prices(client: httpx.AsyncClient, path: str, quality: str, charged: str) -> None:
    body: dict[str, Any] = {"prompt": "a", "quality": quality, "aspect_ratio": "1:1"}
    if path == PICTURE:
        body["image"] = await uploaded(client)
    assert (await client.post(path, json=body)).json()["billing"]["charged_credits"] == charged


async def test_every_quality_and_aspect_ratio(client: httpx.AsyncClient) -> None:
    image = await uploaded(client)
    for ratio in ("auto", "1:1", "16:9", "9:16", "4:3", "3:4", "2:1"):
        for quality in ("standard", "hd"):
            for path, more in ((TEXT, {}), (PICTURE, {"image": image})):
                body = {"prompt": "a", "quality": quality, "aspect_ratio": ratio, **more}
                answer = await client.post(path, json=body)
                if (ratio, quality) == ("auto", "hd"):
                    assert answer.status_code == 422
                    continue
                told = answer.json()
                assert answer.status_code == 202, told
                assert (told["quality"], told["aspect_ratio"]) == (quality, ratio)
                wide, high = told["input"]["width"], told["input"]["height"]
                across, _, down = ("1:1" if ratio == "auto" else ratio).partition(":")
                assert wide / high == pytest.approx(int(across) / int(down), rel=0.05)
                assert wide * high / 2**20 == pytest.approx(0.25 if quality == "hd" else 0.0625, rel=0.05)


async def test_image_to_image_with_each_kind_of_picture_and_chaining(client: httpx.AsyncClient) -> None:
    packed = base64.b64encode(flat()).decode()
    body: dict[str, Any] = {
        "model": "auto",
        "prompt": "Put both on a marble table",
        "image": {"type": "url", "url": "http://pictures.example/ref.png"},
        "extra_images": [await uploaded(client), {"type": "data_uri", "data_uri": f"data:image/png;base64,{packed}"}],
        "quality": "standard",
        "aspect_ratio": "1:1",
        "n": 1,
    }
    task = await run(client, PICTURE, body)
    assert task["capability"] == "image_to_image"
    assert task["billing"] == {"charged_credits": "60.0000", "refunded_credits": "0.0000"}
    ids = [each["artifact_id"] for each in task["input"]["images"]]
    assert ids[1] == body["extra_images"][0]["artifact_id"]
    # What was ingested, and what came out, can be used again without an upload.
    for id_ in (*ids, task["output"]["images"][0]["artifact_id"]):
        image = {"type": "artifact", "artifact_id": id_}
        again = await run(client, PICTURE, {"prompt": "Warmer light", "image": image})
        assert again["input"]["images"] == [{"artifact_id": id_}]


async def uploaded(client: httpx.AsyncClient) -> dict[str, str]:
    """Upload first what is used again."""
    answer = await client.post("/v1/uploads", files={"file": ("ref.png", flat(), "image/png")})
    assert answer.status_code == 201
    assert set(answer.json()) == {"artifact_id", "media_type", "width", "height", "bytes"}
    return {"type": "artifact", "artifact_id": answer.json()["artifact_id"]}
