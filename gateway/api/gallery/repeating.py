"""The request that makes a picture again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api.gallery.inspecting import fitted, matched
from gateway.api.tasks.asked import LoraChoice
from gateway.catalog import ModelEntry
from gateway.db import Database, of_team
from gateway.errors import NotFound
from gateway.images import reading, records
from gateway.images.image import Image
from gateway.images.tables import images
from gateway.jobs import records as jobs
from gateway.jobs.records import Job
from gateway.jobs.request import OutputFormat
from gateway.models import Models
from gateway.storage import BlobStore

GENERATIONS, IMAGE_TO_IMAGE = "/v1/images/generations", "/v1/images/image-to-image"
UPSCALE = "/v1/images/{image_id}/upscale"


class Given(Struct, frozen=True, kw_only=True):
    """A picture that is here."""

    type: Literal["artifact"] = "artifact"
    artifact_id: str


class RepeatBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is sent; fields that say nothing are left out."""

    prompt: str | None = None
    negative_prompt: str = ""
    model: str | None = None
    size: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    seed: int | None = None
    loras: tuple[LoraChoice, ...] = ()
    image: Given | None = None
    extra_images: tuple[Given, ...] = ()
    mask: Given | None = None
    strength: float | None = None
    scale: float | None = None
    upscaler: str | None = None
    output_format: OutputFormat = "png"


class Repeat(Struct, frozen=True, kw_only=True):
    """A request of the gateway's own."""

    method: Literal["POST"] = "POST"
    path: str
    body: RepeatBody


class Again(Struct, frozen=True, kw_only=True):
    """How to make a picture again."""

    request: Repeat | None
    """Null: nothing says how it was made."""
    exact: bool
    """The same bytes come of it, on the same kind of device with the same versions, where both were made by themselves; in a
    batch with others it is the same picture but for a shade."""
    why: str | None
    """Why not; null where it is exact."""


async def again(
    db: Database, blobs: BlobStore, models: Models, seen: Sequence[ModelEntry], team_id: str, image_id: str
) -> Again:
    """`seen` are the models that the team may ask for. Raises NotFound."""
    async with db.read() as connection:
        image = await records.get(connection, team_id, image_id)
        job = await jobs.maker(connection, image.team_id, image.job_id)
        lost = await _lost(connection, image, job) if job else []
    if job is None:
        return await _from_file(image, models, seen, blobs)
    reasons = [*_reasons(image, job, models, {entry.id for entry in seen}), *lost]
    return Again(request=None if lost else _request(image, job), exact=not reasons, why=" ".join(reasons) or None)


def _request(image: Image, job: Job) -> Repeat:
    kept = job.request
    if job.capability == "upscale" and kept.source is not None:
        scale = round(kept.size.width / kept.source.width, 4)
        body = RepeatBody(scale=scale, upscaler=job.model, output_format=kept.output_format)
        return Repeat(path=UPSCALE.format(image_id=kept.source.image), body=body)
    pictures = tuple(Given(artifact_id=each.image or "") for each in kept.pictures)
    body = RepeatBody(
        prompt=kept.prompt,
        negative_prompt=kept.negative_prompt,
        model=job.model,
        size=f"{kept.size.width}x{kept.size.height}",
        steps=kept.steps,
        guidance_scale=kept.guidance_scale,
        sampler=kept.sampler,
        seed=image.seed,
        loras=tuple(LoraChoice(each.name, each.weight) for each in kept.loras),
        image=pictures[0] if pictures else None,
        extra_images=pictures[1:],
        mask=Given(artifact_id=kept.mask.image or "") if kept.mask else None,
        strength=kept.strength,
        output_format=kept.output_format,
    )
    return Repeat(path=IMAGE_TO_IMAGE if pictures else GENERATIONS, body=body)


def _reasons(image: Image, job: Job, models: Models, seen: set[str]) -> Iterator[str]:
    """Why the same request makes another picture, or none."""
    entry, offer = models.catalog.models.get(job.model), models.offers.get(job.model)
    if entry is None or entry.retired or entry.id not in seen:
        instead = f'; "{entry.retired}" took its place' if entry is not None and entry.retired else ""
        yield f'The model "{job.model}" is not here any more{instead}.'
    elif offer is None:
        yield f'The model "{job.model}" cannot run now.'
    elif (image.seed is None or not offer.card.seeds) and not (job.capability == "upscale" and offer.card.replay == "safe"):
        # What enlarges here, and not in a cloud, draws nothing.
        yield f'The model "{job.model}" has no seeds: every picture is another one.'
    elif image.parameters.get("revision", entry.revision) != entry.revision:
        yield f'The model "{job.model}" or its engine was set up anew since, so the picture may differ.'
    if said := sorted({*job.request.choices, *(["output_compression"] if job.request.output_compression is not None else [])}):
        yield f"It was asked for with {' and '.join(said)}, which this request has no field for."


async def _lost(connection: AsyncConnection, image: Image, job: Job) -> list[str]:
    """What is said of pictures that it was made from and that cannot be handed in again."""
    given = {each.image for each in (*job.request.pictures, job.request.mask) if each is not None}
    if not given:
        return []
    query = of_team(select(images.c.id), image.team_id, images).where(
        images.c.id.in_(given - {None}), images.c.deleted_at.is_(None)
    )
    gone = given - set((await connection.execute(query)).scalars())
    return [f"A picture that it was made from is deleted: {', '.join(sorted(map(str, gone)))}."] if gone else []


async def _from_file(image: Image, models: Models, seen: Sequence[ModelEntry], blobs: BlobStore) -> Again:
    """Of a picture that somebody brought, or whose job is forgotten, as far as its file tells."""
    try:
        data = await blobs.get(image.blob)
    except NotFound:
        return Again(
            request=None, exact=False, why="The picture's file is not as it was, or gone, so that nothing can be read."
        )
    found = (await asyncio.to_thread(reading.read, data)).recipe
    if found is None:
        return Again(request=None, exact=False, why="Nothing within the picture's file says how it was made.")
    model = matched(found.model.name, seen)
    recipe, _ = fitted(found, model, models.offers.get(model or ""))
    body = RepeatBody(**{name: getattr(recipe, name) for name in recipe.__struct_fields__})
    request = Repeat(path=GENERATIONS, body=body) if recipe.prompt else None
    return Again(request=request, exact=False, why="It was made elsewhere; this is what its file says.")
