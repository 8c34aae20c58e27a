"""The gallery's full-text search: FTS5 on SQLite, a tsvector on PostgreSQL, over the same tokens.

An image's texts are indexed in the transaction that adds or changes it. The team is a token too, so that a search reads
nothing of other teams.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import count
from secrets import randbelow
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    and_,
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

from gateway.db import first, insert_ignore, of_team
from gateway.images.image import Facet, Kind
from gateway.images.matching import Place, PlaceOfFew, held, match, tsquery
from gateway.images.tables import image_texts, images
from gateway.images.tokens import Term, tokens
from gateway.images.wanted import Wanted

_TEAM = "\ue000"
"""Before a team's id: a private character, which no text's token can hold."""
_FACET: dict[Kind, str] = {"favorite": "\ue001", "upload": "\ue002", "model": "\ue003", "tag": "\ue004", "seed": "\ue005"}
"""Before a hash of the model or tag, so that a search for words and for those reads no more than it finds. Kept in rows."""
_IN_ORDER = 8
"""Tries of one number after the other, before it is left to chance."""
_AT_ONCE = 500
"""Ids of one statement."""
_words = table("image_words", column("rowid", BigInteger), column("image_id", String), column("tokens", String))
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


def chosen(
    team_id: str, wanted: Wanted, *, newest: bool = True, after: str | None = None, limit: int, offset: int = 0
) -> Select[tuple[str]]:
    """Ids of the pictures that are wanted, in their order; with a limit it reads little more than it gives.

    `after` is the id of the image that the page before ended with.
    """
    query = select(_words.c.image_id).where(*_conditions(team_id, wanted, newest, after))
    if wanted.preset_id is not None:
        made = of_team(select(images.c.id), team_id, images).where(
            images.c.id == _words.c.image_id, images.c.preset_id == wanted.preset_id
        )
        query = query.where(exists(made))
    place = PlaceOfFew() if wanted.way == "few" else Place()
    order = place.desc() if newest else place
    return first(query.order_by(order), limit, offset)


def sought(team_id: str, wanted: Wanted) -> str:
    """What PostgreSQL's index is asked, nothing left out."""
    return tsquery(*_parts(team_id, wanted))


def holds(wanted: Wanted, identity: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the words find the picture that a list of the team's comes by, each looked at until there are enough."""
    if wanted.impossible:
        return false()
    # A count of one or none: of anything else PostgreSQL might make a join, and read all that there is for it.
    rows = select(func.count()).where(image_texts.c.image_id == identity, held(image_texts.c.tokens, *_parts(None, wanted)))
    return rows.correlate_except(image_texts).scalar_subquery() > 0


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
    asked, either, unasked = _parts(team_id, wanted)
    found = match([each for each in asked if each not in wanted.looked_at], either, unasked)
    return and_(found, held(_words.c.tokens, wanted.looked_at, (), ())) if wanted.looked_at else found


def _parts(team_id: str | None, wanted: Wanted) -> tuple[list[Term], list[Term], list[Sequence[Term]]]:
    """What all must be there, what of some one must, and what must not all be there."""
    models = () if wanted.model is not None else sorted(wanted.models or ())
    team = [of_all(team_id)] if team_id is not None else []
    asked = [*(wanted.terms or ()), *team, *(Term(_facet(each), False) for each in wanted.facets)]
    either = [Term(_facet(Facet("model", model)), False) for model in models]
    return asked, either, [*wanted.without, *((Term(_facet(each), False),) for each in wanted.without_facets)]


def of_all(team_id: str) -> Term:
    """What finds all pictures of a team."""
    return Term(_team(team_id), False)


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
