"""OpenAI's Images API as an ASGI app: what it takes and gives goes through the official SDK's own types.

It refuses what the real one refuses, in the words and shapes that were seen there.
"""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import random
from collections.abc import AsyncIterator, Iterable
from typing import Any

import multipart  # type: ignore[import-untyped]
import numpy as np
from msgspec import Struct
from openai.types import Image, ImageEditCompletedEvent, ImageGenCompletedEvent, ImagesResponse
from openai.types.image_edit_params import ImageEditParamsNonStreaming, ImageEditParamsStreaming
from openai.types.image_edit_partial_image_event import ImageEditPartialImageEvent
from openai.types.image_gen_partial_image_event import ImageGenPartialImageEvent
from openai.types.image_generate_params import ImageGenerateParamsNonStreaming, ImageGenerateParamsStreaming
from openai.types.images_response import Usage
from PIL import Image as Pillow
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

Json = dict[str, Any]
KEY = "sk-test-0123456789abcdef"
GPT_IMAGE = ("gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare")
THREE_SIZES = ("1024x1024", "1536x1024", "1024x1536", "auto")
DALL_E_ONLY = ("response_format", "style")
BLOCKED = "a forbidden thing"
"""A prompt with these words is refused by the moderation."""
MOST_BYTES = 4 * 2**20
WHOLE_NUMBERS = ("n", "partial_images", "output_compression")


class Refusal(Exception):
    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error", param: str | None = None,
                 code: str | None = None, headers: Json | None = None) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
        self.headers = headers or {}


class Asked(Struct):
    """One request that was worked on."""

    path: str
    fields: Json
    images: list[bytes]
    mask: bytes | None
    headers: dict[str, str]


