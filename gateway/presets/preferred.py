"""The model that a team prefers: taken where neither the request nor its preset names one."""

from __future__ import annotations

from sqlalchemy import delete, select

from gateway.accounts import Principal, audit
from gateway.db import Database, now, of_team, upsert
from gateway.presets.tables import team_models


async def get(db: Database, principal: Principal) -> str | None:
    """A model's id or alias; None where the team leaves the choice to us."""
    async with db.read() as connection:
        query = of_team(select(team_models.c.model), principal.team_id, team_models)
        return (await connection.execute(query)).scalar_one_or_none()


async def put(db: Database, principal: Principal, model: str | None) -> None:
    """None leaves the choice to us again. Raises Forbidden for all but those who manage the team."""
    principal.require_owner()
    async with db.write() as connection:
        if model is None:
            await connection.execute(of_team(delete(team_models), principal.team_id, team_models))
        else:
            await upsert(connection, team_models, {"team_id": principal.team_id, "model": model, "updated_at": now()})
        await audit.record(connection, principal, "team.default_model", principal.team_id, {"model": model})
