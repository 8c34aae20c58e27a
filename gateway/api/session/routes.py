"""/v1/session: sign in with e-mail and password, see the session, sign out; and /v1/first-start, PATCH /v1/me."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router, delete, get, patch, post
from litestar.params import JSONBody

from gateway.accounts import Principal, profile
from gateway.accounts.signing_in import SignedIn
from gateway.api.access import OPEN, SECURITY
from gateway.api.common.routes import me_of
from gateway.api.common.wire import Me
from gateway.api.door import address_of
from gateway.api.given import Asker, Db, TheDoor, TheModels, TheSessions, TheSignIn
from gateway.api.problems import responses
from gateway.api.session import wire
from gateway.api.session.wire import Credentials, FirstStartRequest, MeChange, SessionAnswer
from gateway.db import now

SMALL = 16_384
"""Bytes of a body that anybody may send."""
PRIVATE = {"Cache-Control": "no-store"}
Asked = Request[Any, Any, Any]


@post(
    "/session",
    operation_id="sign_in",
    summary="Sign in",
    request_max_body_size=SMALL,
    status_code=201,
    opt={OPEN: True},
    responses=responses(400, 401, 403, 413, 422, 429),
)
async def sign_in(
    data: JSONBody[Credentials], request: Asked, door: TheDoor, sign_in: TheSignIn, sessions: TheSessions, db: Db
) -> Response[SessionAnswer]:
    """With e-mail and password. The answer sets the session's cookie; programs use a key instead."""
    door.refuse_other_sites(request)
    begun = await sign_in.by_password(data.email, data.password, address_of(request), door.device(request))
    return await _signed_in(begun, door, sessions, db)


@post(
    "/first-start",
    operation_id="first_start",
    summary="Set the administrator's e-mail and password",
    request_max_body_size=SMALL,
    status_code=201,
    opt={OPEN: True},
    responses=responses(400, 401, 403, 409, 413, 422, 429),
)
async def first_start(
    data: JSONBody[FirstStartRequest], request: Asked, door: TheDoor, sign_in: TheSignIn, sessions: TheSessions, db: Db
) -> Response[SessionAnswer]:
    """Once, with the token that the console shows as long as there is no password. The answer signs in, too."""
    door.refuse_other_sites(request)
    begun = await sign_in.by_first_token(wire.first_start(data), address_of(request))
    return await _signed_in(begun, door, sessions, db)


@get("/session", operation_id="get_session", summary="See one's session", security=SECURITY, responses=responses(401, 404))
async def get_session(principal: Asker, sessions: TheSessions, db: Db) -> Response[SessionAnswer]:
    """Who is signed in, the teams to choose from, and the token that changes need. 404 for one who came by a key."""
    found, teams = await sessions.of(principal)
    shown = wire.session(found, teams, await profile(db, principal), sessions.csrf_token(found.id))
    return Response(shown, headers=PRIVATE)


@delete(
    "/session",
    operation_id="sign_out",
    summary="Sign out",
    status_code=204,
    security=SECURITY,
    responses=responses(401, 403, 404),
)
async def sign_out(principal: Asker, sessions: TheSessions, door: TheDoor) -> Response[None]:
    """The session ends here, and its cookie is taken back. 404 for one who came by a key."""
    await sessions.end(principal)
    return Response(None, cookies=[door.clear_cookie()])


@patch(
    "/me",
    operation_id="change_me",
    summary="Change oneself",
    security=SECURITY,
    responses=responses(400, 401, 403, 404, 413, 422, 429),
)
async def change_me(
    data: JSONBody[MeChange],
    principal: Asker,
    request: Asked,
    sign_in: TheSignIn,
    sessions: TheSessions,
    door: TheDoor,
    db: Db,
    models: TheModels,
) -> Me:
    """One's team, name or password; in a session only."""
    await sign_in.change(principal, wire.change(data))
    if data.team_id is not None:
        await sessions.change_team(principal, data.team_id)
    changed = await door.again(request)
    return await me_of(db, models, changed)


async def _signed_in(begun: SignedIn, door: TheDoor, sessions: TheSessions, db: Db) -> Response[SessionAnswer]:
    found = begun.session
    principal = Principal(found.team_id, found.user_id, None, frozenset(), session_id=found.id)
    _, teams = await sessions.of(principal)
    shown = wire.session(found, teams, await profile(db, principal), sessions.csrf_token(found.id))
    cookies = [door.set_cookie(begun.cookie, found.expires_at, now()), door.device_cookie(begun.device)]
    return Response(shown, cookies=cookies, headers=PRIVATE)


def session_router() -> Router:
    return Router("/v1", route_handlers=[sign_in, first_start, get_session, sign_out, change_me], tags=["Common"])
