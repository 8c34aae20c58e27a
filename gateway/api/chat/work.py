"""What a chat asks for, as the gallery's own orders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.accounts import Principal
from gateway.api.gallery.asked import EditImage, GenerateImage, UpscaleImage
from gateway.api.gallery.orders import GalleryOrders
from gateway.chat.tools import Edit, Generate
from gateway.errors import InvalidInput, NotFound, WrongState
from gateway.jobs.records import Job


class ChatWork:
    """`gateway.chat.answering.Work`."""

    def __init__(self, orders: GalleryOrders) -> None:
        self._orders = orders

    async def edit(self, principal: Principal, image_id: str, wanted: Edit, session: str | None, key: str) -> Job:
        asked = EditImage(prompt=wanted.prompt, strength=wanted.strength, edit_session_id=session)
        with _in_our_words():
            return await self._orders.edit(principal, image_id, asked, header=None, key=key)

    async def generate(self, principal: Principal, wanted: Generate, key: str) -> Job:
        asked = GenerateImage(prompt=wanted.prompt, aspect_ratio=wanted.aspect_ratio)
        return await self._orders.generate(principal, asked, header=None, key=key)

    async def upscale(self, principal: Principal, image_id: str, scale: float, session: str | None, key: str) -> Job:
        asked = UpscaleImage(scale=scale, edit_session_id=session)
        with _in_our_words():
            return await self._orders.upscale(principal, image_id, asked, header=None, key=key)


@contextmanager
def _in_our_words() -> Iterator[None]:
    """What is refused, by what a message has: its text, and the picture that its session is about."""
    try:
        yield
    except InvalidInput as error:
        error.field = "text" if error.field == "prompt" else error.field
        raise
    except NotFound as error:
        if error.field != "image_id":
            raise
        told = "The picture that this session is about was deleted for good; open another one in a chat."
        raise WrongState(told) from error
