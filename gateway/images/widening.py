"""What is found out before the words' index is asked, so that it reads little more than it gives.

FTS5 reads a word's postings newest first and only as far as it must; but of a beginning it reads all that there are,
unless it is so short that it has postings of its own. So the words that begin so are asked for, where they are few. And
backwards it reads a page of postings to look one picture up, forwards hardly anything: a few hits, each of which must be
looked up among a million of the team's, are all read forwards, and sorted.

PostgreSQL's GIN knows no order: it reads everything that is found. Of what is common that is far more than walking the
team's newest pictures until enough have been met; of what is rare that walk would never end. Its statistics tell which it is.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
from sqlalchemy import Select, column, select, table, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.images import search
from gateway.images.tokens import Term
from gateway.images.wanted import Wanted

SHORT = 3
"""Characters; such beginnings have postings of their own (`prefix` of FTS5's table)."""
MOST_WORDS = 100
"""That are asked for instead of their beginning: each takes some microseconds. More of them are rare ones, mostly."""
PAGE = 21
"""Pictures that a walk looks for, about."""
DEARER = 2.5
"""Times that a row of the walk costs what one of the index does: its words are taken apart anew (measured)."""
FEW = 64
"""Hits that are all read and sorted, rather than the newest of them backwards, which takes three times as long for each."""
_known = table("image_words_known", column("word"), column("seen"))
"""Of SQLite alone: the words that some picture has or had, and how many did, up to a little more than a few."""

_EXPLAIN = text(
    "EXPLAIN (FORMAT JSON) SELECT 1 FROM image_words WHERE words @@ CAST(:query AS tsquery) UNION ALL"
    " SELECT 1 FROM images WHERE team_id = :team AND deleted_at IS NULL AND unsaved_at IS NULL"
)


async def widened(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Wanted:
    """The same pictures, asked for in the way that is cheaper now."""
    if not wanted.needs_words or wanted.impossible:
        return wanted
    if connection.dialect.name == "sqlite":
        return await _with_words(connection, wanted)
    found, of = await _estimated(connection, team_id, search.sought(team_id, wanted))
    return msgspec.structs.replace(wanted, is_common=found > math.sqrt(PAGE * of * DEARER))


async def _with_words(connection: AsyncConnection, wanted: Wanted) -> Wanted:
    begun = [term for term in wanted.terms or () if term.is_beginning and len(term.text) > SHORT]
    if not begun:
        return wanted
    found = (await connection.execute(union_all(*map(_begin_so, begun)))).tuples().all()
    known = {term: {word: seen for word, seen in found if word.startswith(term.text)} for term in begun}
    all_known = {term: words for term, words in known.items() if len(words) <= MOST_WORDS}
    return msgspec.structs.replace(
        wanted,
        terms=tuple(msgspec.structs.replace(term, words=tuple(all_known.get(term, ()))) for term in wanted.terms or ()),
        is_common=False if any(sum(words.values()) <= FEW for words in all_known.values()) else None,
    )


def _begin_so(term: Term) -> Select[Any]:
    words = select(_known).where(_known.c.word >= term.text, _known.c.word < term.text + "\U0010ffff")
    return select(words.limit(MOST_WORDS + 1).subquery())


async def _estimated(connection: AsyncConnection, team_id: str, query: str) -> tuple[float, float]:
    """How many pictures PostgreSQL expects of a query, and of the team."""
    told = (await connection.execute(_EXPLAIN, {"query": query, "team": team_id})).scalar_one()
    (plan,) = json.loads(told) if isinstance(told, str) else told
    found, of = (each["Plan Rows"] for each in plan["Plan"]["Plans"])
    return found, of
