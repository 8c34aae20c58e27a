"""/v1/webhooks: who is called when a task is finished, and what became of each call. For owners of the team."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_network
from typing import Annotated

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.accounts import Principal
from gateway.api.access import SECURITY, Connection
from gateway.api.given import Asker, Db, TheCaller, TheCursors, TheFetcher, TheModels, TheSigning
from gateway.api.problems import responses
from gateway.api.webhooks import wire
from gateway.api.webhooks.wire import (
    DeliveryPage,
    DeliveryRow,
    NewSecret,
    NewWebhook,
    WebhookChange,
    WebhookList,
    WebhookRequest,
    WebhookRow,
)
from gateway.fetch import AddressRefused, Fetcher
from gateway.models import Models
from gateway.webhooks import deliveries, records
from gateway.webhooks.addresses import ALLOWING
from gateway.webhooks.deliveries import DeliveryState


async def owners(connection: Connection, _: BaseRouteHandler) -> None:
    """A guard that lets in who manages the team; it comes after `authenticated`."""
    principal: Principal = connection.scope["user"]
    principal.require_owner()


@get("/", operation_id="list_webhooks", summary="List webhooks, newest first", responses=responses(401, 403))
async def list_webhooks(principal: Asker, db: Db) -> WebhookList:
    """The team's. Their secrets are shown only when they are made."""
    async with db.read() as connection:
        return WebhookList([wire.webhook(each) for each in await records.every(connection, principal)])


@post(
    "/",
    operation_id="create_webhook",
    summary="Add a webhook",
    status_code=201,
    responses=responses(400, 401, 403, 409, 413, 422),
)
async def create_webhook(
    data: JSONBody[WebhookRequest],
    principal: Asker,
    db: Db,
    fetcher: TheFetcher,
    models: TheModels,
    signing: TheSigning,
    caller: TheCaller,
) -> NewWebhook:
    """From now on it is called when a task of the team is finished. `secret` is shown this once."""
    await _see(principal, data.url, fetcher, models)
    async with db.write() as connection:
        made = await records.create(connection, principal, data.url, events=data.events, description=data.description)
    caller.poke()
    return wire.with_secret(made, signing.text(made.secret))


@get("/{webhook_id:str}", operation_id="get_webhook", summary="Get a webhook", responses=responses(401, 403, 404))
async def get_webhook(webhook_id: FromPath[str], principal: Asker, db: Db) -> WebhookRow:
    """Its secret is shown only when it is made."""
    async with db.read() as connection:
        return wire.webhook(await records.get(connection, principal, webhook_id))


@patch(
    "/{webhook_id:str}",
    operation_id="change_webhook",
    summary="Change a webhook",
    responses=responses(400, 401, 403, 404, 413, 422),
)
async def change_webhook(
    webhook_id: FromPath[str],
    data: JSONBody[WebhookChange],
    principal: Asker,
    db: Db,
    fetcher: TheFetcher,
    models: TheModels,
    caller: TheCaller,
) -> WebhookRow:
    """Switched off, it is not called any more, and the calls that were owed to it are `dead`; redeliver sends them later."""
    async with db.read() as connection:
        await records.get(connection, principal, webhook_id)
    if isinstance(data.url, str):
        await _see(principal, data.url, fetcher, models)
    async with db.write() as connection:
        changed = await records.change(connection, principal, webhook_id, **msgspec.structs.asdict(data))
    caller.poke()
    return wire.webhook(changed)


@delete("/{webhook_id:str}", operation_id="delete_webhook", summary="Remove a webhook", responses=responses(401, 403, 404))
async def delete_webhook(webhook_id: FromPath[str], principal: Asker, db: Db) -> None:
    """With all its deliveries."""
    async with db.write() as connection:
        await records.remove(connection, principal, webhook_id)


