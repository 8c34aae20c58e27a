"""Which pictures a list shows, as ids in their order: by ranges of indexes, walked side by side, or by the words' index.

Every combination of model, favorite, one tag and dates is one range of an index, or a few that the database merges: it
reads what it shows and no more, however common or rare each is. More tags than one, seeds and words are for the words'
index, which skips from posting to posting; where they find nearly everything (`widening`), the range's pictures are asked
for them one by one. Titles are sorted by their own index (`by_title`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Select, column, exists, select, tuple_, union_all
from sqlalchemy import literal as given
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from gateway.db import first, first_id_at, of_team
from gateway.images import search
from gateway.images.tables import SHOWN, image_tags, images
from gateway.images.wanted import Wanted

_ID: ColumnElement[str] = column("id")
"""Of several ranges together."""
_AT_ONCE = 32
"""Models whose ranges are merged; of more, each row is looked at."""


def chosen(
    team_id: str, wanted: Wanted, *, newest: bool = True, after: str | None = None, limit: int, offset: int = 0
) -> Select[Any]:
    """Ids of what is wanted, the newest or the oldest first, behind the id `after`."""
    if wanted.begins_with_words or wanted.impossible:
        return search.chosen(team_id, wanted, newest=newest, after=after, limit=limit, offset=offset)
    ranges = list(_ranges(team_id, wanted, newest, after))
    if len(ranges) == 1:
        (query,) = ranges
        (identity,) = query.selected_columns
        return first(query.order_by(identity.desc() if newest else identity), limit, offset)
    order = _ID.desc() if newest else _ID
    merged = [_joined(each, order, limit, offset) for each in (ranges, [_cut(each, newest, limit, offset) for each in ranges])]
    return of_team(select(images.c.id), team_id, images).where(_InEither(*(images.c.id.in_(each) for each in merged)))


def some(team_id: str, wanted: Wanted, limit: int) -> Select[Any]:
    """Ids of what is wanted, so many at most, in no order."""
    if wanted.begins_with_words or wanted.impossible:
        return search.chosen(team_id, wanted, limit=limit)
    ranges = list(_ranges(team_id, wanted, True, None))
    if len(ranges) == 1:
        return first(ranges[0], limit)
    whole = first(union_all(*(_cut(each, None, limit) for each in ranges)), limit).subquery()
    return select(whole.c[0])


class _InEither(FunctionElement[bool]):
    """Whether the image is one of several ranges' first ones together: (how SQLite merges them, how PostgreSQL does).

    SQLite walks ranges side by side that have an order together and none of their own. PostgreSQL plans each by itself, and
    must be told for each that it needs the first ones only. It has no SQL type, or SQLite would be asked whether it `= 1`.
    """

    inherit_cache = True


@compiles(_InEither, "sqlite")
def _side_by_side(element: _InEither, compiler: Any, **options: Any) -> str:
    merged, _ = element.clauses
    return str(compiler.process(merged, **options))


@compiles(_InEither, "postgresql")
def _one_by_one(element: _InEither, compiler: Any, **options: Any) -> str:
    _, merged = element.clauses
    return str(compiler.process(merged, **options))


def _joined(ranges: Sequence[Select[Any]], order: ColumnElement[Any], limit: int, offset: int) -> Select[Any]:
    whole = first(union_all(*ranges).order_by(order), limit, offset).subquery()
    return select(whole.c[0])


def _cut(query: Select[Any], newest: bool | None, limit: int, offset: int = 0) -> Select[Any]:
    """The first of a range, of which some may be passed over; None: any."""
    (identity,) = query.selected_columns
    ordered = query if newest is None else query.order_by(identity.desc() if newest else identity)
    several = ordered.limit(limit + offset) if offset else first(ordered, limit)
    return select(several.subquery().c[0].label("id"))


def by_title(
    team_id: str, wanted: Wanted, *, after: tuple[str, str] | None, limit: int, offset: int, among: Select[Any] | None
) -> Select[Any]:
    """Ids by their titles, behind (title_key, id). Of `among` where it is given: then these are read and sorted."""
    query = of_team(select(images.c.id), team_id, images).where(SHOWN)
    query = query.where(*_conditions(team_id, wanted)) if among is None else query.where(images.c.id.in_(among))
    if after is not None:
        query = query.where(tuple_(images.c.title_key, images.c.id) > tuple_(*map(given, after)))
    return first(query.order_by(images.c.title_key, images.c.id), limit, offset)


def _ranges(team_id: str, wanted: Wanted, newest: bool, after: str | None) -> Iterator[Select[Any]]:
    by_tag = bool(wanted.tags) and wanted.preset_id is None
    table, identity = (image_tags, image_tags.c.image_id) if by_tag else (images, images.c.id)
    query = of_team(select(identity.label("id")), team_id, table).where(*_bounds(identity, wanted, newest, after))
    if wanted.needs_words:
        query = query.where(search.holds(wanted, identity))
    if by_tag:
        query = query.where(image_tags.c.tag == wanted.folded_tags[0])
    else:
        query = query.where(SHOWN)
        if wanted.preset_id is not None:
            query = query.where(images.c.preset_id == wanted.preset_id)
        if wanted.made_here:
            query = query.where(images.c.source != "upload")
    models: list[str | None] = [None] if wanted.any_model is None else [*sorted(wanted.any_model)]
    if len(models) > _AT_ONCE:
        query, models = query.where(table.c.model.in_(models)), [None]
    split = by_tag or models != [None]
    favorites = [wanted.favorite] if wanted.favorite is not None or not split else [False, True]
    for model, favorite in product(models, favorites):
        conditions = [] if model is None else [table.c.model == model]
        if favorite is not None:
            conditions.append(table.c.is_favorite == favorite)
        yield query.where(*conditions)


def _bounds(
    identity: ColumnElement[str], wanted: Wanted, newest: bool = True, after: str | None = None
) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield identity >= first_id_at(wanted.since)
    if wanted.until is not None:
        yield identity < first_id_at(wanted.until + 1000)
    if after is not None:
        yield identity < after if newest else identity > after


def _conditions(team_id: str, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """Each for a row of `images` by itself."""
    yield from _bounds(images.c.id, wanted)
    if wanted.any_model is not None:
        yield images.c.model.in_(sorted(wanted.any_model))
    if wanted.favorite is not None:
        yield images.c.is_favorite == wanted.favorite
    if wanted.preset_id is not None:
        yield images.c.preset_id == wanted.preset_id
    if wanted.made_here:
        yield images.c.source != "upload"
    if wanted.needs_words or wanted.impossible:
        yield search.holds(wanted, images.c.id)
    else:
        for tag in wanted.folded_tags:
            tagged = of_team(select(image_tags.c.image_id), team_id, image_tags).where(image_tags.c.tag == tag)
            yield exists(tagged.where(image_tags.c.image_id == images.c.id, image_tags.c.is_favorite == images.c.is_favorite))
