"""/admin/keys: the keys of all teams."""

from __future__ import annotations

from typing import Annotated

from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from gateway import accounts
from gateway.accounts.own_limits import OwnChange
from gateway.api.given import Asker, Db, TheCursors
from gateway.api.problems import responses
from gateway.api.team import wire
from gateway.api.team.routes import DROPPED, LISTED, MADE, Limit, Next
from gateway.api.team.wire import KeyChange, KeyPage, KeyRow, NewKey, Rotation, TeamKeyRequest

OfTeam = Annotated[str | None, QueryParameter(name="team_id", description="Only those of this team.")]
OfUser = Annotated[str | None, QueryParameter(name="user_id", description="Only those of this user.")]


class KeyRequest(TeamKeyRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key for oneself, or for a member of any team."""

    team_id: str | None = None


class AnyKeyChange(KeyChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator changes of a key. What is left out stays as it is."""

    limits: OwnChange | UnsetType | None = UNSET
    """Null: as [settings.limits] says, in all four."""


@get("/keys", operation_id="list_keys", summary="List keys, newest first", responses=responses(401, 403, 422))
async def get_keys(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    team: OfTeam = None,
    user: OfUser = None,
    limit: Limit = 20,
    cursor: Next = None,
) -> KeyPage:
    """Revoked and expired ones too. Their text is shown only when they are made."""
    scope = (principal.team_id, "keys", team, user)
    before = cursors.open(cursor, *scope)
    found = await accounts.list_keys(db, principal, team_id=team, user_id=user, limit=limit + 1, before=before)
    shown, following = cursors.cut(found, limit, *scope)
    return KeyPage(data=[wire.key(each) for each in shown], limit=limit, next=following)


@post("/keys", operation_id="create_key", summary="Make a key", status_code=201, responses=MADE)
async def make_key(data: JSONBody[KeyRequest], principal: Asker, db: Db) -> NewKey:
    """`key` is its text, shown this once."""
    asked = wire.changes(data)
    made, text = await accounts.create_key(db, principal, asked.pop("name"), asked.pop("permissions"), **asked)
    return wire.new_key(made, text)


@get("/keys/{key_id:str}", operation_id="get_key", summary="Get a key", responses=LISTED)
async def get_key(key_id: FromPath[str], principal: Asker, db: Db) -> KeyRow:
    """Its text is shown only when it is made."""
    return wire.key(await accounts.get_key(db, principal, key_id))


@patch("/keys/{key_id:str}", operation_id="change_key", summary="Change a key", responses=MADE)
async def change_key(key_id: FromPath[str], data: JSONBody[AnyKeyChange], principal: Asker, db: Db) -> KeyRow:
    """Its text stays as it is."""
    return wire.key(await accounts.change_key(db, principal, key_id, **wire.changes(data)))


@delete("/keys/{key_id:str}", operation_id="revoke_key", summary="Revoke a key", responses=DROPPED)
async def drop_key(key_id: FromPath[str], principal: Asker, db: Db) -> None:
    """It opens nothing from now on, and stays in the list."""
    await accounts.revoke_key(db, principal, key_id)


@post("/keys/{key_id:str}/rotate", operation_id="rotate_key", summary="Rotate a key", status_code=201, responses=MADE)
async def rotate_key(key_id: FromPath[str], data: JSONBody[Rotation], principal: Asker, db: Db) -> NewKey:
    """A new key in its place, shown this once; the old one can go on for a while, so that no client is cut off."""
    made, text = await accounts.rotate_key(db, principal, key_id, overlap_seconds=data.overlap_seconds)
    return wire.new_key(made, text)


KEYS = (get_keys, make_key, get_key, change_key, drop_key, rotate_key)
