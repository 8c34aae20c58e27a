"""Two teams' galleries to fill, and what lists of them must show by looking at every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.tables import teams, users
from gateway.db import Database, across_teams, id_at, moment_of, new_id, now
from gateway.images.image import Image, from_row
from gateway.images.library import Sort, Wanted
from gateway.images.tables import image_counts, image_days, image_tags, image_texts, images
from gateway.images.tags import folded, title_key
from gateway.images.tokens import tokens
from gateway.storage.tables import LIVE, blobs

MINE, YOURS, USER = new_id(), new_id(), new_id()
BLOB = "0" * 64
DAY = 86_400_000_000


def picture(prompt: str = "", *, at: int | None = None, **values: Any) -> Image:
    about: dict[str, Any] = {
        "id": new_id() if at is None else id_at(at), "team_id": MINE, "user_id": USER, "job_id": None, "ordinal": 0,
        "parent_id": None, "source": "generate", "blob": BLOB, "thumbnail_256": BLOB, "thumbnail_768": None, "thumbhash": "",
        "media_type": "image/png", "bytes": 1, "width": 1, "height": 1, "title": "", "model": "m", "engine": "e",
        "prompt": prompt, "negative_prompt": "", "seed": None, "parameters": {}, "created_at": now() if at is None else at,
        "deleted_at": None,
    }  # fmt: skip
    return Image(**about | values)


async def furnish(database: Database) -> None:
    async with database.write() as connection:
        rows = [{"id": team, "name": name, "created_at": now()} for team, name in ((MINE, "mine"), (YOURS, "yours"))]
        await connection.execute(insert(teams), rows)
        await connection.execute(
            insert(users), [{"id": USER, "name": "u", "email": None, "is_admin": False, "created_at": now()}]
        )
        await connection.execute(insert(blobs), [{"hash": BLOB, "bytes": 1, "state": LIVE, "touched_at": now()}])


async def every(connection: AsyncConnection) -> list[Image]:
    """All pictures, the newest first."""
    return [from_row(row) for row in await connection.execute(across_teams(select(images)).order_by(images.c.id.desc()))]


def _facets(image: Image) -> list[tuple[str, str]]:
    if image.deleted_at is not None:
        return [("trash", "")]
    if image.unsaved_at is not None:
        return []
    return [
        ("shown", ""),
        *([("upload", "")] if image.source == "upload" else []),
        *([("favorite", "")] if image.is_favorite else []),
        *([("model", image.model)] if image.model else []),
        *(("tag", folded(tag)) for tag in image.tags),
    ]


async def check_counts(connection: AsyncConnection) -> None:
    """The counters, the tags' rows and the words' index are what every row, looked at, says they are."""
    shown = await every(connection)
    counts = Counter((each.team_id, *facet) for each in shown for facet in _facets(each))
    days = Counter(
        (each.team_id, *facet, moment_of(each.id) // DAY)
        for each in shown
        for facet in _facets(each)
        if facet[0] not in ("trash", "upload")
    )
    columns = (image_counts.c.team_id, image_counts.c.kind, image_counts.c.key, image_counts.c["count"])
    assert {tuple(row[:3]): row[3] for row in await connection.execute(across_teams(select(*columns)))} == counts
    dated = (image_days.c.team_id, image_days.c.kind, image_days.c.key, image_days.c.day, image_days.c["count"])
    assert {tuple(row[:4]): row[4] for row in await connection.execute(across_teams(select(*dated)))} == days
    tagged = {
        (each.team_id, folded(tag), each.id, each.model, each.is_favorite) for each in shown if each.shown for tag in each.tags
    }
    posted = (image_tags.c.team_id, image_tags.c.tag, image_tags.c.image_id, image_tags.c.model, image_tags.c.is_favorite)
    assert {tuple(row) for row in await connection.execute(across_teams(select(*posted)))} == tagged
    found = set((await connection.execute(select(image_texts.c.image_id))).scalars())
    assert found == {each.id for each in shown if each.shown}


def expected(shown: Iterable[Image], wanted: Wanted, sort: Sort = "newest") -> list[str]:
    """The ids that a list of my team's pictures must have."""
    keys: dict[Sort, Any] = {
        "newest": lambda image: [-ord(character) for character in image.id],
        "oldest": lambda image: image.id,
        "title": lambda image: (title_key(image.title), image.id),
        "favorite": lambda image: (not image.is_favorite, [-ord(character) for character in image.id]),
    }
    fitting = [image for image in shown if image.team_id == MINE and image.shown and _fits(image, wanted)]
    return [image.id for image in sorted(fitting, key=keys[sort])]


def _fits(image: Image, wanted: Wanted) -> bool:
    words = tokens(image.title, image.prompt, *image.tags)
    tags, millisecond = {folded(tag) for tag in image.tags}, moment_of(image.id) // 1000
    return all(
        (
            wanted.model is None or image.model == wanted.model,
            wanted.models is None or image.model in wanted.models,
            wanted.favorite is None or image.is_favorite == wanted.favorite,
            wanted.seed is None or image.seed == wanted.seed,
            wanted.since is None or millisecond >= wanted.since // 1000,
            wanted.until is None or millisecond <= wanted.until // 1000,
            not wanted.made_here or image.source != "upload",
            tags >= set(map(folded, wanted.tags)),
            not tags & set(map(folded, wanted.without_tags)),
            all(any(word.startswith(term.text) for word in words) for term in wanted.terms or ()),
        )
    )
