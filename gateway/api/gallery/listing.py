"""The gallery's lists: pictures, the trash, days, and what can be asked for."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import Router, get
from litestar.di import Provide
from litestar.params import QueryParameter
from msgspec import Struct

from gateway.api.access import SECURITY, allows
from gateway.api.gallery import wire
from gateway.api.gallery.filters import Filtered, filters
from gateway.api.gallery.share_wire import links_of
from gateway.api.gallery.wire import ImagePage
from gateway.api.given import Asker, Db, TheCursors, TheLinks, TheSharing
from gateway.api.problems import responses
from gateway.images import library, suggesting, timeline
from gateway.images.library import DEEPEST, Place, Sort

READS = allows("gallery.read")
LONGEST_TIMELINE = 4_000
"""Days: eleven years."""
Page = Annotated[int, QueryParameter(ge=1, le=DEEPEST, description="The first 10,000 pictures are reached by numbers.")]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")]
Order = Annotated[Sort, QueryParameter(description="`favorite`: favorites first, then the newest. Untitled ones come last.")]
Next = Annotated[str | None, QueryParameter(name="next", description="`next` of the page before, with the same filters.")]


class TimelineDay(Struct, frozen=True):
    date: date
    """UTC."""
    count: int


class Timeline(Struct, frozen=True):
    data: list[TimelineDay]
    """Days that have pictures, the last one first. The next page goes on by `to`."""
    exact: bool
    """False: of several filters the one that leaves the fewest is counted, so that there may be fewer of all."""


class Suggested(Struct, frozen=True):
    tags: list[suggesting.Suggestion]
    models: list[suggesting.Suggestion]


@get("/images", operation_id="list_images", summary="List pictures", guards=[READS], responses=responses(401, 403, 422),
     dependencies={"filters": Provide(filters, sync_to_thread=False)})  # fmt: skip
async def list_images(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    links: TheLinks,
    sharing: TheSharing,
    filters: Filtered,
    sort: Annotated[Sort, QueryParameter(description="In which order.")] = "newest",
    page: Page = 1,
    limit: Limit = 20,
    cursor: Next = None,
) -> ImagePage:
    """The team's pictures. `next` is stable while new ones arrive; with it no `total` is told."""
    scope = (principal.team_id, "images", sort, *filters.asked)
    place = cursors.open_place(cursor, *scope)
    async with db.read() as connection:
        found = await library.page(
            connection,
            principal.team_id,
            filters.wanted,
            sort=sort,
            limit=limit,
            page=page,
            after=Place(*place) if place else None,
            counted=place is None,
        )
        shares = await links_of(connection, found.images, sharing)
    following = cursors.seal(found.next.id, *scope, key=found.next.key) if found.next else None
    return wire.page(found.images, links, shares, found.count, limit=limit, page=page, following=following)


@get("/images/trash", operation_id="list_trash", summary="List the trash, the last deleted first", guards=[READS],
     responses=responses(401, 403, 422))  # fmt: skip
async def list_trash(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    links: TheLinks,
    sharing: TheSharing,
    page: Page = 1,
    limit: Limit = 20,
    cursor: Next = None,
) -> ImagePage:
    """What was deleted and can be restored. Its addresses live an hour."""
    scope = (principal.team_id, "trash")
    place = cursors.open_place(cursor, *scope)
    async with db.read() as connection:
        found = await library.trash(
            connection, principal.team_id, limit=limit, page=page, after=Place(*place) if place else None
        )
        count = None if place else await library.count_trash(connection, principal.team_id)
        shares = await links_of(connection, found.images, sharing)
    following = cursors.seal(found.next.id, *scope, key=found.next.key) if found.next else None
    return wire.page(found.images, links, shares, count, limit=limit, page=page, following=following)


@get("/images/timeline", operation_id="get_timeline", summary="Count pictures by day", guards=[READS],
     responses=responses(401, 403, 422), dependencies={"filters": Provide(filters, sync_to_thread=False)})  # fmt: skip
async def get_timeline(
    principal: Asker,
    db: Db,
    filters: Filtered,
    limit: Annotated[int, QueryParameter(ge=1, le=LONGEST_TIMELINE, description="How many days at most.")] = 1_000,
) -> Timeline:
    """How many of the pictures that a list would show were made on each day, to jump there by `to`. Words are not counted."""
    async with db.read() as connection:
        found = await timeline.days(connection, principal.team_id, filters.wanted, limit=limit)
    return Timeline([TimelineDay(day, number) for day, number in found.days], found.exact)


@get("/images/suggest", operation_id="suggest_filters", summary="Suggest tags and models", guards=[READS],
     responses=responses(401, 403, 422))  # fmt: skip
async def suggest_filters(
    principal: Asker,
    db: Db,
    q: Annotated[str, QueryParameter(max_length=200, description="How it begins; empty for those of most pictures.")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=50, description="How many of each at most.")] = 10,
) -> Suggested:
    """Tags and models that begin so, those of most pictures first, with how many these are."""
    async with db.read() as connection:
        tags = await suggesting.suggest(connection, principal.team_id, "tag", q, limit=limit)
        models = await suggesting.suggest(connection, principal.team_id, "model", q, limit=limit)
    return Suggested(tags, models)


def listing_router() -> Router:
    lists = [list_images, list_trash, get_timeline, suggest_filters]
    return Router("/v1", route_handlers=lists, security=SECURITY, tags=["Gallery"])
