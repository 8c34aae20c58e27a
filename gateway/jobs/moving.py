"""A job that left its model to us goes to another one: the same request, as that model takes it, at the price it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engines.contract import InvalidRequest
from gateway import cards
from gateway.errors import InvalidInput
from gateway.jobs.engine_requests import blank_request
from gateway.jobs.open_model import MovedFrom
from gateway.jobs.records import Job
from gateway.jobs.resolving import resolve
from gateway.jobs.submit import as_submitted
from gateway.models import Offer


def moved(job: Job, offer: Offer, why: MovedFrom, max_pixels: int) -> Job:
    """The job as that model would run it. Raises InvalidInput where the model cannot, as for a new request.

    Pictures that are there already keep their size for the others.
    """
    kept = job.request
    assert kept.said is not None, "the caller chose its model"
    said: Mapping[str, Any] = msgspec.structs.asdict(kept.said)
    if job.stored:
        said = {**said, "width": kept.size.width, "height": kept.size.height}
    source, references = cards.arrange(kept.pictures, job.does, offer.card)
    asked = msgspec.structs.replace(as_submitted(job), **said, model=None, source=source, references=references)
    request = resolve(asked, offer.entry, offer.card, max_pixels)
    request = msgspec.structs.replace(request, said=kept.said, moved_from=(*kept.moved_from, why))
    try:
        offer.engine.check(blank_request(job.id, offer.entry.id, job.does, request, job.pictures), offer.card)
    except InvalidRequest as error:
        raise InvalidInput(error.message, field=error.field) from error
    return msgspec.structs.replace(
        job, model=offer.entry.id, engine=offer.entry.engine, revision=offer.entry.revision, request=request
    )


def models_tried(job: Job) -> set[str]:
    """The models that had it, this one included."""
    return {job.model, *(each.model for each in job.request.moved_from)}
