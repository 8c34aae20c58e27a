"""`darkroom images import` is behind these: many files in a request, each with an outcome of its own."""

from __future__ import annotations

from litestar import Router, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, SkipValidation

from gateway.accounts import audit
from gateway.api.access import SECURITY, allows
from gateway.api.gallery import imported
from gateway.api.gallery.imported import HashedFiles, ImportOperation, ImportOutcomes, LeftFiles, read_import
from gateway.api.given import Asker, Db, TheImports
from gateway.api.problems import responses
from gateway.images.imports import Brought

WRITES = allows("gallery.write")


@post(
    "/images/import/known",
    operation_id="import_known",
    summary="See which files are here already",
    status_code=200,
    guards=[WRITES],
    responses=responses(400, 401, 403, 413, 422, 429, 503),
)
async def import_known(data: JSONBody[HashedFiles], principal: Asker, imports: TheImports) -> ImportOutcomes:
    """By the hashes of their content, so that only those are sent that are `wanted`; the others get the tags they lack."""
    return imported.outcomes(await imports.known(principal, imported.known(data)))


@post(
    "/images/import",
    operation_id="import_images",
    summary="Take in pictures from elsewhere",
    status_code=200,
    guards=[WRITES],
    dependencies={"brought": Provide(read_import)},
    operation_class=ImportOperation,
    responses=responses(400, 401, 403, 413, 422, 429, 503),
)
async def import_images(
    brought: NamedDependency[SkipValidation[list[Brought]]], principal: Asker, imports: TheImports
) -> ImportOutcomes:
    """The files are kept byte for byte; what A1111, ComfyUI, InvokeAI and others wrote in them becomes their parameters.

    What the team has already is joined, and a file that is no picture is refused by itself: the others are taken.
    """
    return imported.outcomes(await imports.bring(principal, brought))


@post(
    "/imports",
    operation_id="import_in_place",
    summary="Take in pictures that stay where they lie",
    status_code=200,
    responses=responses(400, 401, 403, 413, 422, 429, 503),
)
async def import_in_place(data: JSONBody[LeftFiles], principal: Asker, db: Db, imports: TheImports) -> ImportOutcomes:
    """Files of the gateway's machine, below the folders of [settings.imports], into the team of the key.

    The gateway keeps thumbnails and details, reads the files where they are, and never changes or deletes them. One that
    has changed since, or is gone, is told so (410, 404) when its picture is opened.
    """
    found = await imports.leave(principal, data.folder, imported.left(data))
    if added := sum(each.status == "added" for each in found):
        async with db.write() as connection:
            await audit.record(connection, principal, "image.import", data.folder, {"added": added})
    return imported.outcomes(found)


def importing_router() -> Router:
    return Router("/v1", route_handlers=[import_known, import_images], security=SECURITY, tags=["Gallery"])
