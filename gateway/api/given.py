"""What handlers are given, by the names of their parameters: `db: Db`, `bus: TheBus`, `principal: Asker` and so on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from litestar import Litestar
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.routes import HTTPRoute
from msgspec import Struct

from gateway.accounts import Principal
from gateway.accounts.sessions import Sessions
from gateway.accounts.signing_in import SignIn
from gateway.api.a1111.extras import A1111Extras
from gateway.api.a1111.following import Following
from gateway.api.a1111.orders import A1111Orders
from gateway.api.access import principal_of
from gateway.api.cursors import Cursors
from gateway.api.door import Door
from gateway.api.gallery.content import Pictures
from gateway.api.gallery.orders import GalleryOrders
from gateway.api.links import Links
from gateway.api.mcp.serving import Mcp
from gateway.api.openai.conversations import Conversations
from gateway.api.openai.orders import OpenAIOrders
from gateway.api.openwebui.orders import OpenWebUIOrders
from gateway.api.operations.metrics import Metrics
from gateway.api.operations.readiness import Readiness
from gateway.api.streams import Streams
from gateway.api.studio.orders import StudioOrders
from gateway.api.tasks.envelopes import Envelopes
from gateway.api.tasks.orders import Orders
from gateway.catalog import CatalogFile
from gateway.chat.answering import Chat
from gateway.db import Database
from gateway.events import Bus
from gateway.fetch import Fetcher
from gateway.images.checkup import Checkup
from gateway.images.imports import Imports
from gateway.images.incoming import Incoming
from gateway.images.trash import Trash
from gateway.jobs.exports import Exports
from gateway.models import Models
from gateway.registry import Registry
from gateway.scheduling.loop import Scheduler
from gateway.secrets import Secrets
from gateway.sharing import Sharing
from gateway.storage import BlobStore
from gateway.webhooks.caller import Caller
from gateway.webhooks.signing import Signing

Asker: TypeAlias = NamedDependency[SkipValidation[Principal]]
Db: TypeAlias = NamedDependency[SkipValidation[Database]]
TheDoor: TypeAlias = NamedDependency[SkipValidation[Door]]
TheSessions: TypeAlias = NamedDependency[SkipValidation[Sessions]]
TheSignIn: TypeAlias = NamedDependency[SkipValidation[SignIn]]
TheBus: TypeAlias = NamedDependency[SkipValidation[Bus]]
TheModels: TypeAlias = NamedDependency[SkipValidation[Models]]
TheRegistry: TypeAlias = NamedDependency[SkipValidation[Registry]]
TheCatalogFile: TypeAlias = NamedDependency[SkipValidation[CatalogFile]]
TheScheduler: TypeAlias = NamedDependency[SkipValidation[Scheduler]]
TheLinks: TypeAlias = NamedDependency[SkipValidation[Links]]
TheCursors: TypeAlias = NamedDependency[SkipValidation[Cursors]]
TheStreams: TypeAlias = NamedDependency[SkipValidation[Streams]]
TheEnvelopes: TypeAlias = NamedDependency[SkipValidation[Envelopes]]
TheImports: TypeAlias = NamedDependency[SkipValidation[Imports]]
TheCheckup: TypeAlias = NamedDependency[SkipValidation[Checkup]]
TheExports: TypeAlias = NamedDependency[SkipValidation[Exports]]
TheTrash: TypeAlias = NamedDependency[SkipValidation[Trash]]
TheIncoming: TypeAlias = NamedDependency[SkipValidation[Incoming]]
TheOrders: TypeAlias = NamedDependency[SkipValidation[Orders]]
TheGalleryOrders: TypeAlias = NamedDependency[SkipValidation[GalleryOrders]]
TheA1111Orders: TypeAlias = NamedDependency[SkipValidation[A1111Orders]]
TheA1111Extras: TypeAlias = NamedDependency[SkipValidation[A1111Extras]]
TheFollowing: TypeAlias = NamedDependency[SkipValidation[Following]]
TheMcp: TypeAlias = NamedDependency[SkipValidation[Mcp]]
TheChat: TypeAlias = NamedDependency[SkipValidation[Chat]]
TheConversations: TypeAlias = NamedDependency[SkipValidation[Conversations]]
TheOpenAIOrders: TypeAlias = NamedDependency[SkipValidation[OpenAIOrders]]
TheOpenWebUIOrders: TypeAlias = NamedDependency[SkipValidation[OpenWebUIOrders]]
TheSecrets: TypeAlias = NamedDependency[SkipValidation[Secrets]]
TheStudioOrders: TypeAlias = NamedDependency[SkipValidation[StudioOrders]]
ThePictures: TypeAlias = NamedDependency[SkipValidation[Pictures]]
TheFetcher: TypeAlias = NamedDependency[SkipValidation[Fetcher]]
TheCaller: TypeAlias = NamedDependency[SkipValidation[Caller]]
TheSharing: TypeAlias = NamedDependency[SkipValidation[Sharing]]
TheBlobs: TypeAlias = NamedDependency[SkipValidation[BlobStore]]
TheSigning: TypeAlias = NamedDependency[SkipValidation[Signing]]
TheReadiness: TypeAlias = NamedDependency[SkipValidation[Readiness]]
TheMetrics: TypeAlias = NamedDependency[SkipValidation[Metrics]]


class Services(Struct, frozen=True, kw_only=True):
    """Everything that surfaces work with; made once at each start."""

    db: Database
    door: Door
    sessions: Sessions
    sign_in: SignIn
    bus: Bus
    pictures: Pictures
    models: Models
    registry: Registry
    catalog_file: CatalogFile
    scheduler: Scheduler
    links: Links
    cursors: Cursors
    streams: Streams
    envelopes: Envelopes
    imports: Imports
    exports: Exports
    trash: Trash
    checkup: Checkup
    incoming: Incoming
    orders: Orders
    gallery_orders: GalleryOrders
    chat: Chat
    a1111_orders: A1111Orders
    a1111_extras: A1111Extras
    a1111_following: Following
    mcp: Mcp
    conversations: Conversations
    openai_orders: OpenAIOrders
    openwebui_orders: OpenWebUIOrders
    secrets: Secrets
    studio_orders: StudioOrders
    fetcher: Fetcher
    caller: Caller
    sharing: Sharing
    blobs: BlobStore
    signing: Signing
    readiness: Readiness
    metrics: Metrics


Current: TypeAlias = Callable[[], Services]
"""Handlers are registered before the start makes the services, so they ask when they are called."""


def provided(current: Current) -> dict[str, Provide]:
    """For `Litestar(dependencies=…)`: each service by its field's name, and `principal`, who asks."""
    given = {name: Provide(_one(current, name), sync_to_thread=False) for name in Services.__struct_fields__}
    return {**given, "principal": Provide(principal_of, sync_to_thread=False)}


def hand_over_in_turn(app: Litestar) -> None:
    """See that dependencies are handed over one after the other.

    Litestar begins a task for each as soon as there are two, in case they wait for something; ours wait for nothing,
    and the tasks took 30 us each.
    """
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                model.dependency_batches = [{each} for batch in model.dependency_batches for each in batch]


def _one(current: Current, name: str) -> Any:
    def give() -> Any:
        return getattr(current(), name)

    return give
