"""The gallery's full-text search: FTS5 on SQLite, a tsvector on PostgreSQL, over the same tokens.

An image's texts are indexed in the transaction that adds or changes it. The team is a token too, so that a search reads
nothing of other teams.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    column,
    exists,
    false,
    func,
    literal,
    select,
    table,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from gateway.db import Database, across_teams, insert_ignore
from gateway.errors import StorageUnavailable
from gateway.images.tables import image_texts, images
from gateway.images.tokens import Term, terms, tokens

log = logging.getLogger(__name__)

_TEAM = "\ue000"
"""Before a team's id: a private character, which no text's token can hold."""
_BATCH = 200
_words = table("image_words", column("rowid", BigInteger), column("image_id", String))
"""Of the index itself: FTS5's table, or a view of what PostgreSQL's index is over."""
_Row = TypeVar("_Row", bound=tuple[Any, ...])


async def index(connection: AsyncConnection, image_id: str, team_id: str, *texts: str) -> None:
    """Let the image be found by these texts, in place of those by which it was found before."""
    kept = " ".join([_team(team_id), *tokens(*texts)])
    again = update(image_texts).where(image_texts.c.image_id == image_id).values(tokens=kept)
    # Images of one moment want the same number: then the later one takes the next.
    for number in count(_number(image_id)):
        if await insert_ignore(connection, image_texts, {"number": number, "image_id": image_id, "tokens": kept}):
            return
        if (await connection.execute(again)).rowcount:
            return


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
        listed = listed.where(_words.c.rowid < func.coalesce(kept, _number(before)))
    return listed.order_by(_words.c.rowid.desc())


async def catch_up(db: Database) -> None:
    """Index the images from before there was a search, newest first. What stops it is logged; the next start goes on."""
    before = "~"  # which no id comes after
    lacking = ~exists().where(image_texts.c.image_id == images.c.id)
    query = across_teams(select(images.c.id)).where(lacking).order_by(images.c.id.desc()).limit(_BATCH)
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
    columns = (images.c.id, images.c.team_id, images.c.title, images.c.prompt)
    async with db.write() as connection:
        for row in (await connection.execute(across_teams(select(*columns)).where(images.c.id.in_(ids)))).fetchall():
            await index(connection, row.id, row.team_id, row.title, row.prompt)


def _found(team_id: str, query: str) -> ColumnElement[bool]:
    wanted = terms(query)
    if not wanted:
        return false()
    wanted.append(Term(_team(team_id), False))
    return _Found(literal(_fts5(wanted)), literal(_tsquery(wanted)))


class _Found(FunctionElement[bool]):
    """Whether a row of image_words has all terms: (FTS5's query, PostgreSQL's query).

    It has no SQL type: of a Boolean one SQLAlchemy would ask SQLite whether it `= 1`, and FTS5 cannot answer that.
    """

    inherit_cache = True


@compiles(_Found, "sqlite")
def _with_fts5(element: _Found, compiler: Any, **options: Any) -> str:
    query, _ = element.clauses
    return f"image_words MATCH {compiler.process(query, **options)}"


@compiles(_Found, "postgresql")
def _with_tsvector(element: _Found, compiler: Any, **options: Any) -> str:
    _, query = element.clauses
    return f"image_words.words @@ CAST({compiler.process(query, **options)} AS tsquery)"


def _fts5(wanted: Sequence[Term]) -> str:
    return " AND ".join(f'"{term.text}"{"*" if term.is_beginning else ""}' for term in wanted)


def _tsquery(wanted: Sequence[Term]) -> str:
    return " & ".join(f"'{term.text}'{':*' if term.is_beginning else ''}" for term in wanted)


def _team(team_id: str) -> str:
    return _TEAM + team_id.replace("-", "")


def _number(image_id: str) -> int:
    """A UUIDv7's first 63 bits without its version and variant: they order images as their ids do, but for the last bits."""
    whole = UUID(image_id).int
    milliseconds, fraction, more = whole >> 80, whole >> 64 & 0xFFF, whole >> 59 & 0b111
    return milliseconds << 15 | fraction << 3 | more
