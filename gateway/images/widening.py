"""What is found out before the words' index is asked, so that it reads little more than it gives.

FTS5 reads a word's postings newest first and only as far as it must; but of a beginning it reads all that there are,
unless it is so short that it has postings of its own. So the words that begin so are asked for, where they are few. And
backwards it reads a page of postings to look one picture up, forwards hardly anything: a few hits, each of which must be
looked up among a million of the team's, are all read forwards, and sorted.

PostgreSQL's GIN knows no order: it reads everything that is found. Of what is common that is far more than walking the
newest pictures that the other filters leave until enough have been met; of what is rare that walk would never end. And of a
beginning it reads all postings, and looks each hit up in the team's own, which may be all that there are: what is far more
common than the rarest word is asked of what that finds. Its statistics tell all of this.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Select, TextClause, column, select, table, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.images import search
from gateway.images.matching import tsquery
from gateway.images.tokens import Term
from gateway.images.wanted import Wanted

SHORT = 3
"""Characters; such beginnings have postings of their own (`prefix` of FTS5's table)."""
MOST_WORDS = 100
"""That are asked for instead of their beginning: each takes some microseconds. More of them are rare ones, mostly."""
PAGE = 21
"""Pictures that a walk looks for, about."""
SHORT_RANGE = 200
"""Pictures that are looked at one by one, however few of them have the words: the index reads all beginnings of all teams."""
FEW = 64
"""Hits that are all read and sorted, rather than the newest of them backwards, which takes three times as long for each."""
_known = table("image_words_known", column("word"), column("seen"))
"""Of SQLite alone: the words that some picture has or had, and how many did, up to a little more than a few."""
MORE = 100
"""Times as common as the rarest: to read so many postings takes longer than to look at the few rows."""
_COMPARED = 4
"""Words and tags, at most."""
_WORDS = "SELECT 1 FROM image_words WHERE words @@ CAST(:words{} AS tsquery)"
_TAG = "SELECT 1 FROM image_tags WHERE team_id = :team AND tag = :tag{}"
_SHOWN = "SELECT 1 FROM images WHERE team_id = :team AND deleted_at IS NULL AND unsaved_at IS NULL"


async def widened(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Wanted:
    """The same pictures, asked for in the way that is cheaper now."""
    if not wanted.needs_words or wanted.impossible:
        return wanted
    if connection.dialect.name == "sqlite":
        return await _with_words(connection, wanted)
    return await _with_statistics(connection, team_id, wanted)


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
        way="few" if any(sum(words.values()) <= FEW for words in all_known.values()) else "in order",
    )


def _begin_so(term: Term) -> Select[Any]:
    words = select(_known).where(_known.c.word >= term.text, _known.c.word < term.text + "\U0010ffff")
    return select(words.limit(MOST_WORDS + 1).subquery())


async def _with_statistics(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Wanted:
    tags = () if wanted.preset_id is not None else wanted.folded_tags[:_COMPARED]
    common = [search.of_all(team_id), *(wanted.terms or ())[:_COMPARED]]
    found, *expected = await _estimated(connection, team_id, wanted, common, tags)
    of_each, ranges = expected[: len(common)], expected[len(common) :] or expected[:1]
    if tags:
        rarest_first = [tag for _, tag in sorted(zip(ranges, tags, strict=True))]
        wanted = msgspec.structs.replace(wanted, tags=(*rarest_first, *wanted.folded_tags[_COMPARED:]))
    # A row of the walk takes about as long as one of the index (measured).
    if min(ranges) <= SHORT_RANGE or found > math.sqrt(PAGE * min(ranges)):
        return msgspec.structs.replace(wanted, way="one by one")
    looked_at = [term for term, rows in zip(common, of_each, strict=True) if rows > MORE * min(of_each)]
    return msgspec.structs.replace(wanted, way="few", looked_at=tuple(looked_at))


async def _estimated(
    connection: AsyncConnection, team_id: str, wanted: Wanted, common: Sequence[Term], tags: Sequence[str]
) -> list[float]:
    """How many pictures PostgreSQL expects: of all words, of each of `common`, and in each range that could be walked."""
    narrowing: dict[str, Any] = {"model": wanted.model, "is_favorite": wanted.favorite}
    narrowing = {name: value for name, value in narrowing.items() if value is not None}
    asked = {"words": search.sought(team_id, wanted), **{f"words{n}": tsquery([each], (), ()) for n, each in enumerate(common)}}
    if tags or narrowing:
        asked |= {"team": team_id, **narrowing, **{f"tag{place}": tag for place, tag in enumerate(tags)}}
    told = (await connection.execute(_explained(len(common), len(tags), tuple(narrowing)), asked)).scalar_one()
    # An Append of the parts, for our connections' statements are never shared out among workers (`gateway.db.postgresql`).
    (plan,) = json.loads(told) if isinstance(told, str) else told
    return [each["Plan Rows"] for each in plan["Plan"]["Plans"]]


@lru_cache
def _explained(common: int, tags: int, narrowing: tuple[str, ...]) -> TextClause:
    ranges = [_TAG.format(place) for place in range(tags)] or ([_SHOWN] if narrowing else [])
    narrowed = "".join(f" AND {name} = :{name}" for name in narrowing)
    words = [_WORDS.format(""), *map(_WORDS.format, range(common))]
    return text("EXPLAIN (FORMAT JSON) " + " UNION ALL ".join([*words, *(each + narrowed for each in ranges)]))
