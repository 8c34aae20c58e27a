"""Exports: many pictures as one archive."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import Router, delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from gateway.api.access import SECURITY, allows
from gateway.api.gallery.trashing import Ids, Several, each_once
from gateway.api.given import Asker, TheExports, TheLinks
from gateway.api.links import Links
from gateway.api.problems import responses
from gateway.api.repeats import IdempotencyKey, named
from gateway.api.times import moment
from gateway.jobs.exports import Export
from gateway.jobs.records import State

READS = allows("gallery.read")
MOST = 500
"""Pictures of one export."""


class ExportRequest(Several, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which pictures: 500 at most; one that is named twice counts once."""

    ids: Annotated[Ids, Meta(extra={"words": f"a list of 1 to {MOST} ids of pictures"})]
    """Of pictures; one that is named twice counts once."""


class AcceptedExport(Struct, frozen=True, kw_only=True):
    """An export; `/v1/images/exports/{job_id}` follows it, and `/v1/tasks/{job_id}` as every task."""

    job_id: str
    status: State
    """`succeeded` at once where the archive is there already."""
    not_found: list[str]
    """Ids that are no picture of the team, or in the trash: they are left out."""


class ExportError(Struct, frozen=True):
    code: str
    message: str


class ExportStatus(Struct, frozen=True, kw_only=True):
    """An export as it stands."""

    job_id: str
    status: State
    done: int
    """Pictures in the archive so far."""
    total: int
    download_url: str | None
    """Signed: opens without a key, for a day at most; null before the end and once the archive has expired."""
    bytes: int | None
    expires_at: datetime | None
    """When the archive is deleted (`[settings.gallery] export_hours`)."""
    error: ExportError | None
    created_at: datetime
    finished_at: datetime | None


@post(
    "/images/bulk/export",
    operation_id="export_images",
    summary="Put many pictures into one archive",
    status_code=202,
    guards=[READS],
    responses=responses(400, 401, 403, 404, 409, 413, 422, 429),
)
async def export_images(
    data: JSONBody[ExportRequest], principal: Asker, exports: TheExports, idempotency_key: IdempotencyKey = None
) -> AcceptedExport:
    """Accept an export: a ZIP of the files as they are, and a `manifest.json` with what is known of each. It costs nothing.

    Asked for again while nothing about the pictures changed, it is the same one, as long as its archive is kept. A team's
    archives have a bound (`[settings.gallery] export_bytes_per_team`): 429 beyond it, until one expires or is deleted.
    """
    ids = each_once(data.ids, MOST)
    job, not_found = await exports.ask(principal, ids, await named(idempotency_key, "export", ids))
    return AcceptedExport(job_id=job.id, status=job.state, not_found=not_found)


@get(
    "/images/exports/{job_id:str}",
    operation_id="get_export",
    summary="Get an export",
    guards=[READS],
    responses=responses(401, 403, 404),
)
async def get_export(job_id: FromPath[str], principal: Asker, exports: TheExports, links: TheLinks) -> ExportStatus:
    """How far it is, and where its archive can be fetched."""
    return _shown(await exports.find(principal.team_id, job_id), links)


@delete(
    "/images/exports/{job_id:str}",
    operation_id="delete_export",
    summary="Cancel an export or delete its archive",
    guards=[READS],
    responses=responses(401, 403, 404),
)
async def delete_export(job_id: FromPath[str], principal: Asker, exports: TheExports) -> None:
    """At once, and it makes room for others; one that is gone already stays gone. The pictures stay as they are.

    Who only reads deletes what they asked for themselves.
    """
    await exports.remove(principal, job_id)


def _shown(export: Export, links: Links) -> ExportStatus:
    job = export.job
    is_there = export.bytes is not None and export.expires_at is not None
    return ExportStatus(
        job_id=job.id,
        status=job.state,
        done=export.done,
        total=job.pictures,
        download_url=links.export(job.id, export.expires_at or 0) if is_there else None,
        bytes=export.bytes,
        expires_at=moment(export.expires_at),
        error=ExportError(job.error_code, job.error_message or "") if job.error_code else None,
        created_at=moment(job.created_at),
        finished_at=moment(job.finished_at),
    )


def exports_router() -> Router:
    return Router("/v1", route_handlers=[export_images, get_export, delete_export], security=SECURITY, tags=["Gallery"])
