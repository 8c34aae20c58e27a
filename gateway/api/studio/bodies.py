"""A generation's body, as JSON or as a form with files."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType

from gateway.api.bodies import JsonRequest, decode
from gateway.api.forms import MalformedForm, read_form
from gateway.api.studio.asked import ImageGeneration, Order, UploadedFile
from gateway.api.validation import explain
from gateway.errors import DarkroomError, InvalidInput

_AS_JSON = frozenset({"variables", "refImageBase64", "webhook"})
"""Fields that a form brings as JSON."""


class UnknownBody(DarkroomError):
    status = 415
    code = "unsupported_media_type"


async def read_order(request: JsonRequest) -> Order:
    """Raises MalformedBody, MalformedForm, UnknownBody, InvalidInput naming the field, and RequestEntityTooLarge."""
    kind = request.content_type[0]
    if kind == RequestEncodingType.MULTI_PART:
        return await _from_form(request)
    if kind and kind != RequestEncodingType.JSON:
        raise UnknownBody("Send this as application/json, or as multipart/form-data where there are files.")
    return Order(await request.decoded(ImageGeneration))


async def _from_form(request: JsonRequest) -> Order:
    texts: dict[str, list[str]] = {}
    files: list[UploadedFile] = []
    for name, value in (await read_form(request)).multi_items():
        if not name:
            raise MalformedForm("A part of the form has no name.")
        if isinstance(value, UploadFile):
            files.append(UploadedFile(name, await value.read()))
            await value.close()
        # A form sends what was not filled in as well.
        elif value != "":
            texts.setdefault(name, []).append(value)
    return Order(_body({name: _value(name, given) for name, given in texts.items()}), tuple(files))


def _value(name: str, given: list[str]) -> Any:
    if name == "refImageUrls":
        return _json(name, given[0]) if given[0].lstrip().startswith("[") and len(given) == 1 else given
    if len(given) > 1:
        raise InvalidInput(f"{name} comes {len(given)} times; send it once.", field=name)
    return _json(name, given[0]) if name in _AS_JSON else given[0]


def _json(name: str, text: str) -> Any:
    try:
        return decode(text.encode(), Any)
    except DarkroomError as error:
        raise InvalidInput(error.message.replace("The body", name, 1), field=name) from error


def _body(fields: dict[str, Any]) -> ImageGeneration:
    try:
        return msgspec.convert(fields, ImageGeneration, strict=False)
    except msgspec.ValidationError as error:
        field, message = explain(str(error), "", ImageGeneration)
        raise InvalidInput(message, field=field) from error
