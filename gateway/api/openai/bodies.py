"""An edit's form: `image` or `image[]`, up to sixteen files, `mask`, and every other field as text."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile

from gateway.api.bodies import decode
from gateway.api.forms import MalformedForm, read_form
from gateway.api.openai.asked import EditOrder, OpenAIEdit, UploadedFile
from gateway.api.validation import explain
from gateway.errors import DarkroomError, InvalidInput

MOST_IMAGES = 16
_IMAGES = ("image", "image[]")
_AS_JSON = frozenset({"loras"})


async def read_edit(request: Request[Any, Any, Any]) -> EditOrder:
    """Raises MalformedForm, InvalidInput naming the field, and Litestar's RequestEntityTooLarge."""
    texts: dict[str, str] = {}
    images: list[UploadedFile] = []
    masks: list[UploadedFile] = []
    for name, value in (await read_form(request)).multi_items():
        if not name:
            raise MalformedForm("A part of the form has no name.")
        if isinstance(value, UploadFile):
            where = masks if name == "mask" else images if _is_image(name) else None
            if where is None:
                raise _unknown(name)
            where.append(UploadedFile(_called(name, len(images)), await value.read()))
            await value.close()
        elif name == "mask" or _is_image(name):
            raise InvalidInput(f"{name} must be a file: its part's header needs a `filename`.", field=name)
        elif name in texts:
            raise InvalidInput(f"{name} comes twice; send it once.", field=name)
        elif value != "":
            # A form sends what was not filled in as well.
            texts[name] = value
    _count(images, masks)
    return EditOrder(body=_body(texts), images=tuple(images), mask=masks[0] if masks else None)


def _is_image(name: str) -> bool:
    """`image`, `image[]`, and `image[0]` as some clients number them."""
    return name in _IMAGES or (name.startswith("image[") and name.endswith("]") and name[6:-1].isdecimal())


def _called(name: str, place: int) -> str:
    return name if name == "mask" or place == 0 else f"image[{place}]"


def _unknown(name: str) -> InvalidInput:
    reason = OpenAIEdit.elsewhere.get(name)
    told = f"{name} is not taken here: {reason}" if reason else f"{name} is no file that is known here; send image and mask."
    return InvalidInput(told, field=name)


def _count(images: list[UploadedFile], masks: list[UploadedFile]) -> None:
    if not images:
        raise InvalidInput("image is missing; it must be the picture that shall be changed, as a file.", field="image")
    if len(images) > MOST_IMAGES:
        raise InvalidInput(f"There are {len(images)} images; at most {MOST_IMAGES} are taken.", field="image")
    if len(masks) > 1:
        raise InvalidInput(f"There are {len(masks)} masks; send one.", field="mask")


def _body(texts: dict[str, str]) -> OpenAIEdit:
    fields = {name: _json(name, text) if name in _AS_JSON else text for name, text in texts.items()}
    try:
        return msgspec.convert(fields, OpenAIEdit, strict=False)
    except msgspec.ValidationError as error:
        field, message = explain(str(error), "", OpenAIEdit)
        raise InvalidInput(message, field=field) from error


def _json(name: str, text: str) -> Any:
    try:
        return decode(text.encode(), Any)
    except DarkroomError as error:
        raise InvalidInput(error.message.replace("The body", name, 1), field=name) from error
