"""`[settings.*]` of models.toml: every setting with its default, its bounds and what it is for."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.catalog.kinds import ANY_ORIGIN, AUTO, Folder, Network, Origin
from gateway.catalog.kinds import Credits as CreditAmount

MEBIBYTE = 1 << 20
Days = Annotated[int, Meta(ge=1, le=3650)]
Bytes = Annotated[int, Meta(ge=1024, le=1 << 40)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Pixels = Annotated[int, Meta(ge=4096, le=1 << 30)]
DefaultSize = Annotated[
    str, Meta(pattern=r"^(auto|[1-9][0-9]{0,4}x[1-9][0-9]{0,4})?$", description='a size such as "1024x768", "auto", or nothing')
]


class Urls(Struct, frozen=True, kw_only=True):
    lifetime_days: Days = 7
    """How long a signed URL opens; the end is rounded up to the day, so that caches can keep what it shows."""


class Jobs(Struct, frozen=True, kw_only=True):
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    """How often a job may fail for reasons that are not its own before it fails for good."""
    away_minutes: Annotated[float, Meta(ge=0, le=100_000)] = 15.0
    """How long a job waits for an engine that cannot be reached before it fails. Such tries count as no attempts, since
    nothing was begun."""
    sync_timeout_seconds: Annotated[int, Meta(ge=1, le=3600)] = 180
    """How long a request that waits for its pictures does so; then the job goes on without it."""
    fail_over: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    """The models, by id or alias and in this order, of which the next that can takes over a job that left the model to us
    (`auto`) when its own cannot run it. "auto" among them: all others, the best first. Empty: nobody does."""


class Share(Struct, frozen=True, kw_only=True):
    """How much one key, one user or one team may ask for; 0: as much as it likes."""

    requests_per_minute: Count = 0
    """In windows of a minute; beyond: 429."""
    queued_jobs: Count = 0
    """Jobs that wait; beyond: 429."""
    interactive_jobs: Count = 0
    """Interactive jobs that wait or run; beyond: 429, and bulk ones are still taken."""
    running_jobs: Count = 0
    """Jobs that run at once, over all lanes; beyond: they wait."""


class UserShare(Share, frozen=True, kw_only=True):
    interactive_jobs: Count = 1000
    """Enough for a person; a script that floods the interactive class is sent to the bulk one."""


class Limits(Struct, frozen=True, kw_only=True):
    max_body_bytes: Bytes = 64 * MEBIBYTE
    """The largest request; larger ones get 413."""
    max_pixels: Pixels = 20_000_000
    """The largest picture that is delivered, width times height; a little above 4096 x 4096."""
    key: Share = Share()
    user: UserShare = UserShare()
    team: Share = Share()


class Http(Struct, frozen=True, kw_only=True):
    trusted_proxies: tuple[Network, ...] = ()
    """Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; a peer on this machine is believed no more than any."""
    max_connections: Annotated[int, Meta(ge=16, le=1_000_000)] = 4096
    """Connections that are open at once, streams and idle ones too; beyond: 503. In force from the next start on."""
    cors_origins: tuple[Origin, ...] = ()
    """Whose pages may call the APIs with a key and read the answers; `"*"` alone: everybody's. Cookies open nothing to them."""

    def __post_init__(self) -> None:
        if ANY_ORIGIN in self.cors_origins and len(self.cors_origins) > 1:
            raise ValueError('cors_origins has "*", which lets in every origin; take it out, or the others')


class Sessions(Struct, frozen=True, kw_only=True):
    lifetime_days: Days = 14
    """How long a sign-in to the web pages lasts."""


class Fetch(Struct, frozen=True, kw_only=True):
    """Pictures that requests name by URL."""

    max_bytes: Bytes = 32 * MEBIBYTE
    """The largest file that is fetched."""
    seconds: Annotated[float, Meta(ge=1, le=300)] = 20.0
    """How long one may take, from looking up its name to its last byte."""
    max_redirects: Annotated[int, Meta(ge=0, le=20)] = 5
    """How often it may lead elsewhere."""


class Uploads(Struct, frozen=True, kw_only=True):
    """Pictures that people bring: uploaded, fetched, or within a request."""

    days: Days = 7
    """How long one that nobody saved is kept after its last use."""
    max_pixels: Annotated[int, Meta(ge=4096, le=89_000_000)] = 50_000_000
    """The largest that is unpacked, width times height: four bytes of memory each, for a moment twice that. Beyond the
    bound Pillow itself takes a picture for a bomb."""


class Imports(Struct, frozen=True, kw_only=True):
    folders: tuple[Folder, ...] = ()
    """Under these an administrator may import pictures in place: they stay where they lie. In the file only, as paths are."""


class Gallery(Struct, frozen=True, kw_only=True):
    trash_days: Days = 30
    """How long a picture lies in the trash before it is deleted for good, its files with it."""
    export_hours: Annotated[int, Meta(ge=1, le=8760)] = 24
    """How long the archive of an export can be fetched."""
    export_bytes_per_team: Annotated[int, Meta(ge=0, le=1 << 50)] = 20_000_000_000
    """Of archives that are kept or being written; what would be more is refused. 0: no bound."""
    edit_model: str = ""
    """What edits a picture where the request names no model; empty: `gpt-image-2` where a model on offer answers to that,
    else the best that can. The best steps in too where this one is not well, or cannot do what is asked."""


