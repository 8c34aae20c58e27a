"""How tests of the OpenAI surface ask."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from tests.api.pictures import RED, flat
from tests.fakes.fake_engine import read_journal

GENERATIONS, EDITS = "/openai/v1/images/generations", "/openai/v1/images/edits"
Json = dict[str, Any]


async def made(client: httpx.AsyncClient, **body: Any) -> Json:
    """The answer to a generation."""
    return answered(await client.post(GENERATIONS, json={"prompt": "a red circle", **body}))


async def edited(client: httpx.AsyncClient, *files: tuple[str, bytes], **fields: Any) -> Json:
    """The answer to an edit; without `files`, of a red picture."""
    return answered(await edit(client, *files, **fields))


async def edit(client: httpx.AsyncClient, *files: tuple[str, bytes], **fields: Any) -> httpx.Response:
    parts = [(name, ("a.png", data)) for name, data in files or (("image", flat(RED)),)]
    return await client.post(EDITS, files=parts, data={"prompt": "make it blue", **fields})


def answered(response: httpx.Response) -> Json:
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def refused(response: httpx.Response, status: int, code: str, param: str | None = None) -> Json:
    """The error, seen to be in this surface's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    error: Json = response.json()["error"]
    assert error["message"]
    assert error["type"]
    assert (error["code"], error["param"]) == (code, param), error
    return error


def picture(answer: Json, at: int = 0) -> Image.Image:
    """A picture of an answer."""
    return Image.open(io.BytesIO(base64.b64decode(answer["data"][at]["b64_json"])))


def clear_half(width: int = 64, height: int = 64) -> bytes:
    """A mask whose right half is transparent."""
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[:, width // 2 :, 3] = 0
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return packed.getvalue()


def last_asked(journal: Path) -> Json:
    """What the fake engine was asked last: `steps`, `choices`, and what was handed in."""
    call = [each for each in read_journal(journal) if each["call"] == "run"][-1]
    return {**call["asked"][0], **call["given"][0], "model": call["model"], "pictures": call["pictures"]}
