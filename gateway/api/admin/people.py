"""/admin/teams, /admin/users and /admin/audit."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway import accounts
from gateway.api.admin import people_wire as wire
from gateway.api.admin.people_wire import (
    ActPage,
    TeamChange,
    TeamPage,
    TeamRequest,
    TeamRow,
    UserChange,
    UserPage,
    UserRequest,
    UserRow,
)
from gateway.api.given import Asker, Db, TheCursors
from gateway.api.problems import responses
from gateway.api.team import wire as team_wire
from gateway.api.team.routes import DROPPED, LISTED, MADE, Limit, Next
from gateway.api.team.wire import MemberChange, MemberPage, MemberRequest, MemberRow

SEEN = responses(401, 403, 422)


@get("/teams", operation_id="list_teams", summary="List teams, newest first", responses=SEEN)
async def list_teams(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    name: Annotated[str | None, QueryParameter(description="Only the one of this name.")] = None,
    limit: Limit = 20,
    cursor: Next = None,
) -> TeamPage:
    """Closed ones too."""
    scope = (principal.team_id, "teams", name)
    found = await accounts.list_teams(db, principal, name=name, limit=limit + 1, before=cursors.open(cursor, *scope))
    shown, following = cursors.cut(found, limit, *scope)
    return TeamPage(data=[wire.team(each) for each in shown], limit=limit, next=following)


@post("/teams", operation_id="create_team", summary="Make a team", status_code=201, responses=MADE)
async def create_team(data: JSONBody[TeamRequest], principal: Asker, db: Db) -> TeamRow:
    """It has no member yet."""
    return wire.team(await accounts.create_team(db, principal, data.name))


@get("/teams/{team_id:str}", operation_id="get_any_team", summary="Get a team", responses=LISTED)
async def get_team(team_id: FromPath[str], principal: Asker, db: Db) -> TeamRow:
    """Any team."""
    return wire.team(await accounts.get_team(db, principal, team_id))


@patch("/teams/{team_id:str}", operation_id="change_team", summary="Rename, close or open a team", responses=MADE)
async def change_team(team_id: FromPath[str], data: JSONBody[TeamChange], principal: Asker, db: Db) -> TeamRow:
    """Where models.toml names the team by its name, the new one counts from now on."""
    return wire.team(await accounts.change_team(db, principal, team_id, **msgspec.structs.asdict(data)))


@delete("/teams/{team_id:str}", operation_id="close_team", summary="Close a team", responses=DROPPED)
async def close_team(team_id: FromPath[str], principal: Asker, db: Db) -> None:
    """Its keys open nothing from now on. What it owns stays, and so does it: PATCH with `closed: false` opens it again."""
    await accounts.change_team(db, principal, team_id, closed=True)


@get("/teams/{team_id:str}/members", operation_id="list_members", summary="List a team's members", responses=LISTED)
async def list_members(
    team_id: FromPath[str], principal: Asker, db: Db, cursors: TheCursors, limit: Limit = 20, cursor: Next = None
) -> MemberPage:
    """The newest users first."""
    scope = (principal.team_id, "members", team_id)
    before = cursors.open(cursor, *scope)
    found = await accounts.list_members(db, principal, team_id, limit=limit + 1, before=before)
    shown, following = cursors.cut(found, limit, *scope)
    return MemberPage(data=[team_wire.member(each) for each in shown], limit=limit, next=following)


@post("/teams/{team_id:str}/members", operation_id="add_member", summary="Add a member", status_code=201, responses=MADE)
async def add_member(team_id: FromPath[str], data: JSONBody[MemberRequest], principal: Asker, db: Db) -> MemberRow:
    """A user, by id or by e-mail."""
    added = await accounts.add_member(db, principal, team_id, data.role, user_id=data.user_id, email=data.email)
    return team_wire.member(added)


@get("/teams/{team_id:str}/members/{user_id:str}", operation_id="get_member", summary="Get a member", responses=LISTED)
async def get_member(team_id: FromPath[str], user_id: FromPath[str], principal: Asker, db: Db) -> MemberRow:
    """Of any team."""
    return team_wire.member(await accounts.get_member(db, principal, team_id, user_id))


@patch("/teams/{team_id:str}/members/{user_id:str}", operation_id="change_member", summary="Change a role", responses=MADE)
async def change_member(
    team_id: FromPath[str], user_id: FromPath[str], data: JSONBody[MemberChange], principal: Asker, db: Db
) -> MemberRow:
    """Keys that carry more than the new role allows carry only that from now on."""
    return team_wire.member(await accounts.change_member(db, principal, team_id, user_id, data.role))


@delete(
    "/teams/{team_id:str}/members/{user_id:str}", operation_id="remove_member", summary="Remove a member", responses=DROPPED
)
async def remove_member(team_id: FromPath[str], user_id: FromPath[str], principal: Asker, db: Db) -> None:
    """Their keys in the team are revoked; what they made stays the team's."""
    await accounts.remove_member(db, principal, team_id, user_id)


