"""Models and the one who asks, as they are shown."""

from __future__ import annotations

from msgspec import Struct

from engines.contract import Capability, ModelCard, Size, Span
from gateway.accounts import Permission, Principal, Profile
from gateway.api.tasks.asked import MOST_PICTURES
from gateway.catalog import ModelEntry
from gateway.catalog.settings import Credits
from gateway.wallet import money


class Limits(Struct, frozen=True, kw_only=True):
    """What can be asked of a model; null: the model has no such parameter."""

    max_images: int
    """Of one request under /v1. Other APIs have bounds of their own."""
    max_prompt: int
    """Characters."""
    max_references: int
    """Pictures that are looked at, beside the one that is changed."""
    takes_source: bool
    """False: all pictures of an image_to_image task are looked at, and count as references."""
    max_loras: int
    min_size: Size
    max_size: Size
    size_multiple: int
    steps: Span | None
    guidance_scale: Span | None
    strength: Span | None
    negative_prompt: bool
    seeds: bool


class Defaults(Struct, frozen=True, kw_only=True):
    """What is taken where a request says nothing."""

    size: Size | None
    sampler: str | None
    steps: int | None
    guidance_scale: float | None
    strength: float | None
    negative_prompt: str


class Model(Struct, frozen=True, kw_only=True):
    """One entry of models.toml, with what its engine says of it. Without `available`, `reason` says why."""

    id: str
    title: str
    engine: str
    capabilities: tuple[Capability, ...]
    available: bool
    reason: str | None
    to_download: bool
    """Its weights are not on this machine yet: they are downloaded when it is first asked for, which waits for that."""
    is_default_for: tuple[Capability, ...]
    native_sizes: tuple[Size, ...]
    upscaler: str | None
    """What makes sizes beyond the limits; null: they are refused."""
    samplers: tuple[str, ...]
    limits: Limits | None
    defaults: Defaults | None
    tags: tuple[str, ...]
    aliases: tuple[str, ...]
    licence: str


class ModelList(Struct, frozen=True):
    data: list[Model]


class Named(Struct, frozen=True):
    id: str
    name: str


class MyCredits(Struct, frozen=True, kw_only=True):
    """What the team has; decimals in text."""

    enabled: bool
    """Whether pictures are paid for; if not, what they would cost is only counted."""
    balance: str
    balance_usd: str


class Me(Struct, frozen=True, kw_only=True):
    """Who asks."""

    user: Named
    email: str | None
    team: Named
    role: str | None
    key: Named | None
    """null in a session of the web pages."""
    permissions: tuple[Permission, ...]
    is_admin: bool
    priority: str
    """Of jobs that do not say."""
    credits: MyCredits


def shown(
    entry: ModelEntry,
    card: ModelCard | None,
    reason: str | None,
    is_default_for: tuple[Capability, ...],
    *,
    to_download: bool = False,
) -> Model:
    """`card` is the merged one, None where the model is not on offer; `reason` is why it cannot run now."""
    return Model(
        id=entry.id,
        title=entry.title,
        engine=entry.engine,
        capabilities=card.capabilities if card else entry.capabilities or (),
        available=reason is None,
        reason=reason,
        to_download=to_download,
        is_default_for=is_default_for,
        native_sizes=card.native_sizes if card else entry.native_sizes,
        upscaler=entry.upscaler,
        samplers=card.samplers if card else (),
        limits=_limits(card) if card else None,
        defaults=_defaults(card, entry) if card else None,
        tags=entry.tags,
        aliases=entry.aliases,
        licence=entry.licence,
    )


def _limits(card: ModelCard) -> Limits:
    told = {name: getattr(card, name) for name in Limits.__struct_fields__}
    return Limits(**{**told, "max_images": min(card.max_images, MOST_PICTURES)})


def _defaults(card: ModelCard, entry: ModelEntry) -> Defaults:
    return Defaults(
        size=card.native_sizes[0] if card.native_sizes else None,
        sampler=card.samplers[0] if card.samplers else None,
        steps=None if card.steps is None else int(card.steps.default),
        guidance_scale=None if card.guidance_scale is None else card.guidance_scale.default,
        strength=None if card.strength is None else card.strength.default,
        negative_prompt=entry.defaults.negative_prompt,
    )


def me(principal: Principal, profile: Profile, balance: int, settings: Credits) -> Me:
    """`balance` is in ten-thousandths of a credit."""
    return Me(
        user=Named(principal.user_id, profile.user_name),
        email=profile.email,
        team=Named(principal.team_id, profile.team_name),
        role=profile.role,
        key=Named(principal.key_id, profile.key_name or "") if principal.key_id else None,
        permissions=tuple(sorted(principal.permissions)),
        is_admin=principal.is_admin,
        priority="bulk" if principal.bulk else "interactive",
        credits=MyCredits(
            enabled=settings.enabled, balance=money.text(balance), balance_usd=money.dollars(balance, settings.per_usd)
        ),
    )
