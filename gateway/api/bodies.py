"""JSON bodies: read once, straight into the handler's own type, strictly."""

from __future__ import annotations

import asyncio
import io
import re
from contextlib import suppress
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException
from litestar.types import Empty
from msgspec import Struct

from gateway.api.validation import described, explain
from gateway.errors import DarkroomError, InvalidInput

NO_NUL = "Text cannot hold the character U+0000; leave it out."
"""Not every database can keep it, and no model reads it."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""Escaped, as JSON must; a backslash that is itself escaped begins no escape."""
LARGE = 256 << 10
"""Bytes from which a body is decoded in a thread: going there takes as long as decoding so much base64 (50 µs)."""


class MalformedBody(DarkroomError):
    """The body is not what it should be even before its fields are looked at."""

    status = 400
    code = "malformed_json"


class ClientLeft(DarkroomError):
    """Nobody is there any more to read this."""

    status = 400
    code = "client_left"


class JsonRequest(Request[Any, Any, Any]):
    """Litestar's request, but it decodes JSON directly into the type that the handler's `data` has.

    Litestar itself makes plain values first and converts those leniently: "4" would pass for 4, and bytes that are no
    UTF-8 would be our fault (500).
    """

    async def body(self) -> bytes:
        """Raises ClientLeft where Litestar sees a fault of the server's.

        It is put together as it comes: Litestar joins the parts at the end, and everything waits for that.
        """
        if self._body is Empty and self._connection_state.body is Empty:
            whole = io.BytesIO()
            try:
                async for part in self.stream():
                    whole.write(part)
            except InternalServerException as error:
                raise ClientLeft("The connection was closed before the whole body had come.") from error
            self._connection_state.body = whole.getvalue()
        return await super().body()

    async def json(self) -> Any:
        """Raises MalformedBody, InvalidInput naming the field, and Litestar's RequestEntityTooLarge."""
        field = self.route_handler.parsed_data_field
        return await self.decoded(field.annotation if field else Any)

    async def decoded(self, shape: Any) -> Any:
        """The body, which is taken, as a value of the type `shape`. Raises as `json` does."""
        body = await self.taken()
        return decode(body, shape) if len(body) < LARGE else await asyncio.to_thread(decode, body, shape)

    async def taken(self) -> bytes:
        """The body, which is gone from here then: Litestar would hold its megabytes for as long as the answer takes."""
        body = await self.body()
        self._body = self._connection_state.body = b""
        return body


def decode(body: bytes, shape: Any) -> Any:
    """The body as a value of the type `shape`. Raises MalformedBody, and InvalidInput naming the field."""
    if not body:
        raise MalformedBody(f"The body is empty; send JSON: {described(shape)}.")
    refuse_nul(body)
    try:
        return _decoder(shape).decode(body)
    except msgspec.ValidationError as error:
        field, message = explain(str(error), "", shape)
        raise InvalidInput(message, field=field) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBody(f"The body is not JSON: {error}.") from error
    except RecursionError:
        raise MalformedBody("The body has more lists within lists, or objects within objects, than anyone reads.") from None


def let_go(asked: Struct, **emptied: Any) -> None:
    """Empties fields that were taken in, frozen or not.

    The framework holds what a handler was given until it has answered; of a call that waits for its job that would be
    megabytes of pictures in base64, for minutes, for each that waits.
    """
    for name, value in emptied.items():
        msgspec.structs.force_setattr(asked, name, value)


def refuse_nul(body: bytes) -> None:
    """Raises InvalidInput, naming the field where the body can be read at all, for JSON that has U+0000 in a text."""
    # Pictures in base64 have no backslash, and one character is looked for much faster than several.
    if b"\\" in body and b"\\u0000" in body and _NUL.search(body):
        field = None
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            field = _holder(msgspec.json.decode(body))
        raise InvalidInput(NO_NUL, field=field or "")


def _holder(value: Any, path: str = "") -> str | None:
    """The path of the first text, or name, that has U+0000: `loras[0].name`; None: there is none."""
    if isinstance(value, str):
        return path if "\0" in value else None
    if isinstance(value, list):
        return next((found for at, each in enumerate(value) if (found := _holder(each, f"{path}[{at}]")) is not None), None)
    if not isinstance(value, dict):
        return None
    for name, each in value.items():
        here = f"{path}.{name}" if path else name
        if "\0" in name:
            return here.replace("\0", "")
        if (found := _holder(each, here)) is not None:
            return found
    return None


@lru_cache(maxsize=256)
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)
