"""The gallery's full-text search: FTS5 on SQLite, a tsvector on PostgreSQL, over the same tokens.

An image's texts are indexed in the transaction that adds or changes it. The team is a token too, so that a search reads
nothing of other teams.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import count
from secrets import randbelow
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Exists,
    Select,
    String,
    column,
    delete,
    exists,
    false,
    func,
    select,
    table,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, first_id_at, insert_ignore, of_team
from gateway.errors import StorageUnavailable
from gateway.images.image import Facet, Kind, from_row, searched, texts
from gateway.images.matching import Place, PlaceOfFew, match, tsquery
from gateway.images.tables import SHOWN, image_texts, images
from gateway.images.tokens import Term, terms, tokens
from gateway.images.wanted import Wanted

log = logging.getLogger(__name__)

_TEAM = "\ue000"
"""Before a team's id: a private character, which no text's token can hold."""
_FACET: dict[Kind, str] = {"favorite": "\ue001", "upload": "\ue002", "model": "\ue003", "tag": "\ue004", "seed": "\ue005"}
"""Before a hash of the model or tag, so that a search for words and for those reads no more than it finds. Kept in rows."""
_IN_ORDER = 8
"""Tries of one number after the other, before it is left to chance."""
_BATCH = 200
_AT_ONCE = 500
"""Ids of one statement."""
_words = table("image_words", column("rowid", BigInteger), column("image_id", String))
"""Of the index itself: FTS5's table, or a view of what PostgreSQL's index is over."""
_Row = TypeVar("_Row", bound=tuple[Any, ...])


async def index(connection: AsyncConnection, image_id: str, team_id: str, *texts: str, facets: Iterable[Facet] = ()) -> None:
    """Let the image be found by these texts and facets, in place of those by which it was found before."""
    kept = kept_of(team_id, *texts, facets=facets)
    again = update(image_texts).where(image_texts.c.image_id == image_id).values(tokens=kept)
    if not (await connection.execute(again)).rowcount:
        await index_new(connection, {image_id: kept})


async def index_new(connection: AsyncConnection, several: Mapping[str, str]) -> None:
    """Let images be found that were not yet: by the id of each, what `kept_of` makes. One statement for hundreds.

    Images of one moment may want the same number. Then the later ones take the next, so that a few keep their order; where
    many are, one behind by chance, each time out of twice as many: one number after the other would take as many tries as
    there are images of that moment.
    """
    lacking = sorted(several)
    for tries in count():
        window = 1 << max(tries - _IN_ORDER, 0)
        rows: list[dict[str, Any]] = []
        for image_id in lacking:
            number = max(number_of(image_id) + min(tries, _IN_ORDER) + randbelow(window), rows[-1]["number"] + 1 if rows else 0)
            rows.append({"number": number, "image_id": image_id, "tokens": several[image_id]})
        if await insert_ignore(connection, image_texts, rows) == len(rows):
            return
        query = select(image_texts.c.image_id).where(image_texts.c.image_id.in_(lacking))
        there = set((await connection.execute(query)).scalars())
        lacking = [each for each in lacking if each not in there]
        if not lacking:
            return


def kept_of(team_id: str, *texts: str, facets: Iterable[Facet] = ()) -> str:
    """What the index has of an image, as it stands in its row."""
    return " ".join([_team(team_id), *(_facet(each) for each in facets if each.kind in _FACET), *tokens(*texts)])


async def forget(connection: AsyncConnection, image_ids: Sequence[str]) -> None:
    """Let no search find these images any more."""
    for start in range(0, len(image_ids), _AT_ONCE):
        part = image_ids[start : start + _AT_ONCE]
        await connection.execute(delete(image_texts).where(image_texts.c.image_id.in_(part)))


def matching(team_id: str, query: str) -> Select[tuple[str]]:
    """The ids of the team's images that have every word of `query`, or one that begins so: for `images.c.id.in_(…)`.

    A query without any word or emoji finds nothing. It reads all that is found: for a page of it take `newest_first`.
    """
    return select(_words.c.image_id).where(_found(team_id, query))


def newest_first(listed: Select[_Row], team_id: str, query: str, *, before: str | None = None) -> Select[_Row]:
    """Of a select of `images` without an order, those that `query` finds, newest first; with a limit it reads no more.

    `before` is the id of the image that the page before ended with.
    """
    listed = listed.join(_words, _words.c.image_id == images.c.id).where(_found(team_id, query))
    if before is not None:
        kept = select(image_texts.c.number).where(image_texts.c.image_id == before).scalar_subquery()
        listed = listed.where(_words.c.rowid < func.coalesce(kept, number_of(before)))
    return listed.order_by(_words.c.rowid.desc())


def chosen(
    team_id: str, wanted: Wanted, *, newest: bool = True, after: str | None = None, limit: int, offset: int = 0
) -> Select[tuple[str]]:
    """Ids of the pictures that are wanted, in their order; with a limit it reads little more than it gives.

    `after` is the id of the image that the page before ended with.
    """
    if wanted.is_common:
        return _walked(team_id, wanted, newest, after).limit(limit).offset(offset)
    query = select(_words.c.image_id).where(*_conditions(team_id, wanted, newest, after))
    if wanted.preset_id is not None:
        made = of_team(select(images.c.id), team_id, images).where(
            images.c.id == _words.c.image_id, images.c.preset_id == wanted.preset_id
        )
        query = query.where(exists(made))
    place = PlaceOfFew() if wanted.is_common is False else Place()
    order = place.desc() if newest else place
    return query.order_by(order).limit(limit).offset(offset)


def _walked(team_id: str, wanted: Wanted, newest: bool, after: str | None) -> Select[tuple[str]]:
    """The same by the team's pictures in their order, each looked at, until there are enough."""
    identity = images.c.id
    # A count of one or none: of anything else PostgreSQL might make a join, and read all that there is for it.
    found = select(func.count()).select_from(_words).where(_words.c.image_id == identity, _matches(team_id, wanted))
    query = of_team(select(identity), team_id, images).where(SHOWN, found.correlate(images).scalar_subquery() > 0)
    if wanted.preset_id is not None:
        query = query.where(images.c.preset_id == wanted.preset_id)
    if wanted.since is not None:
        query = query.where(identity >= first_id_at(wanted.since))
    if wanted.until is not None:
        query = query.where(identity < first_id_at(wanted.until + 1000))
    if after is not None:
        query = query.where(identity < after if newest else identity > after)
    return query.order_by(identity.desc() if newest else identity)


