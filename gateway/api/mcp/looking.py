"""Tools that look: which models there are, and what is in the gallery; and the gallery's pictures as resources."""

from __future__ import annotations

from msgspec import UNSET, Struct

from gateway.accounts import Principal
from gateway.api.choice import outlooks, team_names
from gateway.api.common.routes import model_row
from gateway.api.cursors import Cursors
from gateway.api.gallery.filters import filters
from gateway.api.links import Links
from gateway.api.mcp import wire
from gateway.api.mcp.answers import Call, Said
from gateway.api.mcp.asked import GetCall, ModelsCall, SearchCall
from gateway.api.mcp.naming import id_here, id_of
from gateway.api.mcp.pictures import View64, Views
from gateway.db import Database
from gateway.errors import NotFound, WrongState
from gateway.images import library, records
from gateway.images.image import Image
from gateway.images.library import Place
from gateway.images.wanted import Wanted
from gateway.models import Models
from gateway.routing import visible
from gateway.scheduling.loop import Scheduler

PAGE = 50
"""Resources of one page."""
RESOURCE_BYTES = 4 << 20
"""Of a file that is given as a resource as it is; of a larger one a smaller copy is."""


class Listed(Struct, frozen=True):
    """Pictures as resources, newest first."""

    images: list[Image]
    next: str | None


class Looking:
    """Looks."""

    def __init__(
        self, db: Database, models: Models, scheduler: Scheduler, views: Views, links: Links, cursors: Cursors
    ) -> None:
        self._db = db
        self._models = models
        self._scheduler = scheduler
        self._views = views
        self._links = links
        self._cursors = cursors

    async def models(self, call: Call, asked: ModelsCall) -> Said:
        """Those that the team may see, in the order of models.toml; or one of them. Raises NotFound."""
        now, offers = outlooks(self._models, self._scheduler), self._models.offers
        entries = visible(self._models.catalog, await team_names(self._db, self._models, call.principal))
        rows = [model_row(entry, self._models, now.get(entry.id), call.principal) for entry in entries]
        if asked.model is not None:
            rows = [row for row in rows if asked.model in (row.id, *row.aliases)]
            if not rows:
                raise NotFound(f"There is no model {asked.model!r}; without model, all are listed.", field="model")
        cards = {row.id: offers[row.id].card for row in rows if row.id in offers}
        whole = asked.model is not None
        return Said(data=wire.Catalog(models=[wire.offered(row, cards.get(row.id), whole=whole) for row in rows]))

    async def search(self, call: Call, asked: SearchCall) -> Said:
        """A page of the gallery. Raises InvalidInput."""
        found = filters(
            self._models,
            q=asked.q,
            model=asked.model,
            since=asked.since,
            until=asked.until,
            favorite=asked.favorite,
            tags=list(asked.tags or ()),
        )
        team_id = call.principal.team_id
        scope = (team_id, "mcp", asked.sort, *found.asked)
        place = self._cursors.open_place(asked.cursor, *scope)
        async with self._db.read() as connection:
            page = await library.page(
                connection,
                team_id,
                found.wanted,
                sort=asked.sort,
                limit=asked.limit,
                after=Place(*place) if place else None,
                counted=place is None,
            )
        following = self._cursors.seal(page.next.id, *scope, key=page.next.key) if page.next else UNSET
        gallery = wire.Gallery(
            images=[wire.found(image, self._links) for image in page.images],
            total=page.count.total if page.count else UNSET,
            total_capped=page.count.capped if page.count else False,
            next=following,
        )
        return Said(data=gallery)

    async def get(self, call: Call, asked: GetCall) -> Said:
        """Raises NotFound; WrongState for a picture in the trash."""
        image = await self._image(call.principal, id_here(self._links, asked.image, "image"), "image")
        return Said(data=wire.shown(image, self._links), views=tuple(await self._views.of([image], asked.view)))

    async def resources(self, principal: Principal, cursor: str | None) -> Listed:
        """A page of them. Raises InvalidInput, Forbidden."""
        principal.require("gallery.read")
        scope = (principal.team_id, "mcp resources")
        place = self._cursors.open_place(cursor, *scope)
        async with self._db.read() as connection:
            page = await library.page(
                connection, principal.team_id, Wanted(), limit=PAGE, after=Place(*place) if place else None
            )
        return Listed(page.images, self._cursors.seal(page.next.id, *scope, key=page.next.key) if page.next else None)

    async def resource(self, principal: Principal, uri: str) -> View64:
        """The picture itself. Raises NotFound, Forbidden, InvalidInput, WrongState."""
        principal.require("gallery.read")
        if not uri.startswith(wire.IMAGES):
            raise NotFound(f"There is no resource {uri[:100]!r}; a picture is {wire.IMAGES}{{id}}.")
        return await self._views.whole(await self._image(principal, id_of(uri, "uri"), "uri"), RESOURCE_BYTES)

    async def _image(self, principal: Principal, image_id: str, field: str) -> Image:
        async with self._db.read() as connection:
            try:
                image = await records.get(connection, principal.team_id, image_id)
            except NotFound as error:
                raise NotFound(error.message, field=field) from None
        if image.deleted_at is not None:
            raise WrongState(f"The image {image_id} is in the trash; restore it to look at it.", field=field)
        return image
