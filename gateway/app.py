"""The surfaces put together: routes, what is around them, and the house behind."""

from __future__ import annotations

from collections.abc import Callable

from litestar import Litestar, Router

from gateway.api.a1111.routes import a1111_routers
from gateway.api.access import authenticated
from gateway.api.admin.routes import admin_router
from gateway.api.bodies import JsonRequest
from gateway.api.chat.routes import chat_router
from gateway.api.common.routes import common_router
from gateway.api.cross_origin import CrossOrigin
from gateway.api.forms import MOST_PARTS
from gateway.api.forwarded import Forwarded
from gateway.api.gallery.byte_routes import ByteRoutes
from gateway.api.gallery.exporting import exports_router
from gateway.api.gallery.importing import importing_router
from gateway.api.gallery.listing import listing_router
from gateway.api.gallery.making import making_router
from gateway.api.gallery.reuse import reuse_router
from gateway.api.gallery.routes import gallery_router
from gateway.api.gallery.shares import sharing_router
from gateway.api.gallery.trashing import trash_router
from gateway.api.given import Services, hand_over_in_turn, provided
from gateway.api.mcp.routes import mcp_router
from gateway.api.openai.routes import openai_router
from gateway.api.openwebui.routes import openwebui_routers
from gateway.api.operations.routes import operations_router
from gateway.api.operations.schema import openapi_config
from gateway.api.queries import known_parameters, learn_parameters
from gateway.api.requests import Requests
from gateway.api.session.routes import session_router
from gateway.api.studio.routes import public_router, studio_router
from gateway.api.surfaces import HANDLERS
from gateway.api.tasks.routes import tasks_router
from gateway.api.team.routes import team_router
from gateway.api.webhooks.routes import webhooks_router
from gateway.fetch import Internet
from gateway.house import House
from gateway.pages.public import public_page
from gateway.pages.share import share_pages
from gateway.pages.welcome import welcome_page
from gateway.registry import Registry
from gateway.wiring import Wiring


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
