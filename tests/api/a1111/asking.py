"""How tests of the A1111 surface ask."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import httpx
import numpy as np
from PIL import Image

from tests.api.pictures import RED, flat
from tests.fakes.pictures import Colour, png

API = "/sdapi/v1"
Json = dict[str, Any]


async def made(client: httpx.AsyncClient, call: str = "txt2img", **body: Any) -> Json:
    """The answer to a call, its `info` read."""
    return answered(await client.post(f"{API}/{call}", json={"prompt": "a red circle", **body}))


def answered(response: httpx.Response) -> Json:
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return {**answer, "info": json.loads(answer["info"])}


def picture(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def b64(colour: Colour = RED, width: int = 64, height: int = 64) -> str:
    return base64.b64encode(flat(colour, width, height)).decode()


def mask(width: int = 64, height: int = 64, *, box: tuple[int, int, int, int] = (16, 16, 48, 48)) -> str:
    """White within the box (left, top, right, bottom)."""
    pixels = np.zeros((height, width, 3), np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 255
    return base64.b64encode(png(pixels)).decode()


def refused(response: httpx.Response, status: int, code: str, field: str | None = None) -> Json:
    """The body of a refusal, seen to be in this surface's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    told: Json = response.json()
    assert told["code"] == code, told
    assert told["request_id"] == response.headers["x-request-id"]
    assert isinstance(told["error"], str)
    if status == 422 and not isinstance(told["detail"], str):
        assert all(isinstance(each["msg"], str) and each["type"] for each in told["detail"])
        if field is not None:
            assert [".".join(map(str, each["loc"][1:])) for each in told["detail"]] == [field], told
    else:
        assert isinstance(told["detail"], str)
        assert told["detail"]
        assert field is None or status != 422, told
    return told
