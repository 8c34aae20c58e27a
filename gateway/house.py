"""The composition root: the only place that knows which parts there are, and what each is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

from litestar import Litestar

from gateway import accounts
from gateway.accounts import own_limits
from gateway.accounts.device_cookies import DeviceCookies
from gateway.accounts.limits import RequestLimits
from gateway.accounts.sessions import Sessions
from gateway.accounts.signing_in import SignIn
from gateway.api.a1111.extras import A1111Extras
from gateway.api.a1111.following import Following
from gateway.api.a1111.orders import A1111Orders
from gateway.api.chat.work import ChatWork
from gateway.api.cursors import Cursors
from gateway.api.door import Door
from gateway.api.gallery.content import Pictures
from gateway.api.gallery.orders import GalleryOrders
from gateway.api.given import Services
from gateway.api.links import Links
from gateway.api.mcp.beginning import begin
from gateway.api.mcp.calling import Calling
from gateway.api.mcp.looking import Looking
from gateway.api.mcp.making import Making
from gateway.api.mcp.pictures import Views
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
from gateway.catalog import Catalog, CatalogFile, Settings, ensure_models_file
from gateway.chat import links as chat_links
from gateway.chat.answering import Chat
from gateway.chat.language import Language
from gateway.chat.lasting import Lasting
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
from gateway.jobs.leftovers import Leftovers, needed
from gateway.models import Models
from gateway.registry import Registry
from gateway.scheduling.loop import Scheduler
from gateway.secrets import Secrets
from gateway.sharing import Sharing
from gateway.storage import BlobStore, Signer
from gateway.storage.inplace import InPlace
from gateway.storage.opening import opened
from gateway.storage.signing import DAY
from gateway.wallet.allowances import keep_granting
from gateway.webhooks.caller import Caller
from gateway.webhooks.signing import Signing
from gateway.wiring import Wiring
from gateway.workers.devices import devices

SIGNATURES, CURSORS, SESSIONS, DEVICES, WEBHOOKS = "signed urls", "cursors", "sessions", "device cookies", "webhooks"
SHARES, ENTRIES = "share tokens", "share cookies"
"""What the keys derived from the master key are for; another name makes every address void that was handed out."""


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
            # Before the first key is made: it is shown once, by a start that succeeds.
            blobs = await opened(self.wiring.blobs_url, InPlace(db).find)
            await migrate(db, self.wiring.data / "backups")
            app.state.first_key = await accounts.bootstrap(db, self.wiring.admin_key)
            app.state.first_token = await accounts.first_token(db)
            app.state.command_key = await accounts.command_key(db)
            stack.push_async_callback(accounts.revoke_command_key, db)
            await _behind(stack, accounts.keep_uses(db))
            await _behind(stack, backfill.catch_up(db))
            await _behind(stack, backfill.leave_accents_out(db))
            await own_limits.load(db)
            self.services = await self._furnish(stack, db, blobs)
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

    async def _furnish(self, stack: AsyncExitStack, db: Database, blobs: BlobStore) -> Services:
        settings = self.catalog_file.catalog.settings
        models = Models(self.registry, self.secrets.get)
        stack.push_async_callback(models.close)
        await models.refresh(self.catalog_file.catalog)
        bus = Bus()
        await admission(bus).rebuild(db)
        scheduler = Scheduler(db, bus, models, blobs, await asyncio.to_thread(devices))
        self.signer = signer = Signer(self.secrets.derive(SIGNATURES), self.wiring.url, settings.urls.lifetime_days)
        closed = Closed(db, lambda: self._settings.urls.lifetime_days)
        await closed.rebuild()
        trash, talks = Trash(db, closed, chat_links.forget), Lasting(db, lambda: self._settings.chat)
        exports = Exports(db, bus, blobs, lambda: self._settings)
        await exports.start()
        stack.push_async_callback(exports.close)
        checkup = Checkup(db, blobs, needed())
        stack.push_async_callback(checkup.close)
        links = Links(signer, closed)
        streams = Streams()
        fetcher = Fetcher(lambda: self._settings.fetch, self.internet)
        stack.callback(fetcher.close)
        incoming = Incoming(db, blobs, fetcher, lambda: self._settings, links.blob_of)
        stack.push_async_callback(asyncio.to_thread, incoming.close)
        imports = Imports(db, blobs, lambda: self._settings)
        stack.push_async_callback(asyncio.to_thread, imports.close)
        await _behind(stack, Leftovers(db, blobs, lambda: self._settings, trash, closed, exports, talks).keep_swept())
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
