"""What `scripts/bench clients` asks by LiteLLM, in an environment that has it. What came of it is the last line it prints."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import litellm

MODEL = "openai/shapes"
WHERE: dict[str, Any] = {"api_base": f"{os.environ['DARKROOM']}/openai/v1", "api_key": os.environ["KEY"]}
PROMPT = "a red circle on a blue background"
TALK = [{"role": "user", "content": PROMPT}]
PNG = b"\x89PNG\r\n\x1a\n"


def png(side: int, colour: tuple[int, int, int, int]) -> bytes:
    """A square of one colour with alpha (RFC 2083), for there is no Pillow here."""
    rows = (b"\0" + bytes(colour) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return PNG + b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)


def named(name: str, data: bytes) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


def is_png(text: str) -> None:
    assert base64.b64decode(text.rpartition(",")[2])[:8] == PNG, text[:60]


def generate() -> None:
    answer = litellm.image_generation(model=MODEL, prompt=PROMPT, n=2, size="128x128", **WHERE)
    assert len(answer.data) == 2
    for image in answer.data:
        is_png(image.b64_json)


def edit() -> None:
    picture = named("a.png", png(128, (222, 40, 40, 255)))
    (image,) = litellm.image_edit(model=MODEL, image=picture, prompt=PROMPT, **WHERE).data
    is_png(image.b64_json)


def edit_a_part() -> None:
    picture, mask = named("a.png", png(128, (222, 40, 40, 255))), named("mask.png", png(128, (0, 0, 0, 0)))
    (image,) = litellm.image_edit(model=MODEL, image=picture, mask=mask, prompt=PROMPT, **WHERE).data
    is_png(image.b64_json)


def chat() -> None:
    answer = litellm.completion(model=MODEL, messages=TALK, modalities=["image"], **WHERE)
    (image,) = answer.choices[0].message.images
    is_png(image["image_url"]["url"])


def chat_of_words() -> None:
    answer = litellm.completion(model=MODEL, messages=TALK, temperature=0.7, max_tokens=1000, **WHERE)
    assert answer.choices[0].message.content.startswith("![")


def chat_streamed() -> None:
    images = []
    for chunk in litellm.completion(model=MODEL, messages=TALK, modalities=["image"], stream=True, **WHERE):
        images += getattr(chunk.choices[0].delta, "images", None) or []
    (image,) = images
    is_png(image["image_url"]["url"])


def chat_goes_on() -> None:
    first = litellm.completion(model=MODEL, messages=TALK, modalities=["image"], **WHERE).choices[0].message
    talk = [*TALK, first.model_dump(), {"role": "user", "content": "a yellow background"}]
    (image,) = litellm.completion(model=MODEL, messages=talk, modalities=["image"], **WHERE).choices[0].message.images
    is_png(image["image_url"]["url"])


def responses() -> None:
    answer = litellm.responses(model=MODEL, input=PROMPT, tools=[{"type": "image_generation"}], **WHERE)
    (call,) = [item for item in answer.output if item.type == "image_generation_call"]
    is_png(call.result)


def responses_streamed() -> None:
    tools = [{"type": "image_generation", "partial_images": 2}]
    events = list(litellm.responses(model=MODEL, input=PROMPT, tools=tools, stream=True, **WHERE))
    assert events[-1].type == "response.completed", events[-1].type


def refused(kind: type[Exception], call: Callable[[], object]) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError("it was not refused")


def unknown_size() -> None:
    refused(litellm.BadRequestError, lambda: litellm.image_generation(model=MODEL, prompt=PROMPT, size="1x1", **WHERE))


def wrong_key() -> None:
    other = {**WHERE, "api_key": "dk_wrong"}
    refused(litellm.AuthenticationError, lambda: litellm.image_generation(model=MODEL, prompt=PROMPT, **other))


CALLS = (
    generate, edit, edit_a_part, chat, chat_of_words, chat_streamed, chat_goes_on, responses,
    responses_streamed, unknown_size, wrong_key,
)  # fmt: skip


def main() -> None:
    litellm.telemetry = False
    litellm.num_retries = 0
    told = []
    for call in CALLS:
        began, why = time.perf_counter(), ""
        try:
            call()
        except Exception as error:
            why = f"{type(error).__name__}: {error}"[:300]
        took = time.perf_counter() - began
        told.append({"name": call.__name__, "ok": not why, "why": why, "seconds": round(took, 3)})
    print(json.dumps(told))


if __name__ == "__main__":
    main()
