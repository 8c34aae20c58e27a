"""A picture's bytes as a handler's answer, for one of whom it was seen that the picture is theirs."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.types import Receive, Scope, Send

from gateway.api.gallery.content import Pictures
from gateway.images.records import Image


class Download(Response[bytes]):
    """In chunks, with ETag and ranges, as the gallery serves them."""

    def __init__(self, pictures: Pictures, image: Image, *, attachment: bool = True) -> None:
        super().__init__(b"")
        self._pictures = pictures
        self._image = image
        self._attachment = attachment

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            await self._pictures.download(scope, self._image, send, attachment=self._attachment)

        return respond
