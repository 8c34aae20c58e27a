"""How the servers of the A1111 family refuse: the same things in other words."""

from __future__ import annotations

import base64
import json
from typing import Any

KINDS = {"a1111": "a1111", "webui": "forge", "forge": "forge", "sdnext": "forge", "sdcpp": "sdcpp", "kobold": "sdcpp"}
"""Whose lists and fields each has."""
_FLOATS = ("cfg_scale", "denoising_strength", "hr_scale")
_TEXTS = ("prompt", "negative_prompt", "sampler_name")


class Refused(Exception):
    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body

    @classmethod
    def of(cls, kind: str, status: int, detail: str) -> Refused:
        """What FastAPI's HTTPException comes to."""
        if kind in ("a1111", "sdnext"):
            body = {"error": "HTTPException", "detail": detail, "body": "", "errors": ""}
            return cls(status, body | ({"code": status} if kind == "sdnext" else {}))
        return cls(status, {"detail": detail})

    @classmethod
    def missing(cls, kind: str) -> Refused:
        return cls(404, "" if kind in ("sdcpp", "kobold") else {"detail": "Not Found"})


def refusal(kind: str, error: Exception) -> dict[str, Any]:
    """What an exception that nobody caught comes to, with a 500."""
    if kind in ("sdcpp", "kobold"):
        return {"error": "server_error", "message": str(error)}
    name = type(error).__name__
    return {"error": name, "detail": "", "body": "", ("errors" if kind in ("a1111", "sdnext") else "message"): str(error)}


def login_of(kind: str, login: str, path: str, header: str) -> None:
    """Raises Refused for a call without it."""
    if not login or not path.startswith("/sdapi"):
        return
    if not header.startswith("Basic "):
        raise Refused.of(kind, 401, "Not authenticated")
    if base64.b64decode(header.removeprefix("Basic ")).decode() != login:
        raise Refused.of(kind, 401, "Incorrect username or password")


def check_types(kind: str, data: dict[str, Any], name: str, raw: bytes) -> dict[str, Any]:
    """The body, its types seen to as pydantic 1 (A1111), pydantic 2 (Forge) or nlohmann's JSON (C++) do."""
    if kind in ("sdcpp", "kobold"):
        return _loosely(raw)
    if not raw:
        raise _invalid(kind, ["body"], ("field required", "value_error.missing"), ("Field required", "missing"))
    try:
        body = json.loads(raw)
    except ValueError:
        words = "Expecting property name enclosed in double quotes"
        raise _invalid(kind, ["body", 1], (words, "value_error.jsondecode"), ("JSON decode error", "json_invalid")) from None
    if not isinstance(body, dict):
        if kind == "a1111" and body == []:
            return {}  # so it does
        words = "Input should be a valid dictionary or object to extract fields from"
        raise _invalid(kind, ["body"], ("value is not a valid dict", "type_error.dict"), (words, "model_attributes_type"))
    kinds = {"extra-single-image": "extras"}.get(name, name)
    for key, value in body.items():
        place = ["body", key]
        if key in data[f"{kinds}_integers"] and not _is_number(value):
            old = "value is not a valid integer", "type_error.integer"
            raise _invalid(
                kind, place, old, ("Input should be a valid integer, unable to parse string as an integer", "int_parsing")
            )
        if key in _FLOATS and not _is_number(value):
            old = "value is not a valid float", "type_error.float"
            raise _invalid(
                kind, place, old, ("Input should be a valid number, unable to parse string as a number", "float_parsing")
            )
        if key in _TEXTS and value is not None and not isinstance(value, str):
            raise _invalid(
                kind, place, ("str type expected", "type_error.str"), ("Input should be a valid string", "string_type")
            )
    if kinds == "extras" and body.get("upscaling_resize", 2) < 1:
        words = "ensure this value is greater than or equal to 1"
        new = "Input should be greater than 0", "greater_than"
        raise _invalid(kind, ["body", "upscaling_resize"], (words, "value_error.number.not_ge"), new)
    return {key: int(value) if key == "seed" and isinstance(value, str) else value for key, value in body.items()}


def _loosely(raw: bytes) -> dict[str, Any]:
    if not raw:
        raise Refused(400, {"error": "empty body"})
    try:
        body: dict[str, Any] = json.loads(raw)
    except ValueError:
        raise ValueError(
            "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing object key - "
            "invalid literal; last read: '{b'; expected string literal"
        ) from None
    for key in ("width", "height", "steps", "seed", "cfg_scale", "batch_size", "denoising_strength"):
        if key in body and not isinstance(body[key], int | float):
            kind = "null" if body[key] is None else "string"
            raise ValueError(f"[json.exception.type_error.302] type must be number, but is {kind}")
    for key in ("prompt", "negative_prompt", "sampler_name", "scheduler"):
        if key in body and not isinstance(body[key], str):
            raise ValueError("[json.exception.type_error.302] type must be string, but is another")
    return body


def _is_number(value: Any) -> bool:
    if value is None or isinstance(value, int | float):
        return True
    try:
        return isinstance(value, str) and float(value) is not None
    except ValueError:
        return False


def _invalid(kind: str, place: list[Any], old: tuple[str, str], new: tuple[str, str]) -> Refused:
    """`old` and `new` are the message and the type of pydantic 1 and 2."""
    if kind == "a1111":
        return Refused(422, {"detail": [{"loc": place, "msg": old[0], "type": old[1]}]})
    row = {"type": new[1], "loc": place, "msg": new[0], "input": None}
    return Refused(422, {"detail": [row if new[1] == "json_invalid" else {**row, "url": "https://errors.pydantic.dev/2.8/v"}]})
