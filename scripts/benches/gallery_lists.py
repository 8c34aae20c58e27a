"""How long the database takes for each list of a large gallery."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from benches.gallery_rows import COMMON, MODELS, RARE, Gallery
from gateway.db import Database, moment_of
from gateway.db.postgresql import connect
from gateway.images import counters, library
from gateway.images.counting import SHOWN
from gateway.images.image import Facet
from gateway.images.library import Place, Wanted
from gateway.images.tokens import terms

Ask = Callable[[AsyncConnection], Awaitable[Any]]


def asks(gallery: Gallery) -> dict[str, Ask]:
    """What the performance table names, each as a list asks for it; 21 rows, as for a page of 20."""

    def lists(wanted: Wanted, **how: Any) -> Ask:
        return lambda connection: library.page(connection, gallery.team, wanted, limit=20, **how)

    half = moment_of(gallery.middle)
    words = {word: tuple(terms(word)) for word in (COMMON, RARE, COMMON[:5])}
    rare, common = "tag 50", "tag 0"
    return {
        "newest, first page": lists(Wanted()),
        "newest, by cursor half-way down": lists(Wanted(), after=Place(gallery.middle)),
        "oldest": lists(Wanted(), sort="oldest"),
        "jump by date": lists(Wanted(until=half)),
        "favorites": lists(Wanted(favorite=True)),
        "no favorites": lists(Wanted(favorite=False)),
        "common model": lists(Wanted(model=MODELS[0])),
        "rare model": lists(Wanted(model=MODELS[-1])),
        "common tag": lists(Wanted(tags=(common,))),
        "rare tag": lists(Wanted(tags=(rare,))),
        "model + tag + favorite, common": lists(Wanted(model=MODELS[0], tags=(common,), favorite=True)),
        "model + tag + favorite, rare": lists(Wanted(model=MODELS[-1], tags=(rare,), favorite=True)),
        "model + tag + favorite, rare model and common tag": lists(Wanted(model=MODELS[-1], tags=(common,), favorite=True)),
        "model + tag + favorite by cursor": lists(
            Wanted(model=MODELS[0], tags=(common,), favorite=True), after=Place(gallery.middle)
        ),
        "model + favorite": lists(Wanted(model=MODELS[0], favorite=True)),
        "two tags, both common": lists(Wanted(tags=(common, "tag 1"))),
        "two tags, one rare": lists(Wanted(tags=(common, rare))),
        "by title": lists(Wanted(), sort="title"),
        "favorites first": lists(Wanted(), sort="favorite"),
        "common word": lists(Wanted(terms=words[COMMON])),
        "rare word": lists(Wanted(terms=words[RARE])),
        "beginning of a common word": lists(Wanted(terms=words[COMMON[:5]])),
        "common word, by cursor": lists(Wanted(terms=words[COMMON]), after=Place(gallery.middle)),
        "common word and rare word": lists(Wanted(terms=(*words[COMMON], *words[RARE]))),
        "common word + model + favorite": lists(Wanted(terms=words[COMMON], model=MODELS[-1], favorite=True)),
        "total": lambda connection: library.count(connection, gallery.team, Wanted()),
        "total of a tag": lambda connection: library.count(connection, gallery.team, Wanted(tags=(common,))),
        "timeline": lambda connection: counters.by_day(connection, gallery.team, SHOWN, first=None, last=None, limit=100),
        "timeline of a tag": lambda connection: counters.by_day(
            connection, gallery.team, Facet("tag", common), first=None, last=None, limit=100
        ),
    }


async def timed(url: str, gallery: Gallery, times: int = 300) -> dict[str, float]:
    """Milliseconds of the database alone for each of `asks`: the best of so many times its statements run again, for
    what else the machine does only ever adds."""
    database = Database(url)
    found = {}
    for name, ask in asks(gallery).items():
        statements = await _statements(database, ask)
        found[name] = await (_sqlite_seconds if database.is_sqlite else _postgresql_seconds)(database, statements, times) * 1000
    await database.close()
    return found


async def _statements(database: Database, ask: Ask) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def see(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH", "EXPLAIN")):
            seen.append((statement, parameters))

    async with database.read() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", see)
        await ask(connection)
        event.remove(connection.sync_connection, "before_cursor_execute", see)
    return seen


async def _sqlite_seconds(database: Database, statements: list[tuple[str, Any]], times: int) -> float:
    connection = sqlite3.connect(str(database.path))
    connection.execute("PRAGMA cache_size=-65536")
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        for statement, parameters in statements:
            connection.execute(statement, parameters).fetchall()
        taken.append(time.perf_counter() - begun)
    connection.close()
    return min(taken)


async def _postgresql_seconds(database: Database, statements: list[tuple[str, Any]], times: int) -> float:
    """Without the way there and back, which is what as many empty statements take."""
    connection = await connect(database.url)
    asked = [(await connection.prepare(statement), parameters) for statement, parameters in statements]
    empty = [(await connection.prepare("SELECT"), ()) for _ in statements]
    best = {}
    for name, each in {"asked": asked, "empty": empty}.items():
        taken = []
        for _ in range(times):
            begun = time.perf_counter()
            for statement, parameters in each:
                await statement.fetch(*parameters)
            taken.append(time.perf_counter() - begun)
        best[name] = min(taken)
    await connection.close()
    return best["asked"] - best["empty"]
