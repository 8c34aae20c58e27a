"""The bundled model changes pictures: what came out of one task goes into the next, at a real server."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.gateways import Running

RED, NEAR = (222, 40, 40), 90
pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def client(bundled: Running) -> Iterator[httpx.Client]:
    with bundled.client() as client:
        yield client


def run(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    accepted = client.post(path, json={"model": "shapes", "steps": 8, "seed": 7, **body})
    assert accepted.status_code == 202, accepted.text
    return ended(client, accepted.json()["task_id"])


def ended(client: httpx.Client, task_id: str) -> dict[str, Any]:
    end = time.monotonic() + 180
    while time.monotonic() < end:
        task: dict[str, Any] = client.get(f"/v1/tasks/{task_id}").json()
        if task["finished_at"]:
            assert task["status"] == "succeeded", task
            return task
        time.sleep(0.05)
    raise AssertionError(f"the task is still {task['status']}")


def pixels(client: httpx.Client, task: dict[str, Any]) -> Any:
    data = client.get(task["output"]["images"][0]["url"]).content
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_a_picture_is_made_then_changed_then_a_part_of_it(client: httpx.Client) -> None:
    drawn = run(client, "/v1/images/generations", prompt="a red circle on a blue background", steps=20)
    first = {"type": "artifact", "artifact_id": drawn["output"]["images"][0]["artifact_id"]}
    before = pixels(client, drawn)

    changed = run(client, "/v1/images/image-to-image", prompt="a red circle on a blue background", image=first, strength=0.3)
    assert (changed["model"], changed["capability"]) == ("shapes", "image_to_image")
    after = pixels(client, changed)
    assert after.shape == before.shape
    assert abs(after - before).mean() < 40
    assert (abs(after[after.shape[0] // 2, after.shape[1] // 2] - RED) < NEAR).all()

    height, width = before.shape[:2]
    half = np.zeros((height, width), np.uint8)
    half[:, width // 2 :] = 255
    packed = io.BytesIO()
    Image.fromarray(half).save(packed, "PNG")
    mask = {"type": "data_uri", "data_uri": f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"}
    second = {"type": "artifact", "artifact_id": changed["output"]["images"][0]["artifact_id"]}
    painted = run(client, "/v1/images/image-to-image", prompt="a yellow background", image=second, mask=mask, strength=0.9)
    assert painted["capability"] == "inpaint"
    assert [each["artifact_id"] for each in painted["input"]["images"]] == [second["artifact_id"]]
    kept = pixels(client, painted)
    left, right = np.s_[:, : width // 4], np.s_[:, 3 * width // 4 :]
    assert abs(kept[left] - after[left]).mean() < abs(kept[right] - after[right]).mean()

    # The gallery's own edit, by the model that is there, and an upscale by what ships.
    path = f"/v1/images/{first['artifact_id']}"
    edited = client.post(f"{path}/edit", json={"prompt": "a green circle", "steps": 4}).json()
    assert ended(client, edited["job_id"])["model"] == "shapes"
    larger = ended(client, client.post(f"{path}/upscale", json={"scale": 2}).json()["job_id"])
    assert (larger["model"], pixels(client, larger).shape) == ("lanczos", (2 * height, 2 * width, 3))
    assert [each["source"] for each in client.get(path).json()["variants"]] == ["upscale", "edit", "edit"]
