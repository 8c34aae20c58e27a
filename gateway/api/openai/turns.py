"""A conversation, as far as a model of pictures has a use for it: the last turn is the prompt, pictures are references.

What instructions, tools and other models said is history of which only the pictures are looked at. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from gateway.errors import InvalidInput

MOST_PICTURES = 16
"""Of one conversation that are looked at; no model takes more."""
_MARKDOWN = re.compile(r"!\[[^\]\n]{0,1000}\]\(<?((?:https?://|data:image/)[^\s()<>]+)>?(?:\s+\"[^\"\n]{0,1000}\")?\)")
_WORDS = frozenset({"text", "input_text", "output_text", "refusal"})
_PICTURES = frozenset({"image_url", "input_image"})
_Text = Annotated[str, Meta(max_length=1_000_000)]


class PictureUrl(Struct, frozen=True):
    """Where a picture is: on the web, or in a data URL."""

    url: str
    detail: str | None = None
    """Not read: pictures are always looked at whole."""


class ContentPart(Struct, frozen=True, kw_only=True):
    """A piece of what was said: words or a picture."""

    type: Annotated[str, Meta(max_length=100)]
    text: _Text | None = None
    refusal: _Text | None = None
    image_url: PictureUrl | str | None = None
    file_id: Annotated[str, Meta(max_length=100)] | None = None


class Shown(Struct, frozen=True, kw_only=True):
    """A picture of a conversation; one of the four says which."""

    field: str
    url: str = ""
    file_id: str = ""
    """An image's id, as the client gave it."""
    image: str = ""
    """An image's id, of our own; it may be gone by now."""
    call: str = ""
    """The id of an image_generation_call."""
    base64: str = ""
    """The picture of a call, for one that is not known here."""
    ours_only: bool = False
    """Someone else's address that a model wrote is not gone to."""


class Said(Struct, frozen=True, kw_only=True):
    """One message."""

    field: str
    role: str
    text: str
    pictures: tuple[Shown, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    """What else the user gave, that is neither words nor pictures: where it stands, and its type."""


class Talk(Struct, frozen=True, kw_only=True):
    """What is to be made of a conversation."""

    prompt: str
    attached: tuple[Shown, ...] = ()
    """The pictures of the last turn, in its order: all of them are meant."""
    earlier: tuple[Shown, ...] = ()
    """Those before it, the newest first: as many as the model takes are looked at."""


def said(field: str, role: str, content: str | Sequence[ContentPart] | None, images: Sequence[ContentPart] = ()) -> Said:
    """A message as both APIs write it; `images` are those that stand beside an assistant's words."""
    where = f"{field}.content"
    parts = (ContentPart(type="text", text=content),) if isinstance(content, str) else content or ()
    words: list[str] = []
    pictures: list[Shown] = []
    others: list[tuple[str, str]] = []
    for place, part in enumerate(parts):
        here = where if isinstance(content, str) else f"{where}[{place}]"
        if part.type in _WORDS:
            words.append(part.text or part.refusal or "")
        elif part.type in _PICTURES:
            pictures.append(_picture(part, here))
        elif role == "user":
            others.append((here, part.type))
    text = "\n".join(each for each in words if each)
    if role == "assistant":
        pictures += (Shown(field=where, url=url, ours_only=True) for url in _MARKDOWN.findall(text))
        pictures += (_picture(part, f"{field}.images[{place}]") for place, part in enumerate(images))
    return Said(field=field, role=role, text=text.strip(), pictures=tuple(pictures), others=tuple(others))


def heard(conversation: Sequence[Said], field: str) -> Talk:
    """Raises InvalidInput, naming `field` or a message, where nobody says what the picture shall show."""
    at = max((place for place, each in enumerate(conversation) if each.role == "user"), default=None)
    if at is None:
        raise InvalidInput(f"{field} has no message of the user's; its words are what the picture shall show.", field=field)
    last = conversation[at]
    if answer := next((each for each in conversation[at + 1 :] if each.role == "assistant" and each.text), None):
        told = "The last message must be the user's: a model of pictures does not go on with another's words."
        raise InvalidInput(told, field=answer.field)
    for here, kind in last.others:
        raise InvalidInput(f"{here} is {kind[:60]!r}; a model of pictures takes words and pictures.", field=here)
    if not last.text:
        told = "The user's last message has no words; say what the picture shall show, or how it shall change."
        raise InvalidInput(told, field=f"{last.field}.content")
    if len(last.pictures) > MOST_PICTURES:
        told = f"The user's last message has {len(last.pictures)} pictures; {MOST_PICTURES} are the most."
        raise InvalidInput(told, field=f"{last.field}.content")
    return Talk(prompt=last.text, attached=last.pictures, earlier=tuple(_before(conversation, at)))


def _before(conversation: Sequence[Said], at: int) -> Iterator[Shown]:
    """The pictures of all but the message at that place, the newest first and of each message the first first."""
    seen: list[str] = []  # no set: it would go through the megabytes of each
    for place in range(len(conversation) - 1, -1, -1):
        for shown in conversation[place].pictures if place != at else ():
            which = shown.url or shown.file_id or shown.call
            if which not in seen and len(seen) < MOST_PICTURES:
                seen.append(which)
                yield shown


def _picture(part: ContentPart, field: str) -> Shown:
    url = part.image_url.url if isinstance(part.image_url, PictureUrl) else part.image_url
    if url:
        return Shown(field=f"{field}.image_url", url=url)
    if part.file_id:
        return Shown(field=f"{field}.file_id", file_id=part.file_id)
    raise InvalidInput(f"{field} is a picture without an image_url.", field=field)
