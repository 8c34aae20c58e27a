"""What a key chose for an API whose clients set options beforehand, such as A1111's; one key's choice is no other's."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.permissions import Principal
from gateway.accounts.tables import key_options
from gateway.db import Database, now, of_team, upsert

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def owner(principal: Principal) -> str:
    """Whose they are: the key's, or in a session of the web pages the user's."""
    return principal.key_id or principal.user_id


async def get(db: Database, principal: Principal, surface: str) -> dict[str, Any]:
    """By the names that the API has for them; only what was chosen."""
    async with db.read() as connection:
        return await _read(connection, principal, surface)


async def change(db: Database, principal: Principal, surface: str, chosen: dict[str, Any]) -> None:
    """What is not named stays as it is; None takes a choice back."""
    async with db.write() as connection:
        together = {**await _read(connection, principal, surface), **chosen}
        kept = {name: value for name, value in together.items() if value is not None}
        row = {
            "team_id": principal.team_id,
            "owner": owner(principal),
            "surface": surface,
            "chosen": msgspec.json.encode(kept).decode(),
            "updated_at": now(),
        }
        await upsert(connection, key_options, row)


async def hand_on(connection: AsyncConnection, team_id: str, before: str, after: str) -> None:
    """A key took another's place: it goes on with what that chose."""
    query = of_team(select(key_options), team_id, key_options).where(key_options.c.owner == before)
    rows = [{**row._mapping, "owner": after} for row in await connection.execute(query)]
    if rows:
        await upsert(connection, key_options, rows)


async def _read(connection: AsyncConnection, principal: Principal, surface: str) -> dict[str, Any]:
    query = of_team(select(key_options.c.chosen), principal.team_id, key_options).where(
        key_options.c.owner == owner(principal), key_options.c.surface == surface
    )
    found = (await connection.execute(query)).scalar_one_or_none()
    return _decode(found) if found else {}
