"""Galleries of a million rows, the same from the same seed, written past the gateway as the gateway would write them."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import insert

from gateway.accounts.tables import teams, users
from gateway.db import Database, moment_of
from gateway.db.migrations import migrate
from gateway.db.postgresql import connect
from gateway.images.image import DAY, Image, facets, searched, texts
from gateway.images.search import kept_of, number_of
from gateway.images.tags import title_key
from gateway.storage.tables import LIVE, blobs

SEED = 4
FIRST, LAST = 1_640_995_200_000, 1_767_225_600_000
"""Milliseconds: the pictures are from 2022 to 2025."""
COMMON, RARE = "portrait", "zeppelin"
MODELS = ["shapes", "flux", "sdxl", "gpt-image", "qwen", "sd15", "lumina", "pixart"]
_BATCH = 5_000
_BLOB = "0" * 64
USER = "01900000-0000-7000-8000-000000000000"


class Gallery(NamedTuple):
    team: str
    """The first one: what is asked is asked of it."""
    middle: str
    """The id of the picture half-way down its list."""
    images: int


def pictures(number: int, several: int, seed: int = SEED) -> Iterator[Image]:
    """In the order of their ids, so many in each team in turn."""
    chance = random.Random(seed)
    words = [f"w{place}x" for place in range(20_000)]
    tags = [f"tag {place}" for place in range(60)]
    of_model = list(accumulate(1 / (place + 1) ** 2 for place in range(len(MODELS))))
    of_word = list(accumulate(1 / (place + 1) for place in range(len(words))))
    of_tag = list(accumulate(1 / (place + 1) for place in range(len(tags))))
    for place in range(number):
        moment = FIRST + (LAST - FIRST) * place // number
        # Apart by their last bits, whatever is drawn.
        drawn = f"7{chance.getrandbits(12):03x}8{place:07x}{chance.getrandbits(32):08x}"
        digits = f"{moment:012x}{drawn}"
        said = chance.choices(words, cum_weights=of_word, k=10)
        if chance.random() < 0.5:
            said[3] = COMMON
        # As many in every gallery, however large it is; and of a thousand teams each has some.
        if place % max(number // 20, 1) == 7 or (several > 1 and place // several % 100 == 7):
            said[5] = RARE
        model = chance.choices(MODELS, cum_weights=of_model)[0]
        yield Image(
            id=f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}",
            team_id=team(place % several), user_id=USER, job_id=None, ordinal=0, parent_id=None, source="generate",
            blob=_BLOB, thumbnail_256=_BLOB, thumbnail_768=None, thumbhash="YJqGPQw7sFlslqhFafSE+Q6oJ1h2iHB2Rw",
            media_type="image/png", bytes=1_400_000, width=1024, height=1024,
            title=" ".join(said[:2]) if chance.random() < 0.2 else "", model=model, engine="fake",
            prompt=" ".join(said), negative_prompt="", seed=chance.getrandbits(32),
            parameters={"steps": 28, "guidance_scale": 3.5, "made": {"width": 1024, "height": 1024}},
            created_at=moment * 1000, deleted_at=None, is_favorite=chance.random() < 0.02,
            tags=list(dict.fromkeys(chance.choices(tags, cum_weights=of_tag, k=chance.randrange(4)))),
        )  # fmt: skip


def team(place: int) -> str:
    return f"01900000-0000-7000-8000-{place + 1:012x}"


async def fill(url: str, number: int, several: int = 1, seed: int = SEED) -> Gallery:
    """Bring an empty database's schema up and write so many pictures into so many teams."""
    database = Database(url)
    await migrate(database)
    async with database.write() as connection:
        await connection.execute(
            insert(teams), [{"id": team(each), "name": f"team {each}", "created_at": 1} for each in range(several)]
        )
        await connection.execute(insert(users), [{"id": USER, "name": "u", "email": None, "is_admin": False, "created_at": 1}])
        await connection.execute(insert(blobs), [{"hash": _BLOB, "bytes": 1, "state": LIVE, "touched_at": 1}])
    await database.close()
    written = await (_into_sqlite if database.is_sqlite else _into_postgresql)(database, pictures(number, several, seed))
    return Gallery(team(0), written[len(written) // 2], number)


class _Rows:
    """Tables of a batch, and what they add up to."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str, str]] = Counter()
        self.days: Counter[tuple[str, str, str, int]] = Counter()
        self.mine: list[str] = []

    def of(self, several: Sequence[Image]) -> dict[str, list[tuple[Any, ...]]]:
        fields = [name for name in Image.__struct_fields__ if name not in ("tags", "parameters")]
        rows: dict[str, list[tuple[Any, ...]]] = {"images": [], "image_tags": [], "image_texts": []}
        for each in several:
            values = [getattr(each, name) for name in fields]
            json_values = [json.dumps(each.tags), json.dumps(each.parameters), title_key(each.title)]
            rows["images"].append((*values, *json_values))
            rows["image_tags"] += [(each.team_id, tag, each.is_favorite, each.id, each.model) for tag in each.tags]
            kept = kept_of(each.team_id, *texts(each), facets=searched(each))
            rows["image_texts"].append((number_of(each.id) + len(rows["image_texts"]), each.id, kept))
            for facet, label in facets(each):
                self.counts[each.team_id, facet.kind, facet.key, label] += 1
                self.days[each.team_id, facet.kind, facet.key, moment_of(each.id) // DAY] += 1
            if each.team_id == team(0):
                self.mine.append(each.id)
        return rows

    def totals(self) -> dict[str, list[tuple[Any, ...]]]:
        counts = [(*key, count) for key, count in self.counts.items()]
        return {"image_counts": counts, "image_days": [(*key, count) for key, count in self.days.items()]}


COLUMNS = {
    "images": [
        *(name for name in Image.__struct_fields__ if name not in ("tags", "parameters")),
        "tags",
        "parameters",
        "title_key",
    ],
    "image_tags": ["team_id", "tag", "is_favorite", "image_id", "model"],
    "image_texts": ["number", "image_id", "tokens"],
    "image_counts": ["team_id", "kind", "key", "label", "count"],
    "image_days": ["team_id", "kind", "key", "day", "count"],
}


def _batches(made: Iterator[Image]) -> Iterator[list[Image]]:
    batch: list[Image] = []
    for each in made:
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


async def _into_sqlite(database: Database, made: Iterator[Image]) -> list[str]:
    rows = _Rows()
    connection = sqlite3.connect(str(database.path))
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")

    def write(several: dict[str, list[tuple[Any, ...]]]) -> None:
        with connection:
            for table, values in several.items():
                names = ", ".join(f'"{name}"' for name in COLUMNS[table])
                places = ", ".join("?" * len(COLUMNS[table]))
                connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", values)

    for batch in _batches(made):
        write(rows.of(batch))
    write(rows.totals())
    connection.close()
    return rows.mine


async def _into_postgresql(database: Database, made: Iterator[Image]) -> list[str]:
    rows = _Rows()
    connection = await connect(database.url)
    for batch in _batches(made):
        for table, values in rows.of(batch).items():
            await connection.copy_records_to_table(table, records=values, columns=COLUMNS[table])
    for table, values in rows.totals().items():
        await connection.copy_records_to_table(table, records=values, columns=COLUMNS[table])
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return rows.mine
