"""The accounts that a start makes by itself: one team, one administrator, and the keys that need no person."""

from __future__ import annotations

import logging
import string

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.administrators import Administrator, find_administrator
from gateway.accounts.authentication import forget
from gateway.accounts.keys import encode, insert_key
from gateway.accounts.permissions import PERMISSIONS
from gateway.accounts.tables import keys, members, teams, users
from gateway.accounts.tokens import LONGEST, digest, new_token, prefix
from gateway.db import Database, across_teams, new_id, now
from gateway.errors import ConfigurationError

log = logging.getLogger(__name__)

GOOD_LENGTH = 20
"""Characters below which a preset key is worth a warning: 20 random ones of 64 are 120 bits."""
_TOKEN_CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation)


async def bootstrap(db: Database, admin_key: str | None = None) -> str | None:
    """Make the first team, administrator and key, if there is no user yet; the key's text is given this once.

    `admin_key`, where it is set, is the administrator's key instead (nothing is shown then), at this start and at every
    later one: after a change of it only the new one opens. Unset later, the last one stays until it is revoked.
    Raises ConfigurationError for a key that no client could send.
    """
    preset = _checked(admin_key)
    text = None
    async with db.write() as connection:
        administrator = await _administrator(connection)
        if administrator is None:
            administrator = await _first(connection)
            text = None if preset else new_token()
            if text:
                await insert_key(connection, administrator.team_id, administrator.user_id, "first start", PERMISSIONS, text)
        if preset:
            await _install(connection, administrator, preset)
    forget(db)
    return text


async def command_key(db: Database) -> str:
    """A new key for this machine's `darkroom` command, in place of the one that an earlier start made.

    It carries everything and belongs to the administrator. `bootstrap` comes first.
    """
    text = new_token()
    async with db.write() as connection:
        administrator = await _administrator(connection)
        if administrator is None:
            raise ConfigurationError("There is no administrator yet; bootstrap comes first.")
        team_id, user_id = administrator.team_id, administrator.user_id
        row = (await connection.execute(across_teams(select(keys.c.id)).where(keys.c.origin == "command"))).one_or_none()
        if row is None:
            await insert_key(connection, team_id, user_id, "darkroom command", PERMISSIONS, text, origin="command")
        else:
            # Whose it was may be closed by now, or no administrator any more.
            whose = {"team_id": team_id, "user_id": user_id}
            values = {"digest": digest(text), "prefix": prefix(text), "created_at": now(), "revoked_at": None, **whose}
            await connection.execute(across_teams(update(keys)).where(keys.c.id == row.id).values(**values))
    forget(db)
    return text


async def revoke_command_key(db: Database) -> None:
    """The command's key opens nothing from now on: the gateway ends."""
    async with db.write() as connection:
        await connection.execute(across_teams(update(keys)).where(keys.c.origin == "command").values(revoked_at=now()))
    forget(db)


def _checked(admin_key: str | None) -> str | None:
    key = (admin_key or "").strip()
    if not key:
        return None
    if len(key) > LONGEST or not _TOKEN_CHARACTERS.issuperset(key):
        raise ConfigurationError(
            f"DARKROOM_ADMIN_KEY must be at most {LONGEST} letters, digits and signs of ASCII, without spaces: "
            "nothing else can be sent as a bearer key."
        )
    if len(key) < GOOD_LENGTH:
        log.warning("DARKROOM_ADMIN_KEY has only %d characters; whoever guesses it owns this server", len(key))
    return key


async def _administrator(connection: AsyncConnection) -> Administrator | None:
    """None when there is no user at all. Raises ConfigurationError when there are some, and none can do the work."""
    found = await find_administrator(connection)
    if found is None and (await connection.execute(select(func.count()).select_from(users))).scalar_one():
        raise ConfigurationError("No administrator is left in this database: mark an open user of an open team as is_admin.")
    return found


async def _first(connection: AsyncConnection) -> Administrator:
    moment, team_id, user_id = now(), new_id(), new_id()
    await connection.execute(insert(teams), [{"id": team_id, "name": "default", "created_at": moment}])
    user = {"id": user_id, "name": "admin", "email": None, "is_admin": True, "created_at": moment}
    await connection.execute(insert(users), [user])
    member = {"team_id": team_id, "user_id": user_id, "role": "owner", "created_at": moment}
    await connection.execute(insert(members), [member])
    return Administrator(team_id, user_id)


async def _install(connection: AsyncConnection, administrator: Administrator, text: str) -> None:
    """Make `text` the one preset key that opens; a key that had this text before becomes it."""
    wanted = digest(text)
    others = (keys.c.origin == "preset") & (keys.c.digest != wanted) & keys.c.revoked_at.is_(None)
    await connection.execute(across_teams(update(keys)).where(others).values(revoked_at=now()))
    row: Row[tuple[str]] | None = (
        await connection.execute(across_teams(select(keys.c.id)).where(keys.c.digest == wanted))
    ).one_or_none()
    if row is None:
        team_id, user_id = administrator.team_id, administrator.user_id
        await insert_key(connection, team_id, user_id, "DARKROOM_ADMIN_KEY", PERMISSIONS, text, origin="preset")
        return
    values = {
        "team_id": administrator.team_id,
        "user_id": administrator.user_id,
        "origin": "preset",
        "permissions": encode(PERMISSIONS),
        "expires_at": None,
        "revoked_at": None,
    }
    await connection.execute(across_teams(update(keys)).where(keys.c.id == row.id).values(**values))
