"""/admin/teams/{id}/credits, its allowances, and /admin/usage."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from litestar import get, post, put
from litestar.datastructures import ResponseHeader
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.api.admin import money_wire as wire
from gateway.api.admin.money_wire import AllowanceRequest, Allowances, CreditsRequest, EntryRow, UsageReport, Wallet
from gateway.api.given import Asker, Db, TheCatalogFile, TheCursors
from gateway.api.problems import responses
from gateway.api.team.routes import LISTED, MADE, Limit, Next
from gateway.db import Database
from gateway.errors import InvalidInput
from gateway.nearest import did_you_mean, listed
from gateway.wallet import administration, allowances, ledger, usage
from gateway.wallet.usage import AXES, Axis, Use

MOST_LINES = 100_000
"""Of a report; more is asked for month by month."""
ALL_AXES = ",".join(AXES)
First = Annotated[date | None, QueryParameter(name="from", description="The first day, UTC, such as 2026-11-01.")]
Last = Annotated[date | None, QueryParameter(name="to", description="The last day, included.")]
By = Annotated[str, QueryParameter(description="What to tell apart: any of day, team, user and model, with commas between.")]
OfTeam = Annotated[str | None, QueryParameter(description="Only this team's.")]
OfUser = Annotated[str | None, QueryParameter(description="Only this user's.")]
OfModel = Annotated[str | None, QueryParameter(description="Only this model's, by its id.")]
SEEN = responses(401, 403, 422)


@get("/teams/{team_id:str}/credits", operation_id="get_credits", summary="A team's balance and ledger", responses=LISTED)
async def get_credits(
    team_id: FromPath[str],
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    kind: Annotated[ledger.Kind | None, QueryParameter(description="Only entries of this kind.")] = None,
    limit: Limit = 20,
    cursor: Next = None,
) -> Wallet:
    """The newest entries first."""
    scope = (principal.team_id, "ledger", team_id, kind)
    before = cursors.open(cursor, *scope)
    async with db.read() as connection:
        await administration.must_be_there(connection, team_id)
        balance = await ledger.balance(connection, team_id)
        found = await ledger.newest(connection, team_id, limit=limit + 1, before=before, kind=kind)
    shown, following = cursors.cut(found, limit, *scope)
    return wire.wallet(team_id, balance, shown, limit, following)


@post(
    "/teams/{team_id:str}/credits",
    operation_id="give_credits",
    summary="Grant credits, or adjust a balance",
    status_code=201,
    responses=MADE,
)
async def give_credits(team_id: FromPath[str], data: JSONBody[CreditsRequest], principal: Asker, db: Db) -> EntryRow:
    """A negative amount is an adjustment. It stands in the ledger and in the audit log."""
    return wire.entry(await administration.give(db, principal, team_id, data.amount, data.reason, data.kind))


@get("/teams/{team_id:str}/allowances", operation_id="get_allowances", summary="A team's monthly allowances", responses=LISTED)
async def get_allowances(team_id: FromPath[str], db: Db, catalog_file: TheCatalogFile) -> Allowances:
    """What was settled for the team and for its members; the others get what [settings.credits] says."""
    async with db.read() as connection:
        await administration.must_be_there(connection, team_id)
        found = await allowances.settled(connection, team_id)
    return wire.allowances(found, catalog_file.catalog.settings.credits)


@put(
    "/teams/{team_id:str}/allowance",
    operation_id="settle_team_allowance",
    summary="Settle a team's monthly allowance",
    responses=MADE,
)
async def settle_team(
    team_id: FromPath[str], data: JSONBody[AllowanceRequest], principal: Asker, db: Db, catalog_file: TheCatalogFile
) -> Allowances:
    """Null goes back to what [settings.credits] says for all. This month's is granted once; a change counts from the next."""
    found = await administration.settle_allowance(db, principal, team_id, None, data.monthly_credits)
    await allowances.grant_due(db, catalog_file.catalog.settings.credits)
    return wire.allowances(found, catalog_file.catalog.settings.credits)


@put(
    "/teams/{team_id:str}/members/{user_id:str}/allowance",
    operation_id="settle_member_allowance",
    summary="Settle a member's monthly allowance",
    responses=MADE,
)
async def settle_member(
    team_id: FromPath[str],
    user_id: FromPath[str],
    data: JSONBody[AllowanceRequest],
    principal: Asker,
    db: Db,
    catalog_file: TheCatalogFile,
) -> Allowances:
    """What the team is granted for this member, as long as they are in it."""
    found = await administration.settle_allowance(db, principal, team_id, user_id, data.monthly_credits)
    await allowances.grant_due(db, catalog_file.catalog.settings.credits)
    return wire.allowances(found, catalog_file.catalog.settings.credits)


@get("/usage", operation_id="get_usage", summary="What was used, by day, team, user and model", responses=SEEN)
async def get_usage(
    db: Db,
    first: First = None,
    last: Last = None,
    by: By = ALL_AXES,
    team_id: OfTeam = None,
    user_id: OfUser = None,
    model: OfModel = None,
) -> UsageReport:
    """Jobs, pictures delivered, credits charged and refunded; a job counts on the day on which it was accepted."""
    return wire.usage(await _lines(db, by, first=first, last=last, team_id=team_id, user_id=user_id, model=model))


@get(
    "/usage.csv",
    operation_id="get_usage_csv",
    summary="The same as CSV",
    media_type="text/csv",
    response_headers=[ResponseHeader(name="Content-Disposition", value='attachment; filename="usage.csv"')],
    responses=SEEN,
)
async def get_usage_csv(
    db: Db,
    first: First = None,
    last: Last = None,
    by: By = ALL_AXES,
    team_id: OfTeam = None,
    user_id: OfUser = None,
    model: OfModel = None,
) -> str:
    """RFC 4180, with a first line of names."""
    return wire.usage_csv(await _lines(db, by, first=first, last=last, team_id=team_id, user_id=user_id, model=model))


async def _lines(db: Database, by: str, **narrow: Any) -> list[Use]:
    if narrow["first"] and narrow["last"] and narrow["first"] > narrow["last"]:
        raise InvalidInput("`from` is later than `to`: there is nothing between them.", field="from")
    async with db.read() as connection:
        lines = await usage.report(connection, by=_axes(by), limit=MOST_LINES + 1, **narrow)
    if len(lines) > MOST_LINES:
        raise InvalidInput(f"These are more than {MOST_LINES:,} lines; ask for fewer days with from and to.", field="from")
    return lines


def _axes(by: str) -> list[Axis]:
    words = [word.strip() for word in by.split(",") if word.strip()]
    for word in words:
        if word not in AXES:
            near = did_you_mean(word, AXES) or ";"
            raise InvalidInput(f'by has no "{word}"{near} there are {listed(AXES)}, with commas between.', field="by")
    return [axis for axis in AXES if axis in words]


MONEY = [get_credits, give_credits, get_allowances, settle_team, settle_member, get_usage, get_usage_csv]
