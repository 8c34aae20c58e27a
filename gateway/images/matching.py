"""What the words' index is asked, as each database writes it: FTS5's MATCH, PostgreSQL's tsquery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, literal, not_, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from gateway.images.tokens import Term


class Match(FunctionElement[bool]):
    """Whether a row of image_words has all terms: (FTS5's query, PostgreSQL's query).

    It has no SQL type: of a Boolean one SQLAlchemy would ask SQLite whether it `= 1`, and FTS5 cannot answer that.
    """

    inherit_cache = True


class Position(FunctionElement[int]):
    """Where the second text begins in the first, from 1; 0: nowhere."""

    type = Integer()
    inherit_cache = True


class Place(FunctionElement[int]):
    """A row's number, to sort by."""

    type = BigInteger()
    inherit_cache = True


class PlaceOfFew(Place):
    """The same of few rows, which are sorted: the database does not walk all of them backwards in hope of those few."""

    inherit_cache = True


def match(asked: Sequence[Term], either: Sequence[Term], unasked: Sequence[Sequence[Term]]) -> ColumnElement[bool]:
    """All of `asked`, one of `either` where there are any, and of each of `unasked` not all."""
    return Match(literal(_fts5(asked, either, unasked)), literal(tsquery(asked, either, unasked)))


def held(
    tokens: ColumnElement[str], asked: Sequence[Term], either: Sequence[Term], unasked: Sequence[Sequence[Term]]
) -> ColumnElement[bool]:
    """The same of one row, by its tokens alone: no index is asked, and the words are not taken apart."""
    padded = " " + tokens + " "

    def has(term: Term) -> ColumnElement[bool]:
        return Position(padded, literal(f" {term.text}{'' if term.is_beginning else ' '}")) > 0

    any_of = [or_(*map(has, either))] if either else []
    return and_(true(), *map(has, asked), *any_of, *(not_(and_(*map(has, each))) for each in unasked if each))


@compiles(Match, "sqlite")
def _with_fts5(element: Match, compiler: Any, **options: Any) -> str:
    query, _ = element.clauses
    return f"image_words MATCH {compiler.process(query, **options)}"


@compiles(Match, "postgresql")
def _with_tsvector(element: Match, compiler: Any, **options: Any) -> str:
    _, query = element.clauses
    return f"image_words.words @@ CAST({compiler.process(query, **options)} AS tsquery)"


@compiles(Position, "sqlite")
def _with_instr(element: Position, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(Position, "postgresql")
def _with_strpos(element: Position, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(Place)
def _place(_element: Place, _compiler: Any, **_options: Any) -> str:
    return "image_words.rowid"


@compiles(PlaceOfFew)
def _place_of_few(_element: PlaceOfFew, _compiler: Any, **_options: Any) -> str:
    return "(image_words.rowid + 0)"


def _fts5(asked: Sequence[Term], either: Sequence[Term], unasked: Sequence[Sequence[Term]]) -> str:
    def said(term: Term) -> str:
        if term.words:
            words = " OR ".join(f'"{word}"' for word in term.words)
            return f"({words})"
        return f'"{term.text}"{"*" if term.is_beginning else ""}'

    parts = [*map(said, asked), *([f"({' OR '.join(map(said, either))})"] if either else [])]
    nots = [f"({' AND '.join(map(said, each))})" for each in unasked if each]
    whole = " AND ".join(parts)
    return f"({whole}) NOT ({' OR '.join(nots)})" if nots else whole


def tsquery(asked: Sequence[Term], either: Sequence[Term], unasked: Sequence[Sequence[Term]]) -> str:
    """As PostgreSQL reads it; no token has a quote or a backslash."""

    def said(term: Term) -> str:
        return f"'{term.text}'{':*' if term.is_beginning else ''}"

    parts = [*map(said, asked), *([f"({' | '.join(map(said, either))})"] if either else [])]
    return " & ".join([*parts, *(f"!({' & '.join(map(said, each))})" for each in unasked if each)])
