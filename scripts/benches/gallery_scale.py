"""How long lists take at a thousand pictures and at a million, in the database and through HTTP.

The rows are written once for each size, which takes minutes for a million. GALLERY_ROWS asks for another number, and
GALLERY_FOLDER for a folder in which SQLite's files stay for the next time.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import insert, update

from benches import gallery_lists, gallery_rows, null_engine
from benches.figures import Figure
from benches.gallery_rows import Gallery
from benches.house import House, cpu_seconds, gateway
from gateway.accounts.tables import members, users
from gateway.db import Database

ROWS = int(os.environ.get("GALLERY_ROWS", "1000000"))
TEAMS = 1000
FEW = 1000
"""Pictures that the growth is measured from."""
HTTP_REQUESTS, HTTP_ROUNDS = 50, 20
ROOT = Path(__file__).resolve().parents[2]
PROMISED = {
    "newest, first page",
    "newest, by cursor half-way down",
    "jump by date",
    "model + tag + favorite, common",
    "model + tag + favorite, rare",
    "common word",
    "rare word",
}
"""What has a target: at most half a millisecond, and at most twice what it takes among a thousand."""


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as temporary:
        folder = Path(os.environ.get("GALLERY_FOLDER", temporary))
        found = _in_the_database("sqlite", lambda name: f"sqlite:///{_place(folder, name) / 'darkroom.db'}")
        found += _over_http(_place(folder, f"{ROWS}x1"))
    with _postgresql() as server:
        return found + _in_the_database("postgresql", server.database)


def _in_the_database(database: str, url: Callable[[str], str]) -> list[Figure]:
    few = _timed(url(f"{FEW}x1"), FEW, 1)
    found = []
    for teams in (1, TEAMS):
        for ask, milliseconds in _timed(url(f"{ROWS}x{teams}"), ROWS, teams).items():
            name = f"{database}, {ROWS:,} in {teams:,}: {ask}"
            promised = ask in PROMISED
            found.append(Figure(name, milliseconds, "ms", "<= 0.5" if promised else None, few[ask], f"among {FEW:,}"))
            if promised:
                # Under a tenth of a millisecond a ratio says more of the clock than of the index.
                growth = max(milliseconds, 0.1) / max(few[ask], 0.1)
                found.append(Figure(f"{name}: growth", growth, "", "<= 2", 1.0, f"among {FEW:,}, or 0.1 ms"))
    return found


def _timed(url: str, rows: int, teams: int) -> dict[str, float]:
    return asyncio.run(gallery_lists.timed(url, _filled(url, rows, teams)))


def _filled(url: str, rows: int, teams: int) -> Gallery:
    """Written now, or the last time."""
    note = Path(url.removeprefix("sqlite:///")).with_suffix(".json") if url.startswith("sqlite") else None
    if note and note.exists():
        return msgspec.json.decode(note.read_bytes(), type=Gallery)
    made = asyncio.run(_fill(url, rows, teams))
    if note:
        note.write_bytes(msgspec.json.encode(made))
    return made


async def _fill(url: str, rows: int, teams: int) -> Gallery:
    made = await gallery_rows.fill(url, rows, teams)
    database = Database(url)
    async with database.write() as connection:
        # So that a gateway that is started on it answers with this team's pictures.
        await connection.execute(update(users).values(is_admin=True))
        row = {"team_id": made.team, "user_id": gallery_rows.USER, "role": "owner", "created_at": 1}
        await connection.execute(insert(members), [row])
    await database.close()
    return made


def _over_http(folder: Path) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as plugin:
        places = [null_engine.install(Path(plugin) / "plugin"), ROOT / "scripts"]
        with gateway(null_engine.MODELS, path=places, data=folder) as house:
            house.settle()
            return [Figure(f"http, {ROWS:,}: {ask}", ms, "ms CPU", target) for ask, ms, target in _asked(house)]


def _asked(house: House) -> Iterator[tuple[str, float, str | None]]:
    newest, since, common, rare = "limit=20", "limit=20&to=2024-01-01", f"q={gallery_rows.COMMON}", f"q={gallery_rows.RARE}"
    # The total of a common word is counted, once: that has no target.
    for ask, query, target in (
        ("first page", newest, "<= 3"),
        ("next page", _behind(house, newest), "<= 3"),
        ("by cursor half-way down", _behind(house, since), "<= 3"),
        ("jump by date", since, "<= 3"),
        ("model + tag + favorite", "limit=20&model=shapes&tags[]=tag%200&favorite=true", "<= 3"),
        ("common word, with its total", common, None),
        ("common word, next page", _behind(house, common), "<= 3"),
        ("rare word", rare, "<= 3"),
    ):
        house.client.get(f"/v1/images?{query}").raise_for_status()
        rounds = []
        for _ in range(HTTP_ROUNDS):
            began = cpu_seconds(house.process)
            for _ in range(HTTP_REQUESTS):
                house.client.get(f"/v1/images?{query}")
            rounds.append(1000 * (cpu_seconds(house.process) - began) / HTTP_REQUESTS)
        # The best of them: what else the machine does only ever adds.
        yield ask, min(rounds), target


def _behind(house: House, query: str) -> str:
    """The page behind the first."""
    return f"{query}&next={quote(house.client.get(f'/v1/images?{query}').raise_for_status().json()['next'])}"


def _place(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    return place


@contextmanager
def _postgresql() -> Iterator[Any]:
    sys.path.append(str(ROOT))
    from tests.databases import postgresql

    with postgresql() as server:
        yield server
