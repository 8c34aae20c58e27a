"""What a request for a response means: a conversation, and what the image generation tool says of its picture."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from gateway.accounts import Principal
from gateway.api.openai import responses_wire as wire
from gateway.api.openai.chat_asked import ImageConfig
from gateway.api.openai.conversations import Asking, Conversations, options_of
from gateway.api.openai.errors import IMAGES
from gateway.api.openai.ids import CALL
from gateway.api.openai.responses_asked import ImageTool, MaskPicture, ResponseAsked, ResponseItem, image_tool
from gateway.api.openai.turns import Said, Shown, Talk, heard, said
from gateway.api.openai.wordless import RESPONSES, refuse
from gateway.errors import DarkroomError, InvalidInput

_OF_TOOL = frozenset(ImageTool.__struct_fields__) - {"type", "model"}
_MASK = "input_image_mask"
_HERE = {
    **IMAGES,
    **dict.fromkeys(("prompt", "source", "references", "image"), "input"),
    "mask": _MASK,
    "mask.artifact_id": f"{_MASK}.file_id",
    **dict.fromkeys(("mask.url", "mask.data_uri"), f"{_MASK}.image_url"),
}
"""The domain's word for a field -> the one that a response, or its tool, has for it."""
_CALL, _MESSAGE, _REFERENCE = "image_generation_call", "message", "item_reference"


async def asking(data: ResponseAsked, principal: Principal, conversations: Conversations) -> Asking:
    """Raises InvalidInput, and NotFound for a response that it goes on from."""
    tool, where = image_tool(data)
    talk = await asyncio.to_thread(_talk, data)
    if data.previous_response_id:
        before = await conversations.before(principal, data.previous_response_id)
        talk = replace(talk, earlier=(*talk.earlier, *before))
    mask = tool.input_image_mask
    return Asking(
        talk=_of_action(talk, tool, where),
        options={**options_of(tool), **_of_request(data, tool)},
        named=("responses", data),
        mask=_mask(mask, f"{where}.{_MASK}") if mask else None,
        config=data.image_config or ImageConfig(),
        shown=wire.kept(data, tool),
        tier=data.service_tier,
    )


def _talk(data: ResponseAsked) -> Talk:
    """Raises InvalidInput. In a thread: a conversation can have megabytes."""
    refuse(data, RESPONSES)
    if data.background and data.store is False:
        told = "background is for asking again later, and store says that it cannot be; leave one of them out."
        raise InvalidInput(told, field="store")
    if isinstance(data.input, str):
        return heard([said("input", "user", data.input)], "input")
    return heard([_said(f"input[{at}]", item) for at, item in enumerate(data.input)], "input")


def _said(field: str, item: ResponseItem) -> Said:
    """Of reasoning and of other tools nothing is read."""
    if item.type == _CALL:
        shown = Shown(field=f"{field}.id", call=item.id or "", base64=item.result or "")
        return Said(field=field, role="", text="", pictures=(shown,))
    if item.type == _REFERENCE or (item.type is None and item.role is None):
        return Said(field=field, role="", text="", pictures=_referred(field, item.id or ""))
    if item.type in (None, _MESSAGE):
        return said(field, item.role or "", item.content)
    return Said(field=field, role="", text="")


def _referred(field: str, item_id: str) -> tuple[Shown, ...]:
    """What an item is known by: only calls of the tool are kept here."""
    if not item_id.startswith(CALL):
        raise InvalidInput(f"There is no item {item_id[:100]!r} here; send it whole.", field=f"{field}.id")
    return (Shown(field=f"{field}.id", call=item_id),)


def _of_action(talk: Talk, tool: ImageTool, where: str) -> Talk:
    """`generate` looks at no picture, `edit` needs one."""
    field = f"{where}.action"
    if tool.action == "generate":
        if talk.attached:
            told = "generate makes a picture from words alone, and the last message has pictures; leave it or them out."
            raise InvalidInput(told, field=field)
        return replace(talk, earlier=())
    if tool.action == "edit" and not (talk.attached or talk.earlier):
        raise InvalidInput("edit changes a picture, and the conversation has none; leave it out, or send one.", field=field)
    return talk


def _of_request(data: ResponseAsked, tool: ImageTool) -> Mapping[str, Any]:
    """What the request says where the tool has no field for it, or nothing in it."""
    told = {name: getattr(data, name) for name in ("stream", "safety_identifier", "user")}
    # Clients name them whether they stream or not, and without a stream there is nothing to show them in.
    return {**told, "model": tool.model or data.model, "partial_images": tool.partial_images if data.stream else None}


def _mask(mask: MaskPicture, field: str) -> Shown:
    if mask.image_url:
        return Shown(field=f"{field}.image_url", url=mask.image_url)
    if mask.file_id:
        return Shown(field=f"{field}.file_id", file_id=mask.file_id)
    raise InvalidInput("The mask is a picture: give an image_url or a file_id.", field=field)


@contextmanager
def in_words_of_tool(data: ResponseAsked) -> Iterator[None]:
    """What the domain refuses, by where it stands in the request."""
    try:
        yield
    except DarkroomError as error:
        tool, where = image_tool(data)
        field = _HERE.get(error.field, error.field)
        of_tool = field.partition(".")[0] in _OF_TOOL or (field == "model" and tool.model)
        error.field = f"{where}.{field}" if of_tool else field
        raise