@get("/users", operation_id="list_users", summary="List users, newest first", responses=SEEN)
async def list_users(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    email: Annotated[str | None, QueryParameter(description="Only the one with this address.")] = None,
    limit: Limit = 20,
    cursor: Next = None,
) -> UserPage:
    """Closed ones too."""
    scope = (principal.team_id, "users", email)
    found = await accounts.list_users(db, principal, email=email, limit=limit + 1, before=cursors.open(cursor, *scope))
    shown, following = cursors.cut(found, limit, *scope)
    return UserPage(data=[wire.user(each) for each in shown], limit=limit, next=following)


@post("/users", operation_id="create_user", summary="Make a user", status_code=201, responses=MADE)
async def create_user(data: JSONBody[UserRequest], principal: Asker, db: Db) -> UserRow:
    """With an e-mail and a password they can sign in; a member of a team they are not yet."""
    return wire.user(await accounts.create_user(db, principal, **msgspec.structs.asdict(data)))


@get("/users/{user_id:str}", operation_id="get_user", summary="Get a user", responses=LISTED)
async def get_user(user_id: FromPath[str], principal: Asker, db: Db) -> UserRow:
    """Their password is shown to nobody."""
    return wire.user(await accounts.get_user(db, principal, user_id))


@patch("/users/{user_id:str}", operation_id="change_user", summary="Change, close or open a user", responses=MADE)
async def change_user(user_id: FromPath[str], data: JSONBody[UserChange], principal: Asker, db: Db) -> UserRow:
    """A new password ends the user's sessions. The last administrator stays one."""
    return wire.user(await accounts.change_user(db, principal, user_id, **msgspec.structs.asdict(data)))


@delete("/users/{user_id:str}", operation_id="close_user", summary="Close a user", responses=DROPPED)
async def close_user(user_id: FromPath[str], principal: Asker, db: Db) -> None:
    """Their keys and sessions open nothing from now on. What they made stays: PATCH with `closed: false` opens them again."""
    await accounts.change_user(db, principal, user_id, closed=True)


@get("/audit", operation_id="list_audit", summary="What administrators and owners did, newest first", responses=SEEN)
async def list_audit(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    user_id: Annotated[str | None, QueryParameter(description="Only what this user did.")] = None,
    action: Annotated[str | None, QueryParameter(description="Only this, such as `team.create`.")] = None,
    target: Annotated[str | None, QueryParameter(description="Only what was done to this.")] = None,
    limit: Limit = 20,
    cursor: Next = None,
) -> ActPage:
    """Nothing is ever taken out of it. It has no secrets: of a password only that it was set."""
    scope = (principal.team_id, "audit", user_id, action, target)
    before = cursors.open(cursor, *scope)
    filters = {"user_id": user_id, "action": action, "target": target}
    found = await accounts.list_acts(db, principal, **filters, limit=limit + 1, before=before)
    shown, following = cursors.cut(found, limit, *scope)
    return ActPage(data=[wire.act(each) for each in shown], limit=limit, next=following)


TEAMS = (list_teams, create_team, get_team, change_team, close_team)
MEMBERS = (list_members, add_member, get_member, change_member, remove_member)
USERS = (list_users, create_user, get_user, change_user, close_user)
PEOPLE = (*TEAMS, *MEMBERS, *USERS, list_audit)