class OpenAIImages:
    """`asked` has what was worked on; what a test sets changes the next answers."""

    def __init__(self, *, models: Iterable[str] = GPT_IMAGE, key: str = KEY) -> None:
        self.models = list(models)
        self.key = key
        self.asked: list[Asked] = []
        self.refusals: list[Refusal] = []
        """Instead of the next answers, in their order."""
        self.spoil: list[bytes] = []
        """Instead of the next pictures."""
        self.events: list[bytes] | None = None
        """Instead of a stream's own."""
        self.partials: int | None = None
        """Fewer partial pictures than were asked for."""
        self.delivers: int | None = None
        self.takes_anything = False
        """As other servers do: no parameter is unknown, no size wrong."""
        self.headers: dict[str, str] = {}
        """Of each answer."""
        self.gate = asyncio.Event()
        self.gate.set()
        self.delivered: list[bytes] = []
        self._numbers = itertools.count(1)
        self._random = random.Random(5)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = b""
        while (message := await receive()).get("more_body") or message.get("body"):
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        number = next(self._numbers)
        own = {"x-request-id": f"req_{number}", **self.headers}
        try:
            answer = await self._answer(scope["method"], scope["path"], headers, body)
            if isinstance(answer, dict):
                await _send(send, 200, json.dumps(answer).encode(), own)
            else:
                await _stream(send, answer, own)
        except Refusal as error:
            await _send(send, error.status, json.dumps(error.body).encode(), own | error.headers)

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Json | AsyncIterator[bytes]:
        if headers.get("authorization") != f"Bearer {self.key}":
            told = f"Incorrect API key provided: {headers.get('authorization', '').removeprefix('Bearer ')}."
            raise Refusal(401, told, code="invalid_api_key")
        if method == "GET" and path == "/v1/models":
            shown = [{"id": each, "object": "model", "created": 1, "owned_by": "openai"} for each in self.models]
            return {"object": "list", "data": [*shown, {"id": "gpt-9", "object": "model", "created": 1, "owned_by": "openai"}]}
        if method != "POST" or path not in ("/v1/images/generations", "/v1/images/edits"):
            raise Refusal(404, f"Invalid URL ({method} {path})")
        if self.refusals:
            raise self.refusals.pop(0)
        asked = _edit(headers, body) if path.endswith("edits") else Asked(path, json.loads(body), [], None, headers)
        asked.path = path
        self._check(asked)
        self.asked.append(asked)
        await self.gate.wait()
        return self._events(asked) if asked.fields.get("stream") else self._whole(asked)

    def _check(self, asked: Asked) -> None:
        fields = asked.fields
        model = fields.get("model", "")
        if model not in self.models:
            raise Refusal(400, f"The model '{model}' does not exist.", param="model", code="model_not_found")
        if self.takes_anything:
            return
        _check_shape(asked)
        for name in DALL_E_ONLY if model.startswith("gpt-image") else ("background", "output_format", "moderation"):
            if name in fields:
                raise Refusal(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
        if not fields["prompt"]:
            raise Refusal(400, "Invalid 'prompt': empty string.", param="prompt", code="invalid_type")
        if len(fields["prompt"]) > 32_000:
            raise Refusal(400, "Invalid 'prompt': string too long.", param="prompt", code="string_above_max_length")
        if not 1 <= fields.get("n", 1) <= 10:
            raise Refusal(400, "Invalid 'n': integer out of range.", param="n", code="integer_above_max_value")
        _check_size(model, fields.get("size", "auto"))
        if fields.get("background") == "transparent" and fields.get("output_format") == "jpeg":
            raise Refusal(400, "Transparent background is not supported for JPEG.", param="background")
        if fields.get("stream") and fields.get("n", 1) > 1:
            raise Refusal(400, "Streaming is only supported with n=1.", param="n")
        if asked.path.endswith("edits"):
            _check_pictures(asked)
        if BLOCKED in fields["prompt"]:
            told = "Your request was rejected by the safety system. safety_violations=[violence]."
            raise Refusal(400, told, kind="image_generation_user_error", code="moderation_blocked")

    def _whole(self, asked: Asked) -> Json:
        count = asked.fields.get("n", 1) if self.delivers is None else self.delivers
        data = [Image(b64_json=self._picture(asked)) for _ in range(count)]
        return ImagesResponse(
            created=1_760_000_000, data=data, **_settled(asked), usage=Usage(**_usage(asked, count))
        ).model_dump(exclude_none=True)

    async def _events(self, asked: Asked) -> AsyncIterator[bytes]:
        if self.events is not None:
            for event in self.events:
                yield event
            return
        edit = asked.path.endswith("edits")
        common = {"created_at": 1_760_000_000, **_settled(asked)}
        for index in range(asked.fields.get("partial_images", 0) if self.partials is None else self.partials):
            partial = {"b64_json": self._picture(asked, final=False), "partial_image_index": index, **common}
            yield _event(
                ImageEditPartialImageEvent(type="image_edit.partial_image", **partial)
                if edit
                else ImageGenPartialImageEvent(type="image_generation.partial_image", **partial)
            )
            await asyncio.sleep(0)
        last = {"b64_json": self._picture(asked), "usage": _usage(asked, 1), **common}
        yield _event(
            ImageEditCompletedEvent(type="image_edit.completed", **last)
            if edit
            else ImageGenCompletedEvent(type="image_generation.completed", **last)
        )

    def _picture(self, asked: Asked, *, final: bool = True) -> str:
        if self.spoil and final:
            return base64.b64encode(self.spoil.pop(0)).decode()
        size = asked.fields.get("size", "auto")
        width, height = (1024, 1024) if size == "auto" else map(int, size.split("x"))
        seed = asked.fields.get("seed")
        shades = self._random if seed is None else random.Random(f"{seed} {asked.fields['prompt']}")
        shade = tuple(shades.randrange(256) for _ in range(3))
        kept = io.BytesIO()
        form = asked.fields.get("output_format", "png")
        clear = asked.fields.get("background") == "transparent"
        blank = Pillow.new("RGBA", (width, height), (*shade, 0)) if clear else Pillow.new("RGB", (width, height), shade)
        blank.save(kept, form.upper(), **({"compress_level": 1} if form == "png" else {}))
        if final:
            self.delivered.append(kept.getvalue())
        return base64.b64encode(kept.getvalue()).decode()


def _edit(headers: dict[str, str], body: bytes) -> Asked:
    kind, options = multipart.parse_options_header(headers.get("content-type", ""))
    if kind != "multipart/form-data":
        raise Refusal(400, "Unsupported content type: use multipart/form-data.", code="unsupported_content_type")
    fields: Json = {}
    images: list[bytes] = []
    mask = None
    for part in multipart.MultipartParser(io.BytesIO(body), options["boundary"], memory_limit=2**28, buffer_size=2**20):
        if part.name in ("image", "image[]"):
            if part.content_type not in ("image/png", "image/jpeg", "image/webp"):
                raise Refusal(400, f"Invalid file 'image': unsupported mimetype ('{part.content_type}').", param="image")
            images.append(part.raw)
        elif part.name == "mask":
            mask = part.raw
        else:
            fields[part.name] = int(part.value) if part.name in WHOLE_NUMBERS else part.value
    if "stream" in fields:
        fields["stream"] = fields["stream"] == "true"
    return Asked("", fields, images, mask, headers)


def _check_shape(asked: Asked) -> None:
    """The SDK's own types say which parameters there are."""
    edit, stream = asked.path.endswith("edits"), asked.fields.get("stream")
    shapes = {
        (False, False): ImageGenerateParamsNonStreaming, (False, True): ImageGenerateParamsStreaming,
        (True, False): ImageEditParamsNonStreaming, (True, True): ImageEditParamsStreaming,
    }  # fmt: skip
    shape = shapes[edit, bool(stream)]
    fields = {**asked.fields, "image": [b""]} if edit else asked.fields
    if unknown := set(fields) - set(shape.__annotations__):
        name = min(unknown)
        raise Refusal(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    try:
        _adapter(shape).validate_python(fields)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise Refusal(400, f"Invalid value: {name}. {first['msg']}", param=name, code="invalid_value") from None


def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(with_config(ConfigDict(extra="ignore", arbitrary_types_allowed=True))(shape))


def _check_size(model: str, size: str) -> None:
    if not model.startswith(("gpt-image-2", "gpt-image-2.5")):
        if size not in THREE_SIZES:
            told = f"Invalid value: '{size}'. Supported values are: '1024x1024', '1024x1536', '1536x1024', and 'auto'."
            raise Refusal(400, told, param="size", code="invalid_value")
        return
    if size == "auto":
        return
    width, height = map(int, size.split("x"))
    bad = width % 16 or height % 16 or max(width, height) > 3840 or max(width, height) > 3 * min(width, height)
    if bad or not 655_360 <= width * height <= 8_294_400:
        raise Refusal(400, f"Invalid size '{size}'.", param="size", code="invalid_value")


def _check_pictures(asked: Asked) -> None:
    if not 1 <= len(asked.images) <= 16:
        raise Refusal(400, f"Invalid 'image': {len(asked.images)} pictures.", param="image")
    sizes = [Pillow.open(io.BytesIO(each)).size for each in asked.images]
    if asked.mask is None:
        return
    mask = Pillow.open(io.BytesIO(asked.mask))
    if mask.format != "PNG" or len(asked.mask) >= MOST_BYTES:
        raise Refusal(400, "Invalid mask: it must be a PNG of less than 4MB.", param="mask")
    if "A" not in mask.getbands():
        raise Refusal(400, "Invalid mask image format - mask image missing alpha channel.", param="mask")
    if mask.size != sizes[0]:
        raise Refusal(400, "Invalid mask image: its size must match the image's.", param="mask")


def painted_share(mask: bytes) -> float:
    """Of the picture: what a mask lets the model paint anew."""
    return float((np.asarray(Pillow.open(io.BytesIO(mask)).getchannel("A")) == 0).mean())


def _settled(asked: Asked) -> Json:
    size = asked.fields.get("size", "auto")
    quality = asked.fields.get("quality", "auto")
    return {
        "background": "opaque" if asked.fields.get("background", "auto") == "auto" else asked.fields["background"],
        "output_format": asked.fields.get("output_format", "png"),
        "quality": "medium" if quality == "auto" else quality,
        "size": "1024x1024" if size == "auto" else size,
    }


def _usage(asked: Asked, count: int) -> Json:
    words, images = 10, 300 * len(asked.images)
    return {
        "input_tokens": words + images,
        "input_tokens_details": {"text_tokens": words, "image_tokens": images},
        "output_tokens": 1000 * count,
        "total_tokens": words + images + 1000 * count,
    }


def _event(event: Any) -> bytes:
    return f"event: {event.type}\ndata: {event.model_dump_json(exclude_none=True)}\n\n".encode()


async def _send(send: Any, status: int, body: bytes, headers: Json) -> None:
    shown = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    shown += [(name.encode(), str(value).encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": shown})
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Any, events: AsyncIterator[bytes], headers: Json) -> None:
    shown = [(b"content-type", b"text/event-stream; charset=utf-8")]
    shown += [(name.encode(), str(value).encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": shown})
    async for event in events:
        await send({"type": "http.response.body", "body": event, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
