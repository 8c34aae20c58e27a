"""The official SDK of OpenAI, as it is installed, with nothing changed but its base URL and its key."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from openai import OpenAI
from PIL import Image, ImageDraw

from tests.clients.conftest import BLUE, NEAR, RED
from tests.gateways import Running

pytestmark = [pytest.mark.server, pytest.mark.slow]
SIDE = 128
PROMPT = "a red circle on a blue background"


@pytest.fixture
def client(darkroom: Running, key: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{darkroom.url}/openai/v1", api_key=key, timeout=120) as client:
        yield client


def pixels(data: str | None) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data or ""))).convert("RGB")).astype(int)


def test_it_generates(client: OpenAI) -> None:
    answer = client.images.generate(model="gpt-image-1", prompt=PROMPT, size="256x256", n=2, output_format="webp",
                                    output_compression=80, quality="high", extra_body={"seed": 7})  # fmt: skip
    assert answer.data is not None
    assert len(answer.data) == 2
    shown = pixels(answer.data[0].b64_json)
    assert shown.shape == (256, 256, 3)
    assert (abs(shown[128, 128] - RED) < NEAR).all()
    assert (abs(shown[4, 4] - BLUE) < NEAR).all()
    assert (answer.size, answer.quality, answer.output_format, answer.background) == ("256x256", "high", "webp", "opaque")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0


def test_pictures_behind_urls_open_without_a_key(client: OpenAI) -> None:
    (made,) = client.images.generate(model="shapes", prompt=PROMPT, size="128x128", response_format="url").data or []
    assert httpx.get(made.url or "").status_code == 200


def test_it_edits_with_a_mask(client: OpenAI) -> None:
    drawn = client.images.generate(model="shapes", prompt=PROMPT, size="128x128", extra_body={"seed": 7})
    data = base64.b64decode((drawn.data or [])[0].b64_json or "")
    mask = Image.new("RGBA", (SIDE, SIDE), "black")
    ImageDraw.Draw(mask).rectangle((SIDE // 2, 0, SIDE, SIDE), fill=(0, 0, 0, 0))
    packed = io.BytesIO()
    mask.save(packed, "PNG")
    answer = client.images.edit(model="shapes", image=("drawn.png", data), mask=("mask.png", packed.getvalue()),
                                prompt="a yellow background", size="128x128",
                                extra_body={"seed": 7, "strength": 0.9})  # fmt: skip
    before, after = pixels((drawn.data or [])[0].b64_json), pixels((answer.data or [])[0].b64_json)
    changed = abs(after - before).mean(axis=(0, 2))
    assert changed[: SIDE // 4].mean() < changed[3 * SIDE // 4 :].mean()


def test_it_takes_a_list_of_images(client: OpenAI) -> None:
    red = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), "red").save(red, "PNG")
    answer = client.images.edit(model="shapes", image=[("a.png", red.getvalue())], prompt=PROMPT, size="128x128")
    assert len(answer.data or ()) == 1
    with pytest.raises(openai.BadRequestError) as told:
        client.images.edit(model="shapes", image=[("a.png", red.getvalue())] * 2, prompt=PROMPT)
    assert told.value.param == "image"


def test_it_streams_partial_images_of_a_local_model(client: OpenAI) -> None:
    found = list(client.images.generate(model="shapes", prompt=PROMPT, size="128x128", stream=True, partial_images=2,
                                        extra_body={"num_inference_steps": 60}))  # fmt: skip
    *partial, last = found
    assert {each.type for each in partial} == {"image_generation.partial_image"}
    assert [getattr(each, "partial_image_index", None) for each in partial] == list(range(len(partial)))
    assert last.type == "image_generation.completed"
    assert pixels(last.b64_json).shape == (SIDE, SIDE, 3)
    assert all(pixels(each.b64_json).size for each in partial)


def test_it_lists_models(client: OpenAI) -> None:
    assert {"auto", "shapes"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("gpt-image-1").id == "gpt-image-1"


@pytest.mark.parametrize(
    ("asked", "kind", "code"),
    [
        ({"model": "nonesuch"}, openai.NotFoundError, "model_not_found"),
        ({"size": "1x1"}, openai.BadRequestError, "invalid_value"),
        ({"background": "transparent"}, openai.BadRequestError, "invalid_value"),
        ({"extra_body": {"colour": 1}}, openai.BadRequestError, "unknown_parameter"),
    ],
)
def test_errors_are_its_own(client: OpenAI, asked: dict[str, Any], kind: type[openai.APIStatusError], code: str) -> None:
    with pytest.raises(kind) as told:
        client.images.generate(**{"model": "shapes", "prompt": PROMPT, **asked})
    assert told.value.code == code
    assert told.value.request_id


def test_a_wrong_key(darkroom: Running) -> None:
    address = f"{darkroom.url}/openai/v1"
    with OpenAI(base_url=address, api_key="sk-wrong") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_teams_stand_apart(client: OpenAI, darkroom: Running, other_key: str) -> None:
    answer = client.images.with_raw_response.generate(model="shapes", prompt=PROMPT, size="128x128")
    with darkroom.client(other_key) as other:
        assert other.get(f"/v1/tasks/{answer.headers['x-darkroom-task']}").status_code == 404
