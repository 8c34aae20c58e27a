"""The Gemini API as an ASGI app: what it takes and gives goes through the official SDK's own types.

It refuses what the real one refuses, and as that does: with a status for what cannot be read, and within a 200 for what
must not be made.
"""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import random
from typing import Any

from google.genai import types
from msgspec import Struct
from PIL import Image
from pydantic import ValidationError

Json = dict[str, Any]
KEY = "AIzaTest0123456789abcdefghijklmnop"
BLOCKED = "a forbidden thing"
"""A prompt with these words is blocked."""
RATIOS = {"1:1": (1024, 1024), "2:3": (848, 1264), "3:2": (1264, 848), "16:9": (1376, 768), "9:16": (768, 1376),
          "3:4": (896, 1200), "4:3": (1200, 896), "4:5": (928, 1152), "5:4": (1152, 928), "21:9": (1584, 672)}  # fmt: skip
WIDE = {"1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)}
IMAGEN = {"1:1": (1024, 1024), "3:4": (896, 1280), "4:3": (1280, 896), "9:16": (768, 1408), "16:9": (1408, 768)}
TIMES = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
MODELS = {"gemini-3-pro-image": ("1K", "2K", "4K"), "gemini-3.1-flash-image": ("512", "1K", "2K", "4K")}


class Refusal(Exception):
    def __init__(self, code: int, status: str, message: str, *details: Json) -> None:
        super().__init__(message)
        self.code = code
        self.body = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def retry_info(seconds: str) -> Json:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": seconds}


def error_info(reason: str) -> Json:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}


class Asked(Struct):
    path: str
    body: Json
    headers: dict[str, str]
    query: str

    @property
    def parts(self) -> list[Json]:
        return list(self.body["contents"][0]["parts"])

    @property
    def image(self) -> Json:
        return dict(self.body["generationConfig"]["imageConfig"])


