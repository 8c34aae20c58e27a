"""The composition root: the only place that knows which parts there are and what each is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

from litestar import Litestar, Router

from gateway import accounts
from gateway.accounts import own_limits
from gateway.accounts.device_cookies import DeviceCookies
from gateway.accounts.limits import RequestLimits
from gateway.accounts.sessions import Sessions
from gateway.accounts.signing_in import SignIn
from gateway.api.a1111.extras import A1111Extras
from gateway.api.a1111.following import Following
from gateway.api.a1111.orders import A1111Orders
from gateway.api.a1111.routes import a1111_routers
from gateway.api.access import authenticated
from gateway.api.admin.routes import admin_router
from gateway.api.bodies import JsonRequest
from gateway.api.chat.routes import chat_router
from gateway.api.chat.work import ChatWork
from gateway.api.common.routes import common_router
from gateway.api.cross_origin import CrossOrigin
from gateway.api.cursors import Cursors
from gateway.api.door import Door
from gateway.api.forms import MOST_PARTS
from gateway.api.forwarded import Forwarded
from gateway.api.gallery.byte_routes import ByteRoutes
from gateway.api.gallery.content import Pictures
from gateway.api.gallery.exporting import exports_router
from gateway.api.gallery.importing import importing_router
from gateway.api.gallery.listing import listing_router
from gateway.api.gallery.making import making_router
from gateway.api.gallery.orders import GalleryOrders
from gateway.api.gallery.reuse import reuse_router
from gateway.api.gallery.routes import gallery_router
from gateway.api.gallery.shares import sharing_router
from gateway.api.gallery.trashing import trash_router
from gateway.api.given import Services, hand_over_in_turn, provided
from gateway.api.links import Links
from gateway.api.mcp.beginning import begin
from gateway.api.mcp.calling import Calling
from gateway.api.mcp.looking import Looking
from gateway.api.mcp.making import Making
from gateway.api.mcp.pictures import Views
from gateway.api.mcp.routes import mcp_router
from gateway.api.mcp.serving import Mcp
from gateway.api.openai.conversations import Conversations
from gateway.api.openai.orders import OpenAIOrders
from gateway.api.openai.routes import openai_router
from gateway.api.openwebui.orders import OpenWebUIOrders
from gateway.api.openwebui.routes import openwebui_routers
from gateway.api.operations.metrics import Metrics
from gateway.api.operations.readiness import Readiness
from gateway.api.operations.routes import operations_router
from gateway.api.operations.schema import openapi_config
from gateway.api.queries import known_parameters, learn_parameters
from gateway.api.requests import Requests
from gateway.api.session.routes import session_router
from gateway.api.streams import Streams
from gateway.api.studio.orders import StudioOrders
from gateway.api.studio.routes import public_router, studio_router
from gateway.api.surfaces import HANDLERS
from gateway.api.tasks.envelopes import Envelopes
from gateway.api.tasks.orders import Orders
from gateway.api.tasks.routes import tasks_router
from gateway.api.team.routes import team_router
from gateway.api.webhooks.routes import webhooks_router
from gateway.catalog import Catalog, CatalogFile, Settings, ensure_models_file
from gateway.chat.answering import Chat
from gateway.chat.language import Language
from gateway.db import Database
from gateway.db.lock import hold
from gateway.db.migrations import migrate
from gateway.events import Bus
from gateway.fetch import Fetcher, Internet
from gateway.images import backfill, publishing
from gateway.images.checkup import Checkup
from gateway.images.closed import Closed
from gateway.images.imports import Imports
from gateway.images.incoming import Incoming
from gateway.images.trash import Trash
from gateway.jobs import idempotency
from gateway.jobs.admission import admission
from gateway.jobs.exports import Exports
from gateway.jobs.leftovers import Leftovers
from gateway.models import Models
from gateway.pages.public import public_page
from gateway.pages.share import share_pages
from gateway.pages.welcome import welcome_page
from gateway.registry import Registry
from gateway.scheduling.loop import Scheduler
from gateway.secrets import Secrets
from gateway.sharing import Sharing
from gateway.storage import BlobStore, Signer
from gateway.storage.inplace import InPlace
from gateway.storage.signing import DAY
from gateway.wallet.allowances import keep_granting
from gateway.webhooks.caller import Caller
from gateway.webhooks.signing import Signing
from gateway.wiring import Wiring
from gateway.workers.devices import devices

SIGNATURES, CURSORS, SESSIONS, DEVICES, WEBHOOKS = "signed urls", "cursors", "sessions", "device cookies", "webhooks"
SHARES, ENTRIES = "share tokens", "share cookies"
"""What the keys derived from the master key are for; another name makes every address void that was handed out."""


def create_app(wiring: Wiring, *, registry: Registry | None = None, internet: Internet | None = None) -> Litestar:
    """The whole gateway; `app.lifespan()` starts and ends it.

    `registry` and `internet` are for tests; else the installed plugins, and what the operating system gives.

    While it runs, `app.state` has `command_key` (a key of its own for this machine's `darkroom` command; it opens
    nothing any more when the gateway ends), `first_key` (the administrator's, at the first start only), `first_token`
    (which sets the administrator's e-mail and password, as long as there are none) and `streams` (`end()` them before
    waiting for connections to close). `max_connections` is for whoever listens, before it runs too.

    Raises ConfigurationError, of which CatalogError and AlreadyRunning are two.
    """
    house = House(wiring, registry or Registry.discover(), internet)
    return assembled(lambda: house)


def assembled(current: Callable[[], House]) -> Litestar:
    """The surfaces of the house that is the `current` one: another may take its place while the gateway does not run.

    How large bodies may be and what the document says is its address are those of the first.
    """

    def given() -> Services:
        return current().services

    settings = current().catalog_file.catalog.settings
    with_key = Router(
        "/",
        guards=[authenticated(lambda: given().door), known_parameters],
        route_handlers=[
            session_router(),
            tasks_router(),
            webhooks_router(),
            studio_router(),
            *openwebui_routers(),
            openai_router(),
            *a1111_routers(),
            gallery_router(),
            listing_router(),
            sharing_router(),
            making_router(),
            reuse_router(),
            chat_router(),
            trash_router(),
            exports_router(),
            importing_router(),
            common_router(),
            team_router(),
            admin_router(),
            mcp_router(),
        ],
    )

    pages = (welcome_page(given), public_page(given), share_pages(given))
    app = Litestar(
        route_handlers=[with_key, public_router(), *pages, operations_router()],
        dependencies=provided(given),
        exception_handlers=HANDLERS,
        lifespan=[lambda app: current().open(app)],
        logging_config=None,
        openapi_config=openapi_config(current().wiring.public_url),
        request_class=JsonRequest,
        multipart_form_part_limit=MOST_PARTS,
        request_max_body_size=settings.limits.max_body_bytes,
    )
    hand_over_in_turn(app)
    learn_parameters(app)
    with_bytes = ByteRoutes(app.asgi_handler, lambda: given().pictures)
    for_pages = CrossOrigin(with_bytes, lambda: current().catalog_file.catalog.settings.http.cors_origins)
    with_id = Requests(for_pages, lambda: given().metrics)
    app.asgi_handler = Forwarded(with_id, lambda: current().catalog_file.catalog.settings.http.trusted_proxies)
    app.state.max_connections = settings.http.max_connections
    return app


class House:
    """One gateway: its files are read when it is made, everything else is opened by `open`."""

    services: Services
    signer: Signer

    def __init__(self, wiring: Wiring, registry: Registry, internet: Internet | None = None) -> None:
        self.wiring = wiring
        self.registry = registry
        self.internet = internet
        self.secrets = Secrets.open(wiring.data, wiring.environment)
        if wiring.models is None:
            ensure_models_file(wiring.models_path)
        self.catalog_file = CatalogFile(wiring.models_path, registry)

    @asynccontextmanager
    async def open(self, app: Litestar) -> AsyncIterator[None]:
        """Start in the order of need; end in the opposite one."""
        async with AsyncExitStack() as stack:
            db = Database(self.wiring.database)
            stack.enter_context(hold(self.wiring.data, db.path))
            stack.push_async_callback(db.close)
            await stack.enter_async_context(db.alone())
            await migrate(db, self.wiring.data / "backups")
            app.state.first_key = await accounts.bootstrap(db, self.wiring.admin_key)
            app.state.first_token = await accounts.first_token(db)
            app.state.command_key = await accounts.command_key(db)
            stack.push_async_callback(accounts.revoke_command_key, db)
            await _behind(stack, accounts.keep_uses(db))
            await _behind(stack, backfill.catch_up(db))
            await own_limits.load(db)
            self.services = await self._furnish(stack, db)
            app.state.streams = self.services.streams
            await self.services.scheduler.start()
            stack.push_async_callback(self.services.scheduler.stop)
            scheduler = self.services.scheduler
            await _behind(stack, self.services.models.keep_asking(scheduler.models_changed, scheduler.engines_asleep))
            await _behind(stack, self.services.caller.run())
            await _behind(stack, idempotency.keep_swept(db))
            await _behind(stack, keep_granting(db, lambda: self._settings.credits))
            await _behind(stack, self.catalog_file.watch(self._follow))
            stack.callback(self.services.streams.end)
            yield

    async def _furnish(self, stack: AsyncExitStack, db: Database) -> Services:
        settings = self.catalog_file.catalog.settings
        blobs = await asyncio.to_thread(BlobStore, self.wiring.blobs_url, InPlace(db).find)
        models = Models(self.registry, self.secrets.get)
        stack.push_async_callback(models.close)
        await models.refresh(self.catalog_file.catalog)
        bus = Bus()
        await admission(bus).rebuild(db)
        scheduler = Scheduler(db, bus, models, blobs, await asyncio.to_thread(devices))
        self.signer = signer = Signer(self.secrets.derive(SIGNATURES), self.wiring.url, settings.urls.lifetime_days)
        closed = Closed(db, lambda: self._settings.urls.lifetime_days)
        await closed.rebuild()
        trash = Trash(db, closed)
        exports = Exports(db, bus, blobs, lambda: self._settings)
        await exports.start()
        stack.push_async_callback(exports.close)
        checkup = Checkup(db, blobs)
        stack.push_async_callback(checkup.close)
        links = Links(signer, closed)
        streams = Streams()
        fetcher = Fetcher(lambda: self._settings.fetch, self.internet)
        stack.callback(fetcher.close)
        incoming = Incoming(db, blobs, fetcher, lambda: self._settings, links.blob_of)
        stack.push_async_callback(asyncio.to_thread, incoming.close)
        imports = Imports(db, blobs, lambda: self._settings)
        stack.push_async_callback(asyncio.to_thread, imports.close)
        await _behind(stack, Leftovers(db, blobs, lambda: self._settings, trash, closed, exports).keep_swept())
        sessions = Sessions(db, self.secrets.derive(SESSIONS), lambda: self._settings.sessions.lifetime_days)
        door = Door(db, sessions, RequestLimits(lambda: self._settings.limits), self.wiring.url)
        sharing = Sharing(db, blobs, closed, (self.secrets.derive(SHARES), self.secrets.derive(ENTRIES)), self.wiring.url)
        stack.push_async_callback(sharing.views.flush)
        await _behind(stack, sharing.views.keep())
        await _behind(stack, publishing.catch_up(db, blobs))
        envelopes = Envelopes(db, scheduler, links)
        signing = Signing(self.secrets.derive(WEBHOOKS))
        orders = Orders(db, bus, models, scheduler, incoming)
        gallery_orders = GalleryOrders(db, bus, models, scheduler, orders)
        language = Language(lambda: self._settings.chat, self.secrets)
        chat = Chat(db, ChatWork(gallery_orders), language)
        stack.push_async_callback(chat.close)
        a1111_following = Following(bus)
        await a1111_following.rebuild(db)
        stack.callback(a1111_following.close)
        a1111_orders = A1111Orders(db, bus, models, scheduler, incoming, blobs)
        openai_orders = OpenAIOrders(db, bus, models, orders, streams, blobs, links)
        cursors, views = Cursors(self.secrets.derive(CURSORS)), Views(blobs)
        making = Making(db, bus, scheduler, gallery_orders, views, links, streams, lambda: self._settings)
        looking = Looking(db, models, scheduler, views, links, cursors)
        mcp = Mcp(db, bus, partial(begin, Calling(making, looking), looking))
        stack.push_async_callback(mcp.close)
        return Services(
            db=db,
            door=door,
            sessions=sessions,
            sign_in=SignIn(db, sessions, DeviceCookies(self.secrets.derive(DEVICES))),
            bus=bus,
            pictures=Pictures(db, blobs, signer, door, closed, sharing.live),
            trash=trash,
            exports=exports,
            checkup=checkup,
            models=models,
            registry=self.registry,
            catalog_file=self.catalog_file,
            scheduler=scheduler,
            links=links,
            cursors=cursors,
            streams=streams,
            envelopes=envelopes,
            fetcher=fetcher,
            caller=Caller(db, bus, fetcher.post, envelopes.json, signing, lambda: self._settings.webhooks),
            signing=signing,
            sharing=sharing,
            blobs=blobs,
            imports=imports,
            incoming=incoming,
            orders=orders,
            gallery_orders=gallery_orders,
            chat=chat,
            a1111_orders=a1111_orders,
            a1111_extras=A1111Extras(db, bus, models, scheduler, incoming, blobs, a1111_orders),
            a1111_following=a1111_following,
            mcp=mcp,
            conversations=Conversations(db, models, scheduler, incoming, links, openai_orders),
            openai_orders=openai_orders,
            openwebui_orders=OpenWebUIOrders(db, bus, models, scheduler, orders, streams, links),
            secrets=self.secrets,
            studio_orders=StudioOrders(db, bus, models, scheduler, incoming, blobs, links),
            readiness=Readiness(db, blobs),
            metrics=Metrics(bus, scheduler),
        )

    @property
    def _settings(self) -> Settings:
        """As they are now."""
        return self.catalog_file.catalog.settings

    async def _follow(self, _old: Catalog, new: Catalog) -> None:
        """models.toml has changed."""
        self.signer.lifetime = new.settings.urls.lifetime_days * DAY
        await self.services.models.refresh(new)
        self.services.scheduler.models_changed()


async def _behind(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` beside everything else until the stack is left; it then ends before what was opened earlier."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
