"""What a request would cost, where it would run and when it would be done. Nothing is queued, fetched or charged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, ClassVar

import msgspec
from litestar import post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from engines.contract import Capability
from gateway.api.choice import offer_for
from gateway.api.given import Asker, Db, TheModels, TheScheduler
from gateway.api.lane_names import public_names
from gateway.api.priorities import is_bulk
from gateway.api.problems import responses
from gateway.api.tasks.asked import MOST_EXTRA_IMAGES, AnyPicture, Asked, Generation, ImageToImage
from gateway.api.tasks.meaning import Pictures, capability, check_alone, check_card, in_our_words, submission
from gateway.catalog import Resolution, Settings, Surface
from gateway.jobs.records import Job
from gateway.jobs.request import InputPicture
from gateway.jobs.submit import draft
from gateway.models import Offer
from gateway.scheduling.lanes import LaneView
from gateway.scheduling.loop import Scheduler
from gateway.scheduling.outlooks import able_lanes, outlook
from gateway.wallet import ledger, money


class QuoteRequest(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of either kind of task; the pictures that it names are counted and not looked at."""

    elsewhere: ClassVar[dict[str, str]] = {"images": "the first picture is `image`, the others are `extra_images`."}

    prompt: Annotated[str, Meta(max_length=100_000)] = ""
    """May be left out: it costs nothing."""
    image: AnyPicture | None = None
    extra_images: Annotated[tuple[AnyPicture, ...], Meta(max_length=MOST_EXTRA_IMAGES)] = ()
    mask: AnyPicture | None = None
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    surface: Surface = "tasks"
    """The API that it would come by; each has prices of its own."""
    resolution: Resolution | None = None
    """For surfaces whose prices go by it; else as the size is."""


class Quote(Struct, frozen=True, kw_only=True):
    """As things stand now; credits and dollars are decimals in text."""

    model: str
    engine: str
    capability: Capability
    lane: str | None
    """Where it would run if it came now, as /health/ready calls it; null where no lane that can run it is well."""
    n: int
    price_credits: str
    """For a picture."""
    total_credits: str
    """For all of them: what would be charged."""
    total_usd: str
    balance_credits: str
    """The team's."""
    credits_enabled: bool
    """Where they are not, what is charged is counted and never asked for."""
    affordable: bool
    begins_in_seconds: float | None
    """As long as what waits before it takes; null where no lane is well."""
    eta_seconds: float | None
    """Until it is done; null as long as nobody knows how long this model takes."""
    done_at: datetime | None


@post(
    "/quote",
    operation_id="quote",
    summary="What a task would cost, and when it would be done",
    status_code=200,
    responses=responses(400, 401, 413, 422, 503),
)
async def quote(data: JSONBody[QuoteRequest], principal: Asker, db: Db, models: TheModels, scheduler: TheScheduler) -> Quote:
    """Takes the body of /v1/images/generations or of /v1/images/image-to-image, and refuses what they would refuse."""
    asked = _asked(data)
    check_alone(asked)
    given = len(asked.pictures) if isinstance(asked, ImageToImage) else 0
    offer = await offer_for(db, models, scheduler, principal, asked.model, capability(asked), pictures=given)
    check_card(asked, offer.entry, offer.card)
    blank = [InputPicture(blob="", width=1024, height=1024)] * given
    pictures = Pictures(blank, blank[0] if data.mask and given else None)
    wanted = submission(asked, pictures, offer.entry, offer.card, bulk=is_bulk(principal, asked.priority))
    wanted = msgspec.structs.replace(wanted, surface=data.surface, resolution=data.resolution)
    with in_our_words():
        job = draft(offer, principal, wanted, models.catalog)
    async with db.read() as connection:
        balance = await ledger.balance(connection, principal.team_id)
    return _quote(job, offer, scheduler, balance, models.catalog.settings)


def _asked(data: QuoteRequest) -> Asked:
    """The same request as the surface takes it; what it lacks to be one costs nothing."""
    fields = {name: getattr(data, name) for name in Asked.__struct_fields__}
    fields["prompt"] = data.prompt or "…"
    if data.image is None:
        return Generation(**fields)
    own = {name: getattr(data, name) for name in ("image", "extra_images", "mask", "strength")}
    return ImageToImage(**fields, **own)


def _quote(job: Job, offer: Offer, scheduler: Scheduler, balance: int, settings: Settings) -> Quote:
    lanes = scheduler.lanes()
    average = scheduler.average_seconds(job.model)
    now = outlook(lanes, offer, scheduler.seconds_ahead())
    eta = round(now.wait_seconds + average * job.pictures, 1) if now.ready and average is not None else None
    return Quote(
        model=job.model,
        engine=job.engine,
        capability=job.does,
        lane=_lane(lanes, offer),
        n=job.pictures,
        price_credits=money.text(job.price),
        total_credits=money.text(job.charged),
        total_usd=money.dollars(job.charged, settings.credits.per_usd),
        balance_credits=money.text(balance),
        credits_enabled=settings.credits.enabled,
        affordable=not settings.credits.enabled or job.charged <= max(balance, 0),
        begins_in_seconds=round(now.wait_seconds, 1) if now.ready else None,
        eta_seconds=eta,
        done_at=None if eta is None else datetime.fromtimestamp(time.time() + eta, UTC),
    )


def _lane(lanes: Sequence[LaneView], offer: Offer) -> str | None:
    """Of those that are well one that has the model loaded, else one that rests, else the first."""
    able = [lane for lane in able_lanes(lanes, offer) if lane.healthy]
    key = (offer.spec.id, offer.spec.revision)
    best = min(able, key=lambda lane: (all(each.model != key for each in lane.residents), bool(lane.jobs)), default=None)
    return public_names(lanes)[best.name] if best else None