class GeminiAPI:
    """`asked` has what was worked on; what a test sets changes the next answers."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: list[Json | Refusal | bytes] = []
        """Instead of the next answers: a whole answer, a refusal, or bytes instead of JSON."""
        self.spoil: list[bytes] = []
        self.delivered: list[bytes] = []
        self.at_once = 0
        self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._numbers = itertools.count(1)
        self._random = random.Random(5)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        status, answer = 200, b""
        try:
            told = await self._answer(scope["method"], scope["path"], headers, query, body)
            answer = told if isinstance(told, bytes) else json.dumps(told).encode()
        except Refusal as error:
            status, answer = error.code, json.dumps(error.body).encode()
        shown = [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": shown})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, method: str, path: str, headers: dict[str, str], query: str, body: bytes) -> Json | bytes:
        assert "key=" not in query, "the key goes into the header only"
        if headers.get("x-goog-api-key") != KEY:
            told = "API key not valid. Please pass a valid API key."
            raise Refusal(400, "INVALID_ARGUMENT", told, error_info("API_KEY_INVALID"))
        if method == "GET" and path == "/v1beta/models":
            return {"models": [{"name": f"models/{each}"} for each in [*MODELS, "gemini-9-pro"]]}
        asked = Asked(path, json.loads(body), headers, query)
        model, _, verb = path.removeprefix("/v1beta/models/").partition(":")
        if verb not in ("generateContent", "predict"):
            raise Refusal(404, "NOT_FOUND", f"Not found: {path}")
        self.asked.append(asked)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.01)  # so that calls side by side are seen to be
            await self.gate.wait()
            if self.script:
                scripted = self.script.pop(0)
                if isinstance(scripted, Refusal):
                    raise scripted
                return scripted
            return self._predicted(model, asked) if verb == "predict" else self._content(model, asked)
        finally:
            self.at_once -= 1

    def _content(self, model: str, asked: Asked) -> Json:
        sizes = MODELS.get(model)
        if sizes is None:
            told = f"models/{model} is not found for API version v1beta, or is not supported for generateContent."
            raise Refusal(404, "NOT_FOUND", told)
        contents, image = _read(asked)
        ratios = RATIOS | (WIDE if "512" in sizes else {})
        ratio, size = image.aspect_ratio or "1:1", image.image_size or "1K"
        if ratio not in ratios or size not in sizes:
            raise Refusal(400, "INVALID_ARGUMENT", "Request contains an invalid argument: image_config.")
        parts = contents[0].parts or []
        if sum(bool(part.inline_data) for part in parts) > 14:
            raise Refusal(400, "INVALID_ARGUMENT", "Too many images.")
        prompt = "".join(part.text or "" for part in parts)
        if not prompt:
            raise Refusal(400, "INVALID_ARGUMENT", "Unable to submit request: text is empty.")
        if BLOCKED in prompt:
            return blocked("PROHIBITED_CONTENT")
        width, height = (round(side * TIMES[size]) for side in ratios[ratio])
        return answer([picture(self._painted(width, height))], str(next(self._numbers)))

    def _predicted(self, model: str, asked: Asked) -> Json:
        assert isinstance(asked.body["instances"], list)
        parameters = asked.body["parameters"]
        width, height = IMAGEN[parameters["aspectRatio"]]
        return {
            "predictions": [
                {"bytesBase64Encoded": base64.b64encode(self._painted(width, height)).decode(), "mimeType": "image/png"}
                for _ in range(parameters["sampleCount"])
            ]
        }

    def _painted(self, width: int, height: int) -> bytes:
        if self.spoil:
            return self.spoil.pop(0)
        kept = io.BytesIO()
        shade = tuple(self._random.randrange(256) for _ in range(3))
        Image.new("RGB", (width, height), shade).save(kept, "PNG", compress_level=1)
        self.delivered.append(kept.getvalue())
        return kept.getvalue()


def _read(asked: Asked) -> tuple[list[types.Content], types.ImageConfig]:
    """By the SDK's types, which take no field that they do not know."""
    config = asked.body.get("generationConfig", {})
    if unknown := set(asked.body) - {"contents", "generationConfig", "safetySettings"}:
        raise Refusal(400, "INVALID_ARGUMENT", f'Invalid JSON payload received. Unknown name "{min(unknown)}".')
    try:
        contents = [types.Content.model_validate(each) for each in asked.body["contents"]]
        for each in asked.body.get("safetySettings", ()):
            types.SafetySetting.model_validate(each)
        return contents, types.ImageConfig.model_validate(config.get("imageConfig", {}))
    except ValidationError as error:
        raise Refusal(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {error.errors()[0]['msg']}") from None


def picture(data: bytes, *, thought: bool | None = None) -> types.Part:
    return types.Part(inline_data=types.Blob(data=data, mime_type="image/png"), thought=thought)


def answer(parts: list[types.Part] | None, response_id: str = "r", *, reason: str = "STOP", message: str = "") -> Json:
    """With `parts` of None the content lacks them, as it does for what was held back."""
    made = types.GenerateContentResponse(
        candidates=[
            types.Candidate(
                content=types.Content(role="model", parts=parts),
                finish_reason=types.FinishReason(reason),
                finish_message=message or None,
                index=0,
            )
        ],
        usage_metadata=types.GenerateContentResponseUsageMetadata(
            prompt_token_count=10,
            candidates_token_count=1120 if parts else None,
            total_token_count=1330,
            thoughts_token_count=200,
            candidates_tokens_details=[types.ModalityTokenCount(modality=types.MediaModality.IMAGE, token_count=1120)],
        ),
        model_version="gemini-test",
        response_id=response_id,
    )
    told: Json = _plain(made.model_dump(mode="json", by_alias=True, exclude_none=True))
    return told


def blocked(reason: str) -> Json:
    feedback = types.GenerateContentResponsePromptFeedback(block_reason=types.BlockedReason(reason))
    made = types.GenerateContentResponse(prompt_feedback=feedback)
    told: Json = _plain(made.model_dump(mode="json", by_alias=True, exclude_none=True))
    return told


def _plain(told: Any) -> Any:
    """The API's base64 is the usual one; the SDK's types write the one for addresses."""
    if isinstance(told, dict):
        return {
            key: value.replace("-", "+").replace("_", "/") if key == "data" and isinstance(value, str) else _plain(value)
            for key, value in told.items()
        }
    return [_plain(each) for each in told] if isinstance(told, list) else told