@post(
    "/{webhook_id:str}/secret",
    operation_id="renew_webhook_secret",
    summary="Give a webhook a new secret",
    status_code=200,
    responses=responses(401, 403, 404),
)
async def renew_secret(webhook_id: FromPath[str], principal: Asker, db: Db, signing: TheSigning) -> NewSecret:
    """Shown this once. For a day messages carry a signature of the old one too."""
    async with db.write() as connection:
        changed = await records.renew(connection, principal, webhook_id)
    return NewSecret(secret=signing.text(changed.secret))


@post(
    "/secret",
    operation_id="renew_request_secret",
    summary="Give the team a new secret for addresses that requests name",
    status_code=200,
    responses=responses(401, 403),
)
async def renew_request_secret(principal: Asker, db: Db, signing: TheSigning) -> NewSecret:
    """It signs the calls that requests ask for with `webhook`. Shown this once; for a day the old one signs too."""
    async with db.write() as connection:
        secret = await records.renew_of_requests(connection, principal)
    return NewSecret(secret=signing.text(secret))


@get("/deliveries", operation_id="list_deliveries", summary="List deliveries, newest first", responses=responses(401, 403, 422))
async def list_deliveries(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    in_state: Annotated[DeliveryState | None, QueryParameter(name="state", description="`dead`: those given up.")] = None,
    webhook_id: Annotated[str | None, QueryParameter(description="Only those of this webhook.")] = None,
    task_id: Annotated[str | None, QueryParameter(description="Only those of this task.")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")] = 20,
    cursor: Annotated[str | None, QueryParameter(name="next", description="`next` of the page before.")] = None,
) -> DeliveryPage:
    """Every message that is owed or was sent, until `[settings.webhooks] keep_days` after its end."""
    scope = (principal.team_id, "deliveries", in_state, webhook_id, task_id)
    before = cursors.open(cursor, *scope)
    wanted = partial(deliveries.newest, state=in_state, webhook_id=webhook_id, job_id=task_id)
    async with db.read() as connection:
        found = await wanted(connection, principal.team_id, limit=limit + 1, before=before)
    shown, following = cursors.cut(found, limit, *scope)
    return DeliveryPage(data=[wire.delivery(each) for each in shown], limit=limit, next=following)


@get("/deliveries/{delivery_id:str}", operation_id="get_delivery", summary="Get a delivery", responses=responses(401, 403, 404))
async def get_delivery(delivery_id: FromPath[str], principal: Asker, db: Db) -> DeliveryRow:
    """How often it was tried, and what came back last."""
    async with db.read() as connection:
        return wire.delivery(await deliveries.get(connection, principal.team_id, delivery_id))


@post(
    "/deliveries/{delivery_id:str}/redeliver",
    operation_id="redeliver",
    summary="Send a message again",
    status_code=202,
    responses=responses(401, 403, 404, 409),
)
async def redeliver(delivery_id: FromPath[str], principal: Asker, db: Db, caller: TheCaller) -> DeliveryRow:
    """At once and under the same id, whatever became of it; then it is tried as often as a new one."""
    async with db.write() as connection:
        owed = await deliveries.again(connection, principal.team_id, delivery_id)
    caller.poke()
    return wire.delivery(owed)


async def _see(principal: Principal, url: str, fetcher: Fetcher, models: Models) -> None:
    """Raises InvalidInput for an address that could not be called now."""
    allowed = models.catalog.settings.webhooks.allow
    try:
        await fetcher.check(url, allow=map(ip_network, allowed), field="url", tells_names=principal.is_admin)
    except AddressRefused as error:
        raise AddressRefused(f"{error.message} {ALLOWING}", field=error.field) from error


def webhooks_router() -> Router:
    return Router(
        "/v1/webhooks",
        route_handlers=[
            list_webhooks,
            create_webhook,
            list_deliveries,
            get_delivery,
            redeliver,
            renew_request_secret,
            get_webhook,
            change_webhook,
            delete_webhook,
            renew_secret,
        ],
        guards=[owners],
        security=SECURITY,
        tags=["Webhooks"],
    )
