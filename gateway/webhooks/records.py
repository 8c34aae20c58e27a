"""A team's webhooks: make, list, change, remove, and give a new secret. Only owners of the team come here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal
from gateway.accounts.audit import record
from gateway.db import new_id, now, of_team, upsert
from gateway.errors import InvalidInput, NotFound, WrongState
from gateway.webhooks import deliveries
from gateway.webhooks.addresses import checked, receiver
from gateway.webhooks.deliveries import EVENTS, EventName
from gateway.webhooks.signing import Secret, of_requests, of_webhook
from gateway.webhooks.tables import request_secrets, webhooks

MOST = 20
"""Webhooks of one team: each is a row for every job that ends."""
SWITCHED_OFF = "The webhook was switched off."


class Webhook(Struct, frozen=True, kw_only=True):
    """One receiver of a team; times are microseconds since the epoch."""

    id: str
    team_id: str
    user_id: str
    url: str
    description: str
    events: tuple[EventName, ...]
    active: bool
    problem: str | None
    """Why it was switched off by itself."""
    secret_version: int
    secret_changed_at: int | None
    created_at: int

    @property
    def secret(self) -> Secret:
        return Secret(of_webhook(self.id), self.secret_version, self.secret_changed_at)


async def create(
    connection: AsyncConnection,
    principal: Principal,
    url: str,
    *,
    events: Collection[EventName] = EVENTS,
    description: str = "",
) -> Webhook:
    """Raises Forbidden, InvalidInput naming the field, and WrongState where the team has as many as it may."""
    principal.require_owner()
    count = of_team(select(func.count()).select_from(webhooks), principal.team_id, webhooks)
    if (await connection.execute(count)).scalar_one() >= MOST:
        raise WrongState(f"A team has {MOST} webhooks at most; remove one first.")
    made = Webhook(
        id=new_id(),
        team_id=principal.team_id,
        user_id=principal.user_id,
        url=checked(url, "url"),
        description=description,
        events=_ordered(events),
        active=True,
        problem=None,
        secret_version=1,
        secret_changed_at=None,
        created_at=now(),
    )
    await connection.execute(insert(webhooks), [{**msgspec.structs.asdict(made), "events": _encode(made.events)}])
    await record(connection, principal, "webhook.create", made.id, {"receiver": receiver(made.url), "events": made.events})
    return made


async def every(connection: AsyncConnection, principal: Principal) -> list[Webhook]:
    """The team's, newest first. Raises Forbidden."""
    principal.require_owner()
    query = of_team(select(webhooks), principal.team_id, webhooks).order_by(webhooks.c.id.desc())
    return [from_row(row) for row in await connection.execute(query)]


async def get(connection: AsyncConnection, principal: Principal, webhook_id: str) -> Webhook:
    """Raises Forbidden, NotFound."""
    principal.require_owner()
    return await of(connection, principal.team_id, webhook_id)


