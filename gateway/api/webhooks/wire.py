"""How webhooks and their deliveries are shown to owners of a team, and what they send."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.api.times import moment
from gateway.webhooks.deliveries import EVENTS, Delivery, DeliveryState, EventName
from gateway.webhooks.records import Webhook

Address = Annotated[str, Meta(min_length=1, max_length=2000)]
Events = Annotated[tuple[EventName, ...], Meta(min_length=1, max_length=len(EVENTS))]
Description = Annotated[str, Meta(max_length=500)]


class WebhookRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Address
    """Where to POST to; http or https, at a public address unless the operator allows its network."""
    events: Events = EVENTS
    """What it is told of; all of them where it is left out."""
    description: Description = ""


class WebhookChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    url: Address | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class WebhookRow(Struct, frozen=True, kw_only=True):
    id: str
    url: str
    events: tuple[EventName, ...]
    description: str
    active: bool
    problem: str | None
    """Why it was switched off by itself; null else."""
    secret_changed_at: datetime | None
    """Until a day after it the secret before signs too; null for the first secret."""
    created_at: datetime


class NewWebhook(WebhookRow, frozen=True, kw_only=True):
    secret: str
    """With it the receiver checks signatures; shown this once."""


class NewSecret(Struct, frozen=True, kw_only=True):
    secret: str
    """Shown this once."""


class WebhookList(Struct, frozen=True):
    data: list[WebhookRow]


class DeliveryRow(Struct, frozen=True, kw_only=True):
    """One message to one receiver."""

    id: str
    """The receiver sees it as `webhook-id`, the same at each attempt."""
    webhook_id: str | None
    """Null: the request named the address itself."""
    task_id: str
    event: EventName
    url: str
    state: DeliveryState
    """`pending` until an attempt succeeds (`delivered`) or the last one fails (`dead`)."""
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class DeliveryPage(Struct, frozen=True, kw_only=True):
    """Newest first; `next` opens the page behind, null at the end."""

    data: list[DeliveryRow]
    limit: int
    next: str | None


def webhook(kept: Webhook) -> WebhookRow:
    return WebhookRow(
        id=kept.id,
        url=kept.url,
        events=kept.events,
        description=kept.description,
        active=kept.active,
        problem=kept.problem,
        secret_changed_at=moment(kept.secret_changed_at),
        created_at=moment(kept.created_at),
    )


def with_secret(kept: Webhook, secret: str) -> NewWebhook:
    shown = webhook(kept)
    return NewWebhook(**{name: getattr(shown, name) for name in WebhookRow.__struct_fields__}, secret=secret)


def delivery(kept: Delivery) -> DeliveryRow:
    return DeliveryRow(
        id=kept.id,
        webhook_id=kept.webhook_id,
        task_id=kept.job_id,
        event=kept.event,
        url=kept.url,
        state=kept.state,
        attempts=kept.attempts,
        last_status=kept.last_status,
        last_error=kept.last_error,
        next_attempt_at=moment(kept.next_at) if kept.state == "pending" else None,
        created_at=moment(kept.created_at),
        finished_at=moment(kept.finished_at),
    )
