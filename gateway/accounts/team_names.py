"""What entries of models.toml may call a team."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from gateway.accounts.tables import teams
from gateway.catalog import Catalog
from gateway.db import Database


async def team_names(db: Database, catalog: Catalog, team_id: str) -> Collection[str]:
    """Its id, and its name where any entry names teams at all."""
    if not any(entry.teams for entry in catalog.models.values()):
        return (team_id,)
    async with db.read() as connection:
        name = (await connection.execute(select(teams.c.name).where(teams.c.id == team_id))).scalar_one_or_none()
    return (team_id, name or "")
