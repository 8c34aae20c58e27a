"""/v1/team: the team of the one who asks. Its members look; its owners change who is in it, and its keys."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway import accounts
from gateway.api.access import SECURITY
from gateway.api.given import Asker, Db, TheCursors
from gateway.api.problems import responses
from gateway.api.team import wire
from gateway.api.team.wire import (
    KeyChange,
    KeyPage,
    KeyRow,
    MemberChange,
    MemberPage,
    MemberRequest,
    MemberRow,
    NewKey,
    Rotation,
    TeamKeyRequest,
    TeamShown,
)
from gateway.api.times import moment

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")]
Next = Annotated[str | None, QueryParameter(name="next", description="`next` of the page before.")]
LISTED = responses(401, 403, 404, 422)
MADE = responses(400, 401, 403, 404, 409, 413, 422)
DROPPED = responses(401, 403, 404, 409, 422)


@get("/", operation_id="get_team", summary="Get one's team", responses=responses(401, 404))
async def get_team(principal: Asker, db: Db) -> TeamShown:
    """The team that the key or the session works in."""
    team = await accounts.get_team(db, principal, principal.team_id)
    created_at = moment(team.created_at)
    return TeamShown(id=team.id, name=team.name, members=team.members, role=principal.role, created_at=created_at)


@get("/members", operation_id="list_team_members", summary="List the team's members", responses=LISTED)
async def list_members(principal: Asker, db: Db, cursors: TheCursors, limit: Limit = 20, cursor: Next = None) -> MemberPage:
    """The newest users first."""
    scope = (principal.team_id, "members")
    before = cursors.open(cursor, *scope)
    found = await accounts.list_members(db, principal, principal.team_id, limit=limit + 1, before=before)
    shown, following = cursors.cut(found, limit, *scope)
    return MemberPage(data=[wire.member(each) for each in shown], limit=limit, next=following)


@post("/members", operation_id="add_team_member", summary="Let a user into the team", status_code=201, responses=MADE)
async def add_member(data: JSONBody[MemberRequest], principal: Asker, db: Db) -> MemberRow:
    """For owners. Users are made by administrators; any of them can be let in, by id or by e-mail."""
    added = await accounts.add_member(db, principal, principal.team_id, data.role, user_id=data.user_id, email=data.email)
    return wire.member(added)


@get("/members/{user_id:str}", operation_id="get_team_member", summary="Get a member of the team", responses=LISTED)
async def get_member(user_id: FromPath[str], principal: Asker, db: Db) -> MemberRow:
    """Any member sees the others."""
    return wire.member(await accounts.get_member(db, principal, principal.team_id, user_id))


@patch("/members/{user_id:str}", operation_id="change_team_member", summary="Change a member's role", responses=MADE)
async def change_member(user_id: FromPath[str], data: JSONBody[MemberChange], principal: Asker, db: Db) -> MemberRow:
    """For owners. Keys that carry more than the new role allows carry only that from now on."""
    return wire.member(await accounts.change_member(db, principal, principal.team_id, user_id, data.role))


@delete("/members/{user_id:str}", operation_id="remove_team_member", summary="Take a user out of the team", responses=DROPPED)
async def remove_member(user_id: FromPath[str], principal: Asker, db: Db) -> None:
    """For owners. Their keys in the team are revoked; what they made stays."""
    await accounts.remove_member(db, principal, principal.team_id, user_id)


@get("/keys", operation_id="list_team_keys", summary="List the team's keys, newest first", responses=LISTED)
async def list_keys(principal: Asker, db: Db, cursors: TheCursors, limit: Limit = 20, cursor: Next = None) -> KeyPage:
    """All of them for an owner, else one's own; revoked and expired ones too."""
    scope = (principal.team_id, principal.user_id, "team keys")
    before = cursors.open(cursor, *scope)
    found = await accounts.list_keys(db, principal, team_id=principal.team_id, limit=limit + 1, before=before)
    shown, following = cursors.cut(found, limit, *scope)
    return KeyPage(data=[wire.key(each) for each in shown], limit=limit, next=following)


@post("/keys", operation_id="create_team_key", summary="Make a key of the team", status_code=201, responses=MADE)
async def create_key(data: JSONBody[TeamKeyRequest], principal: Asker, db: Db) -> NewKey:
    """For owners; it carries nothing that their own key does not. `key` is its text, shown this once."""
    asked = wire.changes(data)
    made, text = await accounts.create_key(db, principal, asked.pop("name"), asked.pop("permissions"), **asked)
    return wire.new_key(made, text)


@get("/keys/{key_id:str}", operation_id="get_team_key", summary="Get a key of the team", responses=LISTED)
async def get_key(key_id: FromPath[str], principal: Asker, db: Db) -> KeyRow:
    """Its text is shown only when it is made."""
    return wire.key(await accounts.get_key(db, principal, key_id, team_id=principal.team_id))


@patch("/keys/{key_id:str}", operation_id="change_team_key", summary="Change a key of the team", responses=MADE)
async def change_key(key_id: FromPath[str], data: JSONBody[KeyChange], principal: Asker, db: Db) -> KeyRow:
    """For owners. Its text stays as it is."""
    return wire.key(await accounts.change_key(db, principal, key_id, team_id=principal.team_id, **wire.changes(data)))


@delete("/keys/{key_id:str}", operation_id="revoke_team_key", summary="Revoke a key of the team", responses=DROPPED)
async def revoke_key(key_id: FromPath[str], principal: Asker, db: Db) -> None:
    """Any for an owner, else one's own. It opens nothing from now on, and stays in the list."""
    await accounts.revoke_key(db, principal, key_id, team_id=principal.team_id)


@post("/keys/{key_id:str}/rotate", operation_id="rotate_team_key", summary="Rotate a key", status_code=201, responses=MADE)
async def rotate_key(key_id: FromPath[str], data: JSONBody[Rotation], principal: Asker, db: Db) -> NewKey:
    """Any for an owner, else one's own: a new key in its place, shown this once."""
    made, text = await accounts.rotate_key(
        db, principal, key_id, team_id=principal.team_id, overlap_seconds=data.overlap_seconds
    )
    return wire.new_key(made, text)


def team_router() -> Router:
    members = [list_members, add_member, get_member, change_member, remove_member]
    keys = [list_keys, create_key, get_key, change_key, revoke_key, rotate_key]
    return Router("/v1/team", route_handlers=[get_team, *members, *keys], security=SECURITY, tags=["Team"])
