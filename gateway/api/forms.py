"""multipart/form-data: read once, and every fault of it told in our words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException, HTTPException, InternalServerException

from gateway.api.bodies import NO_NUL, ClientLeft
from gateway.errors import DarkroomError, InvalidInput
from gateway.nearest import listed

AnyRequest = Request[Any, Any, Any]
MULTIPART = RequestEncodingType.MULTI_PART
MOST_PARTS = 200
"""Fields and files of one form. Sixteen pictures and a preset's variables are far fewer."""


class MalformedForm(DarkroomError):
    """The body is not what it should be even before its fields are looked at."""

    status = 400
    code = "malformed_form"


async def read_form(request: AnyRequest) -> FormMultiDict:
    """All fields and files. Raises MalformedForm, and Litestar's RequestEntityTooLarge.

    The framework keeps what was read, so that a handler's `data: MultipartBody[...]` is made of this.
    """
    content_type, options = request.content_type
    if content_type != MULTIPART:
        raise MalformedForm("The body is no form; send it as multipart/form-data.")
    if not options.get("boundary"):
        raise MalformedForm("The Content-Type has no boundary; let the client's library set that header.")
    try:
        form = await request.form()
    except InternalServerException as error:
        raise ClientLeft("The connection was closed before the whole body had come.") from error
    except ClientException as error:
        if error.status_code != ClientException.status_code:
            raise
        raise MalformedForm("The body is not the multipart/form-data that its Content-Type announces.") from error
    except HTTPException:
        raise
    except (UnicodeDecodeError, LookupError) as error:
        raise MalformedForm("A field's text is not UTF-8; a file needs a `filename` in its part's header.") from error
    for name, value in form.multi_items():
        text = value if isinstance(value, str) else value.filename
        if "\0" in name or "\0" in text:
            raise InvalidInput(NO_NUL, field=name.replace("\0", ""))
    return form


def one_file(name: str) -> Callable[[AnyRequest], Awaitable[None]]:
    """For a handler's `before_request`: the form has one file, called `name`, and nothing else."""

    async def check(request: AnyRequest) -> None:
        form = await read_form(request)
        if others := sorted(set(form) - {name}):
            raise InvalidInput(f"{others[0]} is not known here; there is {listed([name])}.", field=others[0])
        files = form.getall(name, [])
        if not files:
            raise InvalidInput(f"{name} is missing; it must be a file.", field=name)
        if len(files) > 1:
            raise InvalidInput(f"There are {len(files)} files; send one in each request.", field=name)
        if not isinstance(files[0], UploadFile):
            raise InvalidInput(f"{name} must be a file: its part's header needs a `filename`.", field=name)

    return check
