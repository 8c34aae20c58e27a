"""The audit log: who changed what, when. Rows are added and read, never changed and never taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.permissions import Principal
from gateway.accounts.tables import audit, users
from gateway.db import Database, new_id, now


class Act(Struct, frozen=True, kw_only=True):
    """One line of the log; the time is in microseconds since the epoch."""

    id: str
    created_at: int
    user_id: str
    user_name: str
    """As it is now; empty where the user is not known any more."""
    key_id: str | None
    """None: done from a session of the web pages."""
    address: str | None
    """Where the request came from; None for acts from before it was noted."""
    action: str
    """What was done to what kind of thing: `team.create`, `settings.update`."""
    target: str
    """The id of the thing."""
    details: dict[str, Any]


async def record(
    connection: AsyncConnection, principal: Principal, action: str, target: str, details: Mapping[str, Any] | None = None
) -> None:
    """Write one line, in the caller's transaction: what is rolled back was not done and is not in the log.

    `details` become JSON. Never put a secret there: of a password say that it was set.
    """
    row = {
        "id": new_id(),
        "created_at": now(),
        "user_id": principal.user_id,
        "key_id": principal.key_id or None,
        "address": principal.address,
        "action": action,
        "target": target,
        "details": msgspec.json.encode(dict(details or {}), enc_hook=str).decode(),
    }
    await connection.execute(insert(audit), [row])


async def list_acts(
    db: Database,
    principal: Principal,
    *,
    user_id: str | None = None,
    action: str | None = None,
    target: str | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[Act]:
    """Newest first, those before the id `before`. Each filter narrows. Raises Forbidden for all but administrators."""
    principal.require("admin")
    query = select(audit, users.c.name).outerjoin(users, users.c.id == audit.c.user_id)
    for column, wanted in ((audit.c.user_id, user_id), (audit.c.action, action), (audit.c.target, target)):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(audit.c.id < before)
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(audit.c.id.desc()).limit(limit))).all()
    return [
        Act(
            id=row.id,
            created_at=row.created_at,
            user_id=row.user_id,
            user_name=row.name or "",
            key_id=row.key_id,
            address=row.address,
            action=row.action,
            target=row.target,
            details=msgspec.json.decode(row.details),
        )
        for row in rows
    ]