async def of(connection: AsyncConnection, team_id: str, webhook_id: str) -> Webhook:
    """The same for the gateway itself. Raises NotFound."""
    query = of_team(select(webhooks), team_id, webhooks).where(webhooks.c.id == webhook_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return from_row(row)


async def change(
    connection: AsyncConnection,
    principal: Principal,
    webhook_id: str,
    *,
    url: str | UnsetType = UNSET,
    events: Collection[EventName] | UnsetType = UNSET,
    description: str | UnsetType = UNSET,
    active: bool | UnsetType = UNSET,
) -> Webhook:
    """What is UNSET stays. One that is switched off loses what is owed to it: that is dead, and can be sent by hand later.

    A changed `url` holds for what comes; what is owed already goes to the old one. Raises Forbidden, NotFound, InvalidInput.
    """
    before = await get(connection, principal, webhook_id)
    values: dict[str, Any] = {}
    if url is not UNSET:
        values["url"] = checked(url, "url")
    if events is not UNSET:
        values["events"] = _encode(_ordered(events))
    if description is not UNSET:
        values["description"] = description
    if active is not UNSET:
        values |= {"active": active, "problem": None}
        if before.active and not active:
            await deliveries.give_up(connection, principal.team_id, webhook_id, SWITCHED_OFF)
    if not values:
        return before
    # Its path may hold a secret of the receiver's.
    noted = {name: receiver(value) if name == "url" else value for name, value in values.items() if name != "problem"}
    await record(connection, principal, "webhook.update", webhook_id, noted)
    return await _changed(connection, principal.team_id, webhook_id, values)


async def remove(connection: AsyncConnection, principal: Principal, webhook_id: str) -> None:
    """With all its deliveries. Raises Forbidden, NotFound."""
    await get(connection, principal, webhook_id)
    await connection.execute(of_team(delete(webhooks), principal.team_id, webhooks).where(webhooks.c.id == webhook_id))
    await record(connection, principal, "webhook.delete", webhook_id)


async def renew(connection: AsyncConnection, principal: Principal, webhook_id: str) -> Webhook:
    """A new secret; for a day the one before signs too. Raises Forbidden, NotFound."""
    await get(connection, principal, webhook_id)
    values = {"secret_version": webhooks.c.secret_version + 1, "secret_changed_at": now()}
    await record(connection, principal, "webhook.secret", webhook_id)
    return await _changed(connection, principal.team_id, webhook_id, values)


async def switch_off(connection: AsyncConnection, team_id: str, webhook_id: str, url: str, problem: str) -> None:
    """By the gateway itself: the receiver at `url` wants no calls any more. One that has moved meanwhile stays on."""
    query = of_team(select(webhooks.c.id), team_id, webhooks).where(webhooks.c.id == webhook_id, webhooks.c.url == url)
    if (await connection.execute(query)).one_or_none() is None:
        return
    await deliveries.give_up(connection, team_id, webhook_id, problem)
    await _changed(connection, team_id, webhook_id, {"active": False, "problem": problem})


async def renew_of_requests(connection: AsyncConnection, principal: Principal) -> Secret:
    """A new secret for the addresses that the team's requests name; for a day the one before signs too. Raises Forbidden."""
    principal.require_owner()
    row = {"team_id": principal.team_id, "secret_version": 1, "secret_changed_at": now()}
    count = request_secrets.c.secret_version + 1
    await upsert(
        connection,
        request_secrets,
        row,
        setting=lambda new: {"secret_version": count, "secret_changed_at": new.secret_changed_at},
    )
    await record(connection, principal, "webhook.secret", principal.team_id)
    return await secret_of_requests(connection, principal.team_id)


async def secret_of_requests(connection: AsyncConnection, team_id: str) -> Secret:
    """Version 0 where nobody was shown one yet: what it signs cannot be checked by anyone."""
    query = of_team(select(request_secrets), team_id, request_secrets)
    row = (await connection.execute(query)).one_or_none()
    return Secret(of_requests(team_id), row.secret_version, row.secret_changed_at) if row else Secret(of_requests(team_id), 0)


def from_row(row: Row[Any]) -> Webhook:
    return Webhook(**{**row._mapping, "events": msgspec.json.decode(row.events, type=tuple[EventName, ...])})


async def _changed(connection: AsyncConnection, team_id: str, webhook_id: str, values: dict[str, Any]) -> Webhook:
    mine = of_team(update(webhooks), team_id, webhooks).where(webhooks.c.id == webhook_id)
    row = (await connection.execute(mine.values(**values).returning(webhooks))).one_or_none()
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return from_row(row)


def _ordered(events: Collection[EventName]) -> tuple[EventName, ...]:
    if not events:
        raise InvalidInput(f"Name at least one of {', '.join(EVENTS)}.", field="events")
    return tuple(event for event in EVENTS if event in events)


def _encode(events: tuple[EventName, ...]) -> str:
    return msgspec.json.encode(events).decode()
