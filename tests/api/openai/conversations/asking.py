"""How tests of conversations ask, and what they look for in answers."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from gateway.api.openai.images import TASK_HEADER
from tests.api.pictures import RED, flat
from tests.fakes.fake_engine import read_journal
from tests.fakes.pictures import Colour

CHAT, RESPONSES = "/openai/v1/chat/completions", "/openai/v1/responses"
Json = dict[str, Any]


def user(*content: str | Json) -> Json:
    """A message of the user's: words, or words and pictures."""
    if len(content) == 1 and isinstance(content[0], str):
        return {"role": "user", "content": content[0]}
    return {"role": "user", "content": [{"type": "text", "text": each} if isinstance(each, str) else each for each in content]}


def data_url(colour: Colour = RED, width: int = 64, height: int = 64) -> str:
    return f"data:image/png;base64,{base64.b64encode(flat(colour, width, height)).decode()}"


def half_mask(side: int = 64) -> str:
    """One whose left half is transparent: that is what shall be painted anew."""
    pixels = np.full((side, side, 4), 255, np.uint8)
    pixels[:, : side // 2, 3] = 0
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"


def image_url(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url}}


def opened(text: str) -> Image.Image:
    """What a data URL, or base64 alone, holds."""
    return Image.open(io.BytesIO(base64.b64decode(text.rpartition(",")[2])))


def refused(response: httpx.Response, status: int, code: str, param: str | None = None) -> Json:
    """The body of a refusal, seen to be in OpenAI's shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    told: Json = response.json()["error"]
    assert told["message"]
    assert told["type"]
    assert (told["code"], told["param"]) == (code, param), told
    return told


def events(response: httpx.Response) -> list[Json]:
    """The data of a stream that has ended, [DONE] left out."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


async def task_of(client: httpx.AsyncClient, response: httpx.Response) -> Json:
    """The task behind an answer."""
    task: Json = (await client.get(f"/v1/tasks/{response.headers[TASK_HEADER]}")).json()
    return task


def given(journal: Path) -> Json:
    """What the engine was handed in last: source, mask and references as width, height and colour."""
    runs = [call for call in read_journal(journal) if call["call"] == "run"]
    last: Json = runs[-1]["given"][0]
    return last
