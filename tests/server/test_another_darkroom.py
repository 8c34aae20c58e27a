"""One Darkroom as an engine of another, with the bundled model at the far end: by OpenAI's API and by A1111's."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.gateways import Running, running

pytestmark = [pytest.mark.server, pytest.mark.slow]
PROMPT = "a red circle on a blue background"
ASKED: dict[str, Any] = {"prompt": PROMPT, "size": "128x128", "steps": 6, "guidance_scale": 2.0, "seed": 7}
NEAR_MODELS = """
[engines.by-openai]
plugin = "openai"
base_url = "{url}/openai/v1"
api_key = "FAR_KEY"
paid = false

[engines.by-a1111]
plugin = "a1111"
servers = ["{url}"]
auth = "FAR_LOGIN"
exclusive = true
poll_seconds = 0.05

[defaults]
text_to_image = "openai-shapes"

[[models]]
id = "openai-shapes"
engine = "by-openai"
source = "shapes"
native_sizes = ["128x128"]
upscaler = "lanczos"
parameters = {{ seed = "seed", steps = "num_inference_steps", guidance_scale = "guidance_scale", strength = "strength" }}

[[models]]
id = "a1111-shapes"
engine = "by-a1111"
source = "shapes"
native_sizes = ["128x128"]

[[models]]
id = "nothing"
engine = "by-openai"
source = "nothing"
native_sizes = ["128x128"]
parameters = {{ seed = "seed", steps = "num_inference_steps", guidance_scale = "guidance_scale", strength = "strength" }}
"""


@pytest.fixture(scope="module")
def far(bundled: Running) -> Running:
    """The one that makes the pictures."""
    return bundled


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory, far: Running) -> Iterator[httpx.Client]:
    """Asks the one that asks the other."""
    key = far.new_team("the near one")
    secrets = {"FAR_KEY": key, "FAR_LOGIN": f"anyone:{key}"}
    data = tmp_path_factory.mktemp("near") / "data"
    with running(data, NEAR_MODELS.format(url=far.url), **secrets) as found, found.client() as client:
        yield client


def made(client: httpx.Client, path: str = "/v1/images/generations", **body: Any) -> dict[str, Any]:
    """The task, once it has ended."""
    accepted = client.post(path, json={**ASKED, **body})
    assert accepted.status_code == 202, accepted.text
    until = time.monotonic() + 180
    while not (task := client.get(f"/v1/tasks/{accepted.json()['task_id']}").json())["finished_at"]:
        assert time.monotonic() < until, task
        time.sleep(0.05)
    return dict(task)


def pixels(client: httpx.Client, task: dict[str, Any]) -> Any:
    assert task["status"] == "succeeded", task
    data = client.get(task["output"]["images"][0]["url"]).content
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def own(far: Running) -> Any:
    """What the far one makes for itself."""
    with far.client() as client:
        return pixels(client, made(client, model="shapes", sampler="DPM++ 2M"))


@pytest.mark.parametrize("model", ["openai-shapes", "a1111-shapes"])
def test_its_picture_is_the_far_ones_own(own: Any, near: httpx.Client, model: str) -> None:
    """Pixel by pixel: nothing was lost on the way there, neither seed nor steps, and nothing on the way back."""
    asked = {"sampler": "DPM++ 2M"} if model == "a1111-shapes" else {}
    assert (pixels(near, made(near, model=model, **asked)) == own).all()


@pytest.mark.parametrize("model", ["openai-shapes", "a1111-shapes"])
def test_a_part_of_a_picture_is_painted_anew_over_there(near: httpx.Client, model: str) -> None:
    first = Image.new("RGB", (128, 128), (46, 84, 222))
    half = Image.new("L", (128, 128), 0)
    half.paste(255, (64, 0, 128, 128))
    source, mask = [{"type": "artifact", "artifact_id": uploaded(near, each)} for each in (first, half)]
    task = made(
        near, "/v1/images/image-to-image", model=model, image=source, mask=mask, strength=0.9, prompt="a yellow background"
    )
    assert task["capability"] == "inpaint"
    changed = abs(pixels(near, task) - np.asarray(first).astype(int)).mean(axis=(0, 2))
    assert changed[:56].mean() < 12 < changed[72:].mean()


def test_what_is_refused_over_there_is_told_here(near: httpx.Client) -> None:
    task = made(near, model="nothing")
    assert task["status"] == "failed"
    assert 'no model "nothing"' in task["error"]["message"]
    assert task["billing"]["refunded_credits"] == task["billing"]["charged_credits"]


def uploaded(client: httpx.Client, picture: Image.Image) -> str:
    packed = io.BytesIO()
    picture.save(packed, "PNG")
    answer = client.post("/v1/uploads", files={"file": ("a.png", packed.getvalue())})
    return str(answer.raise_for_status().json()["artifact_id"])