def sought(team_id: str, wanted: Wanted) -> str:
    """What PostgreSQL's index is asked."""
    return tsquery(*_parts(team_id, wanted))


def having(team_id: str, wanted: Wanted) -> Exists:
    """Whether the words' index finds the row of `images` that a list comes by."""
    pair = select(_words.c.rowid).join(image_texts, image_texts.c.number == _words.c.rowid)
    return exists(pair.where(image_texts.c.image_id == images.c.id, _matches(team_id, wanted)).correlate(images))


async def catch_up(db: Database) -> None:
    """Index the images from before there was a search, newest first. What stops it is logged; the next start goes on."""
    before = "~"  # which no id comes after
    lacking = ~exists().where(image_texts.c.image_id == images.c.id)
    query = across_teams(select(images.c.id)).where(SHOWN, lacking).order_by(images.c.id.desc()).limit(_BATCH)
    try:
        while ids := await _ids(db, query.where(images.c.id < before)):
            await _index_again(db, ids)
            before = ids[-1]
    except StorageUnavailable as error:
        log.warning("older images are not all found by the search yet: %s", error.message)


async def _ids(db: Database, query: Select[tuple[str]]) -> list[str]:
    async with db.read() as connection:
        return list((await connection.execute(query)).scalars())


async def _index_again(db: Database, ids: list[str]) -> None:
    async with db.write() as connection:
        rows = (await connection.execute(across_teams(select(images)).where(SHOWN, images.c.id.in_(ids)))).fetchall()
        for image in map(from_row, rows):
            await index(connection, image.id, image.team_id, *texts(image), facets=searched(image))


def _conditions(team_id: str, wanted: Wanted, newest: bool, after: str | None) -> Iterator[ColumnElement[bool]]:
    yield _matches(team_id, wanted)
    if wanted.since is not None:
        yield _words.c.rowid >= _first_number(wanted.since)
    if wanted.until is not None:
        yield _words.c.rowid < _first_number(wanted.until + 1000)
    if after is not None:
        kept = select(image_texts.c.number).where(image_texts.c.image_id == after).scalar_subquery()
        place = func.coalesce(kept, number_of(after))
        yield _words.c.rowid < place if newest else _words.c.rowid > place


def _matches(team_id: str, wanted: Wanted) -> ColumnElement[bool]:
    if wanted.impossible:
        return false()
    return match(*_parts(team_id, wanted), one_by_one=wanted.is_common is True)


def _parts(team_id: str, wanted: Wanted) -> tuple[list[Term], list[Term], list[Sequence[Term]]]:
    """What all must be there, what of some one must, and what must not all be there."""
    models = () if wanted.model is not None else sorted(wanted.models or ())
    asked = [*(wanted.terms or ()), Term(_team(team_id), False), *(Term(_facet(each), False) for each in wanted.facets)]
    either = [Term(_facet(Facet("model", model)), False) for model in models]
    return asked, either, [*wanted.without, *((Term(_facet(each), False),) for each in wanted.without_facets)]


def _found(team_id: str, query: str) -> ColumnElement[bool]:
    return _matches(team_id, Wanted(terms=tuple(terms(query))))


def _team(team_id: str) -> str:
    return _TEAM + team_id.replace("-", "")


def _facet(facet: Facet) -> str:
    """Letters and digits alone after the private character: what a model or a tag is called may have any."""
    return _FACET[facet.kind] + blake2b(facet.key.encode(), digest_size=10).hexdigest()


def number_of(image_id: str) -> int:
    """A UUIDv7's first 63 bits without its version and variant: they order images as their ids do, but for the last bits."""
    whole = UUID(image_id).int
    milliseconds, fraction, more = whole >> 80, whole >> 64 & 0xFFF, whole >> 59 & 0b111
    return milliseconds << 15 | fraction << 3 | more


def _first_number(moment: int) -> int:
    """Of an image of that millisecond; `moment` in microseconds since the epoch."""
    return max(moment // 1000, 0) << 15
