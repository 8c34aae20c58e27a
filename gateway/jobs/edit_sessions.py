"""Edit sessions: edits that belong together, by an id that their jobs and pictures carry."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import insert_ignore, of_team
from gateway.errors import NotFound
from gateway.jobs.records import Job
from gateway.jobs.tables import edit_sessions


async def require(connection: AsyncConnection, team_id: str, session_id: str) -> None:
    """Raises NotFound for a session that is not the team's."""
    query = of_team(select(edit_sessions.c.id), team_id, edit_sessions).where(edit_sessions.c.id == session_id)
    if (await connection.execute(query)).first() is None:
        raise NotFound(f"There is no edit session {session_id}; leave it out, and a new one begins.", field="edit_session_id")


async def note(connection: AsyncConnection, job: Job) -> None:
    """In the transaction that queues `job`: its session is there from now on, if it has one."""
    kept = job.request
    if kept.edit_session_id is None:
        return
    row = {
        "id": kept.edit_session_id,
        "team_id": job.team_id,
        "user_id": job.user_id,
        "image_id": kept.pictures[0].image if kept.pictures else None,
        "created_at": job.created_at,
    }
    await insert_ignore(connection, edit_sessions, row)