class Marking(Struct, frozen=True, kw_only=True):
    enabled: bool = True
    """Whether every picture says, for machines to read, that a machine made it."""


class Credits(Struct, frozen=True, kw_only=True):
    enabled: bool = False
    """Whether teams pay for pictures. False: what they would pay is counted, and nothing is ever refused for it."""
    per_usd: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 1000
    """Credits that are worth a US dollar, where prices are shown in dollars too."""
    monthly_per_team: CreditAmount = Decimal(0)
    """What each team is granted at the beginning of each month, where nothing else was settled for it."""
    monthly_per_member: CreditAmount = Decimal(0)
    """What each team is granted for each of its members, the same way."""


class Webhooks(Struct, frozen=True, kw_only=True):
    allow: tuple[Network, ...] = ()
    """Private networks whose servers may be called too; others are called at public addresses only."""
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 10
    """How often a call is tried, over some three days, before it stands among the dead ones."""
    timeout_seconds: Annotated[float, Meta(ge=1, le=120)] = 15.0
    """How long a receiver may take to answer."""
    keep_days: Days = 30
    """How long deliveries can be seen, and sent again, after their end."""


class Chat(Struct, frozen=True, kw_only=True):
    """The language model that chooses what a chat message asks for. Without one the message itself is the edit's prompt."""

    base_url: str = ""
    """Of any endpoint that speaks OpenAI's chat completions API, such as http://127.0.0.1:11434/v1; empty: none. This and
    the key are given in the file only: they say where a secret is sent."""
    model: str = ""
    """As that endpoint calls it."""
    api_key: str = ""
    """The name of the secret; empty for an endpoint that wants none."""
    timeout_seconds: Annotated[float, Meta(ge=1, le=600)] = 60.0
    """How long it may take to answer."""
    history_messages: Annotated[int, Meta(ge=0, le=200)] = 20
    """How many messages of the session it is reminded of."""
    days: Annotated[int, Meta(ge=0, le=3650)] = 0
    """How long after its last message a session goes, whatever language model there is; 0: it stays until it is deleted."""


class OpenWebUI(Struct, frozen=True, kw_only=True):
    """Open WebUI's own API: what holds where a request leaves it open. `POST /api/images/config/update` writes this table."""

    generation: bool = True
    """Whether `/api/images/generations` makes pictures; else it answers 403."""
    edit: bool = True
    """The same of `/api/images/edit`."""
    engine: str = ""
    """An `[engines.<name>]` table: its models are the ones that a request is given which names none. Empty: any engine's."""
    model: str = ""
    """What a request is given that names none, by id or alias; empty: the best that can."""
    size: DefaultSize = ""
    """Of pictures whose request names neither a size nor a model, where the model can; empty or auto: the model's own."""
    steps: Annotated[int, Meta(ge=0, le=1000)] = 0
    """The same of their steps; 0: the model's own."""
    edit_engine: str = ""
    """The same three for edits."""
    edit_model: str = ""
    """Empty: as [settings.gallery] edit_model says."""
    edit_size: DefaultSize = ""
    """Empty or auto: of the source's ratio."""


CLOUD_NAMES = (
    "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst",
    "chatgpt-image-latest", "dall-e-2", "dall-e-3",
)  # fmt: skip
"""What clients ask for that were written for OpenAI."""


class Clients(Struct, frozen=True, kw_only=True):
    """Clients that were written for another server, and ask for the models of that."""

    aliases: dict[str, str] = field(default_factory=lambda: dict.fromkeys(CLOUD_NAMES, AUTO))
    """What a name means that no model here has, as its id or its own alias: the name of one that is here, or `auto`. A
    retired id stays retired."""
    unknown_model: Literal["default", "refuse"] = "refuse"
    """What a name comes to that neither a model nor an alias has: refused, or the best model that there is."""


class Mcp(Struct, frozen=True, kw_only=True):
    """The Model Context Protocol, at `/mcp`."""

    ticket_seconds: Annotated[int, Meta(ge=1, le=3600)] = 45
    """How long a tool waits for its pictures; then it answers with the job, to be waited for by another call. Many clients
    give up a call after 60 s."""


class Logging(Struct, frozen=True, kw_only=True):
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line for a collector."""


class Settings(Struct, frozen=True, kw_only=True):
    """The operator's settings, one table of the file for each field."""

    urls: Urls = Urls()
    jobs: Jobs = Jobs()
    limits: Limits = Limits()
    http: Http = Http()
    sessions: Sessions = Sessions()
    fetch: Fetch = Fetch()
    uploads: Uploads = Uploads()
    imports: Imports = Imports()
    gallery: Gallery = Gallery()
    chat: Chat = Chat()
    openwebui: OpenWebUI = OpenWebUI()
    clients: Clients = Clients()
    marking: Marking = Marking()
    mcp: Mcp = Mcp()
    logging: Logging = Logging()
    credits: Credits = Credits()
    webhooks: Webhooks = Webhooks()
