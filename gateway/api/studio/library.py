"""`/v0/images/library`: what the team has made; and what of it everyone may see."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, get, patch
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from gateway.accounts import Principal
from gateway.api.access import allows
from gateway.api.cursors import Cursors
from gateway.api.downloads import Download
from gateway.api.given import Asker, Db, TheBlobs, TheCursors, TheLinks, TheModels, ThePictures
from gateway.api.links import Links
from gateway.api.studio import wire
from gateway.api.studio.errors import responses
from gateway.api.studio.wire import LibraryAnswer, LibraryImageAnswer, LibraryPage, PublicAnswer, PublicPage, UsageAnswer
from gateway.catalog.licences import commercial_models
from gateway.db import Database
from gateway.errors import NotFound
from gateway.images import library, publishing, records
from gateway.images.library import Place, Wanted
from gateway.images.records import Image
from gateway.images.words import narrowed
from gateway.jobs import records as jobs
from gateway.jobs.records import Job
from gateway.presets import presets
from gateway.wallet.usage import summary

READS = allows("gallery.read")
WRITES = allows("gallery.write")
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")]
Page = Annotated[int, QueryParameter(ge=1, le=library.DEEPEST, description="1 is the newest; the first 10,000 are reached.")]
Next = Annotated[str | None, QueryParameter(name="next", description="`next` of the page before, with the same filters.")]


class LibraryChange(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    is_public: bool
    """Whether the public gallery shows it."""


@get("/images/library", operation_id="studio_list_library", summary="List pictures, newest first", guards=[READS],
     responses=responses(401, 403, 404, 422))  # fmt: skip
async def list_library(
    principal: Asker,
    db: Db,
    links: TheLinks,
    cursors: TheCursors,
    models: TheModels,
    page: Page = 1,
    limit: Limit = 20,
    preset_id: Annotated[str | None, QueryParameter(name="presetId", description="Only those made from this preset.")] = None,
    search: Annotated[
        str | None,
        QueryParameter(
            max_length=1000, description="Words, or how they begin, in the prompt, the title and the preset's name."
        ),
    ] = None,
    cursor: Next = None,
) -> LibraryAnswer:
    """Those that were made here, whatever the surface, past the trash."""
    # A form sends the fields that nobody filled in as well.
    wanted = Wanted(preset_id=preset_id or None, made_here=True)
    if search and search.strip():
        wanted = narrowed(wanted, search, commercial_models(models.catalog))
    scope = (principal.team_id, "library", search or None, wanted.preset_id)
    return LibraryAnswer(await _page(db, links, cursors, wanted, scope, page=page, limit=limit, cursor=cursor))


@get("/images/library/{image_id:str}", operation_id="studio_get_image", summary="Get a picture", guards=[READS],
     responses=responses(401, 403, 404))  # fmt: skip
async def get_image(image_id: FromPath[str], principal: Asker, db: Db, links: TheLinks) -> LibraryImageAnswer:
    """Where it is, and what it was made from."""
    return LibraryImageAnswer(wire.library_detail(*await _with_job(db, principal, image_id, links)))


@patch("/images/library/{image_id:str}", operation_id="studio_change_image", summary="Publish a picture, or no longer",
       guards=[WRITES], responses=responses(400, 401, 403, 404, 409, 413, 422, 503))  # fmt: skip
async def change_image(
    image_id: FromPath[str],
    data: JSONBody[LibraryChange],
    principal: Asker,
    db: Db,
    links: TheLinks,
    blobs: TheBlobs,
    pictures: ThePictures,
) -> LibraryImageAnswer:
    """The public gallery has a copy without its private data. What is taken out opens there no longer within a minute."""
    await publishing.set_public(db, blobs, principal.team_id, image_id, public=data.is_public)
    pictures.published.forget(image_id)
    return LibraryImageAnswer(wire.library_detail(*await _with_job(db, principal, image_id, links)))


@get("/images/library/{image_id:str}/download", operation_id="studio_download_image", summary="Download a picture",
     guards=[READS], media_type="image/*", responses=responses(401, 403, 404, 416))  # fmt: skip
async def download_image(image_id: FromPath[str], principal: Asker, db: Db, pictures: ThePictures) -> Response[bytes]:
    """Its bytes, as an attachment."""
    async with db.read() as connection:
        return Download(pictures, await _live(connection, principal, image_id))


@get("/usage", operation_id="studio_usage", summary="The team's credits", responses=responses(401))
async def get_usage(principal: Asker, db: Db) -> UsageAnswer:
    """The balance, and what this month's jobs were charged and given back."""
    async with db.read() as connection:
        return wire.usage(await summary(connection, principal.team_id))


@get("/images/public", operation_id="studio_list_public", summary="The public gallery", responses=responses(422), security=[{}])
async def list_public(db: Db, links: TheLinks, cursors: TheCursors, limit: Limit = 20, cursor: Next = None) -> PublicAnswer:
    """What all teams have published; needs no key."""
    before = cursors.open(cursor, "public")
    async with db.read() as connection:
        found = await publishing.public(connection, limit=limit + 1, before=before)
    shown, following = cursors.cut(found, limit, "public")
    return PublicAnswer(PublicPage(images=[wire.public_image(each, links) for each in shown], limit=limit, next=following))


async def _page(
    db: Database,
    links: Links,
    cursors: Cursors,
    wanted: Wanted,
    scope: tuple[str, str, str | None, str | None],
    *,
    page: int,
    limit: int,
    cursor: str | None,
) -> LibraryPage:
    team_id, after = scope[0], cursors.open(cursor, *scope)
    async with db.read() as connection:
        if wanted.preset_id and not await presets.is_known(connection, team_id, wanted.preset_id):
            raise NotFound(f"There is no preset {wanted.preset_id}.", field="presetId")
        place = Place(after) if after else None
        found = await library.page(connection, team_id, wanted, limit=limit, page=page, after=place, counted=place is None)
    count = found.count
    return LibraryPage(
        images=[wire.library_image(each, links) for each in found.images],
        total=count.total if count else None,
        total_capped=count.capped if count else False,
        page=page if count else None,
        limit=limit,
        next=cursors.seal(found.next.id, *scope) if found.next else None,
    )


async def _live(connection: Any, principal: Principal, image_id: str) -> Image:
    image = await records.get(connection, principal.team_id, image_id)
    if image.deleted_at is not None:
        raise NotFound(f"There is no image {image_id}.")
    return image


async def _with_job(db: Database, principal: Principal, image_id: str, links: Links) -> tuple[Image, Links, Job | None]:
    """For `wire.library_detail`: the image, and the job that made it where it is known."""
    async with db.read() as connection:
        image = await _live(connection, principal, image_id)
        job = await jobs.maker(connection, principal.team_id, image.job_id)
    return image, links, job
