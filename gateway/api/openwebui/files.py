"""`/api/v1/files`: the team's pictures as Open WebUI's files. A file's id is the image's."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, delete, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter, SkipValidation
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal
from gateway.api.access import allows
from gateway.api.bodies import decode
from gateway.api.downloads import Download
from gateway.api.forms import AnyRequest, read_form
from gateway.api.given import Asker, Db, TheIncoming, ThePictures, TheTrash
from gateway.api.openwebui import wire
from gateway.api.openwebui.asked import LARGEST_METADATA
from gateway.api.openwebui.errors import responses
from gateway.api.openwebui.operations import UploadOperation
from gateway.api.openwebui.wire import METADATA, Deleted, FileList, WebuiFile, WebuiUpload
from gateway.chat import links
from gateway.errors import DarkroomError, Forbidden, InvalidInput, NotFound
from gateway.images import library, records
from gateway.images.library import Wanted
from gateway.images.records import Image
from gateway.jobs import records as jobs

PAGE_SIZE = 50
"""As Open WebUI's."""
Ignored = Annotated[bool, QueryParameter(description="Taken and passed over: there is no text in pictures to be read out.")]


class Brought(Struct, frozen=True):
    """A file, and what the client says of it."""

    data: bytes
    name: str
    metadata: dict[str, Any]


async def read_upload(request: AnyRequest) -> Brought:
    """Raises MalformedForm, and InvalidInput naming the part."""
    form = await read_form(request)
    if others := sorted(set(form) - {"file", METADATA}):
        raise InvalidInput(f"{others[0]} is not known here; there are file and {METADATA}.", field=others[0])
    files = form.getall("file", [])
    if len(files) != 1 or not isinstance(files[0], UploadFile):
        raise InvalidInput("Send one file, as the part `file` with a `filename` in its header.", field="file")
    said = form.getall(METADATA, [""])[-1]
    return Brought(await files[0].read(), files[0].filename, _metadata(said))


@get("/", operation_id="openwebui_list_files", summary="List files, newest first", guards=[allows("gallery.read")],
     responses=responses(400, 401, 403))  # fmt: skip
async def list_files(
    principal: Asker,
    db: Db,
    page: Annotated[int, QueryParameter(ge=1, le=library.DEEPEST // PAGE_SIZE, description="1 is the newest 50.")] = 1,
    content: Annotated[bool, QueryParameter(description="Of documents their text; pictures have none.")] = True,
    chat_id: Annotated[
        str | None, QueryParameter(max_length=links.LONGEST, description="Only those made for this chat: `metadata.chat_id`.")
    ] = None,
    message_id: Annotated[
        str | None, QueryParameter(max_length=links.LONGEST, description="Only those made for this message of the chat.")
    ] = None,
) -> FileList:
    """The team's pictures, past the trash; uploads that nobody saved are not listed."""
    offset = (page - 1) * PAGE_SIZE
    async with db.read() as connection:
        if chat_id is not None:
            some = await links.pictures(
                connection, principal.team_id, chat_id, message_id, limit=PAGE_SIZE, offset=offset
            )  # fmt: skip
            return FileList([wire.file(each) for each in some.images], some.total)
        if message_id is not None:
            raise InvalidInput("A message is one of a chat; give chat_id, too.", field="message_id")
        found = await library.page(connection, principal.team_id, Wanted(), limit=PAGE_SIZE, page=page, counted=True)
    return FileList([wire.file(each) for each in found.images], found.count.total if found.count else 0)


@post("/", operation_id="openwebui_upload_file", summary="Upload a picture", status_code=200,
      guards=[allows("features.image_generation")], dependencies={"brought": Provide(read_upload)},
      operation_class=UploadOperation, responses=responses(400, 401, 403, 413, 429, 503))  # fmt: skip
async def upload_file(
    principal: Asker,
    brought: NamedDependency[SkipValidation[Brought]],
    incoming: TheIncoming,
    process: Ignored = True,
    process_in_background: Ignored = True,
) -> WebuiUpload:
    """PNG, JPEG, WebP or GIF. It goes some days after its last use ([settings.uploads]), unless the gallery saves it."""
    said = {METADATA: brought.metadata} if brought.metadata else {}
    kept = await incoming.keep(principal, brought.data, field="file", title=brought.name, parameters=said)
    return WebuiUpload(**wire.fields(kept))


@get("/{image_id:str}", operation_id="openwebui_get_file", summary="Get a file", responses=responses(400, 401, 403, 404))
async def get_file(image_id: FromPath[str], principal: Asker, db: Db) -> WebuiFile:
    """What it is and what it was made from, without its bytes."""
    async with db.read() as connection:
        image = await _readable(connection, principal, image_id)
        return wire.file(image, await jobs.maker(connection, image.team_id, image.job_id))


@get("/{image_id:str}/content", operation_id="openwebui_get_file_content", summary="Get a file's bytes", media_type="image/*",
     responses=responses(400, 401, 403, 404, 416))  # fmt: skip
async def get_content(
    image_id: FromPath[str],
    principal: Asker,
    db: Db,
    pictures: ThePictures,
    attachment: Annotated[bool, QueryParameter(description="To be saved, not shown.")] = False,
) -> Response[bytes]:
    """By the key, or within a session of the pages."""
    async with db.read() as connection:
        return Download(pictures, await _readable(connection, principal, image_id), attachment=attachment)


@delete("/{image_id:str}", operation_id="openwebui_delete_file", summary="Delete a file", status_code=200,
        guards=[allows("gallery.write")], responses=responses(400, 401, 403, 404))  # fmt: skip
async def delete_file(image_id: FromPath[str], principal: Asker, db: Db, trash: TheTrash) -> Deleted:
    """For who made it, and owners of the team. It goes to the gallery's trash, which gives it back for some days."""
    async with db.read() as connection:
        image = await _there(connection, principal, image_id)
    if image.user_id != principal.user_id and not principal.is_owner:
        raise Forbidden("Only who made it, an owner of the team, or an administrator deletes a file.")
    await trash.discard_one(principal.team_id, image.id)
    return Deleted()


def _metadata(said: Any) -> dict[str, Any]:
    if not said:
        return {}
    try:
        read = decode(said.encode(), dict[str, Any]) if isinstance(said, str) and len(said) <= LARGEST_METADATA else None
    except DarkroomError:
        read = None
    if read is None:
        raise InvalidInput(f"metadata must be a JSON object of at most {LARGEST_METADATA} characters.", field=METADATA)
    return dict(read)


async def _there(connection: AsyncConnection, principal: Principal, image_id: str) -> Image:
    try:
        image = await records.get(connection, principal.team_id, image_id)
    except NotFound:
        image = None
    if image is None or image.deleted_at is not None:
        raise NotFound(f"There is no file {image_id[:60]}.")
    return image


async def _readable(connection: AsyncConnection, principal: Principal, image_id: str) -> Image:
    """Whoever made it needs no further permission."""
    image = await _there(connection, principal, image_id)
    if image.user_id != principal.user_id:
        principal.require("gallery.read")
    return image
