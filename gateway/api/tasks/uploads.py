"""Pictures that clients bring along, to be named in tasks by their `artifact_id`."""

from __future__ import annotations

from litestar import post
from litestar.datastructures import UploadFile
from litestar.params import MultipartBody
from msgspec import Struct

from gateway.api.access import allows
from gateway.api.forms import one_file
from gateway.api.given import Asker, TheIncoming
from gateway.api.problems import responses


class UploadForm(Struct):
    """A picture: PNG, JPEG, WebP or GIF."""

    file: UploadFile


class Upload(Struct, frozen=True, kw_only=True):
    """An image like every other, but swept after some days ([settings.uploads]) unless it is used or saved."""

    artifact_id: str
    media_type: str
    width: int
    height: int
    bytes: int


@post(
    "/uploads",
    operation_id="upload",
    summary="Upload a picture",
    status_code=201,
    guards=[allows("features.image_generation")],
    before_request=one_file("file"),
    responses=responses(400, 401, 403, 413, 422, 429, 503),
)
async def upload(data: MultipartBody[UploadForm], principal: Asker, incoming: TheIncoming) -> Upload:
    """Keep a picture as it is. Its `artifact_id` can be used again and again; `PATCH /v1/images/{id}` saves it for good."""
    kept = await incoming.keep(principal, await data.file.read(), field="file", title=data.file.filename)
    return Upload(artifact_id=kept.id, media_type=kept.media_type, width=kept.width, height=kept.height, bytes=kept.bytes)
