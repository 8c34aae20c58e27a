"""The contract between Darkroom and an engine plugin: values, events, errors, and three small base classes.

An engine imports this module and its own SDK, nothing of the gateway. It names itself in the entry-point group
`darkroom.engines`; each `[engines.<name>]` table of models.toml makes one instance of it. The gateway holds a light
front instance (cards and checks, never torch); each worker that runs the engine holds its own.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol

import numpy as np
from msgspec import Meta, Struct

from engines.errors import (
    ContentRejected,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    InvalidRequest,
    ModelUnusable,
    OutOfMemory,
    UpstreamOutcomeUnknown,
    UpstreamRateLimited,
)

__all__ = [
    "Batch", "Capability", "ContentRejected", "Done", "Engine", "EngineCrashed", "EngineError", "EngineUnavailable",
    "Event", "Failed", "Footprint", "Health", "ImageReady", "ImageRequest", "InvalidRequest", "Loading", "LocalEngine",
    "Lora", "ModelCard", "ModelSpec", "ModelUnusable", "NoOptions", "OutOfMemory", "Picture", "Pixels", "Progress",
    "RemoteEngine", "Replay", "SecretName", "Size", "Span", "UpstreamOutcomeUnknown", "UpstreamRateLimited",
    "WorkflowDescription", "WorkflowEngine",
]  # fmt: skip

Capability = Literal["text_to_image", "image_to_image", "inpaint", "upscale"]
Replay = Literal["safe", "reconcile", "never"]
Pixels = np.ndarray
"""uint8 of (height, width, 3 or 4); a mask is uint8 of (height, width), 255 = repaint."""


# ---------------------------------------------------------------------------------------------- values


class Size(Struct, frozen=True, order=True):
    """Pixels."""

    width: int
    height: int


class Span(Struct, frozen=True):
    """What a number may be, both ends included, and what it is when nobody says."""

    low: float
    high: float
    default: float


class ModelSpec(Struct, frozen=True):
    """One model as the engine sees it; a resident is known by (id, revision)."""

    id: str
    source: str
    """A path, a hub id, or whatever this engine's models are called by."""
    revision: str = ""
    """Hash of the model's entry and its engine's table."""
    options: Any = None
    """This engine's own keys of the entry: an instance of its `ModelOptions`."""


class ModelCard(Struct, frozen=True, kw_only=True):
    """What a model can do, as data; the gateway refuses the rest before it is queued or charged."""

    capabilities: tuple[Capability, ...]
    native_sizes: tuple[Size, ...] = ()
    """What it makes best, the default first; empty when any size within the limits is as good."""
    min_size: Size = Size(64, 64)
    max_size: Size = Size(2048, 2048)
    size_multiple: int = 8
    max_images: int = 4
    """Pictures per request."""
    max_batch: int = 1
    """Pictures per forward pass, of one request or of several."""
    max_references: int = 0
    takes_source: bool = True
    """False: image_to_image only looks at pictures, as `references`, and is given no `source`."""
    max_source_bytes: int | None = None
    """What each picture that is handed in may take as a PNG; larger ones are scaled down first, a mask with its source.
    None: 4 MB for what is never sent twice (paid clouds), else as much as it likes."""
    samplers: tuple[str, ...] = ()
    """Names as in `engines.samplers`, the default first; empty: the caller cannot choose."""
    steps: Span | None = None
    """None: the model has no such parameter, and one that is given is refused (so for the next two)."""
    guidance_scale: Span | None = None
    strength: Span | None = None
    negative_prompt: bool = False
    seeds: bool = True
    """False: the picture cannot be made again, and a given seed is refused."""
    max_prompt: int = 10_000
    """Characters."""
    max_loras: int = 0
    choices: dict[str, tuple[str, ...]] = {}
    """What else the caller may choose, by the names that the model's maker has for it, such as { quality = ("low", "high") };
    empty: nothing. One name means the same with every engine: of `background` the word `transparent` promises pictures with
    an alpha channel, and `opaque` such without."""
    replay: Replay = "safe"
    """What a crash may do with a job that was running: run it again, look it up first, or never send it again."""
    memory_bytes: int | None = None
    """What it will take on its device, if that can be told before it is loaded."""


class Lora(Struct, frozen=True):
    name: str
    weight: float = 1.0


class Picture(Struct, frozen=True):
    """One picture to be made; `ordinal` is its place among the pictures of the job."""

    ordinal: int
    seed: int | None


class ImageRequest(Struct, frozen=True, kw_only=True):
    """One job's work, resolved: what the engine shall make, in the engine's own sizes."""

    id: str
    model: str
    capability: Capability
    prompt: str
    pictures: tuple[Picture, ...]
    width: int
    height: int
    attempt: int = 1
    found_only: bool = False
    """Only where the card's `replay` is `reconcile`: take what earlier attempts left, send nothing, and be done with what is
    found. So a request is tried a last time that may be what the gateway stopped at."""
    negative_prompt: str = ""
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    """How much of `source` is made anew: 0 nothing, 1 all."""
    source: Pixels | None = None
    """The picture that is changed, already of this width and height; of its own size for `upscale`, and smaller where the
    card's `max_source_bytes` asks for it. An engine that sends it on does so as PNG."""
    mask: Pixels | None = None
    references: tuple[Pixels, ...] = ()
    """Pictures that are looked at."""
    loras: tuple[Lora, ...] = ()
    choices: dict[str, str] = {}
    """Of the card's `choices` those that the caller made; what is not here is left to the model."""


class Health(Struct, frozen=True):
    ok: bool
    reason: str = ""
    free_memory: int | None = None
    """Bytes, where the lane has a device and tells."""


class Footprint(Struct, frozen=True):
    """What a loaded model occupies on its device, in bytes."""

    bytes: int


# ---------------------------------------------------------------------------------------------- events


class Loading(Struct, frozen=True):
    """The batch waits for a model's weights; `share` is 0 to 1 where it is known."""

    model: str
    share: float | None = None


class Progress(Struct, frozen=True):
    request: str
    step: int
    total: int
    preview: Pixels | None = None
    """A small frame of how the first picture looks so far; only made while `Batch.watched`."""
    ordinal: int = 0


class ImageReady(Struct, frozen=True, kw_only=True):
    """One finished picture: pixels, or bytes that an upstream encoded (kept as delivered)."""

    request: str
    ordinal: int
    seed: int | None
    pixels: Pixels | None = None
    encoded: bytes | None = None
    parameters: dict[str, Any] = {}
    """What the engine did that the request does not say (a revised prompt, a crop)."""


class Failed(Struct, frozen=True):
    """One request of the batch came to nothing; its mates go on."""

    request: str
    error: EngineError


class Done(Struct, frozen=True):
    """All that will come for this request has come."""

    request: str
    upstream_id: str | None = None
    usage: dict[str, Any] | None = None


Event = Loading | Progress | ImageReady | Failed | Done


# ---------------------------------------------------------------------------------------------- engines


class Batch(Protocol):
    """Requests of equal batch key that run together; open while it runs."""

    model: ModelSpec
    """The model of all of them."""
    requests: Sequence[ImageRequest]
    saving: bool
    """Memory ran out on the last try: use every memory-saving setting that the model has, at the price of speed."""

    def newcomers(self) -> Sequence[ImageRequest]:
        """Requests that join now. Drains a mailbox and never waits; only engines that work in steps ask."""
        ...

    def canceled(self, request_id: str) -> bool: ...

    def watched(self, request_id: str) -> bool:
        """Whether anyone looks at previews of it."""
        ...


SecretName = Annotated[str, Meta(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$", description="the name of a secret")]
"""For a key of `Options`: models.toml has the name of a secret, and `Engine.secret` its value. Empty: none."""


def _no_secret(name: str) -> str:
    if not name:
        return ""
    raise ModelUnusable(f"The secret {name} is not set: put it in the environment or into secrets.toml.")


class NoOptions(Struct, forbid_unknown_fields=True, frozen=True):
    """An empty table."""


class Engine(abc.ABC):
    """What every engine has. `name` is the name of its table in models.toml."""

    Options: ClassVar[type[Struct]] = NoOptions
    """The `[engines.<name>]` table."""
    ModelOptions: ClassVar[type[Struct]] = NoOptions
    """This engine's own keys of a `[[models]]` entry."""
    set_by_http: ClassVar[frozenset[str]] = frozenset()
    """Those of `ModelOptions` that an administrator may set over HTTP too, and not in the file alone: none that runs code,
    reads what can, opens a path, or leads to a secret."""

    secret: Callable[[str], str] = staticmethod(_no_secret)
    """The value of a secret, by its name in `options`; empty for no name. The gateway puts its own in this one's place once
    the engine is made, so ask when you need it: in `card`, so that a missing one is seen early, and before each request.
    Raises ModelUnusable, which says where to put the value."""

    def __init__(self, name: str, options: Any) -> None:
        self.name = name
        self.options = options

    def lanes(self) -> Sequence[str]:
        """Remote engines: one name per server or account. Local ones: none, the devices are their lanes."""
        return ()

    async def discover(self) -> Sequence[ModelSpec]:
        """Every model that its server or account has: those that no entry of models.toml names are shown to the operator, who
        is given an entry of this id and source, with the options that are not the default. Raises EngineUnavailable, or
        ModelUnusable, where it cannot be asked.
        """
        return ()

    @abc.abstractmethod
    async def card(self, model: ModelSpec) -> ModelCard:
        """What the model can do: asks the server, or reads headers. Raises ModelUnusable or EngineUnavailable."""

    def check(self, request: ImageRequest, card: ModelCard) -> None:
        """Pure. Raises InvalidRequest for what the card cannot say; the card itself was checked before.

        No picture has been read yet: those of the request are blank, and as large as they will be.
        """
        return

    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        """Pure. Requests of equal keys may share a forward pass; None: alone."""
        return None

    async def health(self, lane: str) -> Health:
        """How a lane of `lanes` is, by a question that costs nothing; asked every now and then while nothing runs there, and
        after failures until it is well. Jobs are kept from a lane that is not. Local engines are not asked."""
        return Health(ok=True)

    def holds(self, model: ModelSpec) -> Hashable | None:
        """Pure. Remote engines: what a server has to load before it can make this model's pictures, if it keeps one such
        thing at a time; jobs that need the same one then go together, within limits. None: a change costs nothing."""
        return None

    async def aclose(self) -> None:
        return None


class RemoteEngine(Engine):
    """An engine that asks another server; runs on the event loop."""

    @abc.abstractmethod
    def generate(self, batch: Batch, lane: str) -> AsyncIterator[Event]:
        """Raises an EngineError for the whole batch; yields Failed for one of it."""


class WorkflowDescription(Struct, frozen=True, kw_only=True):
    """A graph that runs as a model, as `darkroom workflows` shows it."""

    name: str
    """What an entry's `source` says."""
    title: str
    capabilities: tuple[Capability, ...]
    notes: tuple[str, ...] = ()
    """What was guessed, and what is left to do."""
    files: dict[str, bytes] = {}
    """What an import made, by file name: to be put into the engine's folder of workflows."""


class WorkflowEngine(RemoteEngine):
    """A remote engine whose models are graphs in files; `darkroom workflows` asks these three."""

    @abc.abstractmethod
    async def workflows(self) -> Sequence[WorkflowDescription]: ...

    @abc.abstractmethod
    async def import_workflow(self, name: str, document: bytes, told: bytes | None = None) -> WorkflowDescription:
        """Another's graph made into a workflow of that name; `told` is Open WebUI's list of which node is what, else that
        is guessed. Raises InvalidRequest for what is no graph."""

    @abc.abstractmethod
    async def check_workflow(self, model: ModelSpec, lane: str) -> Sequence[str]:
        """What that server lacks for it, one line each. Raises ModelUnusable or EngineUnavailable."""


class LocalEngine(Engine):
    """An engine on a device of this machine. `load`, `unload` and `run` run on the device's own thread, one at a time."""

    def is_here(self, model: ModelSpec) -> bool:
        """Whether all its files are on this machine; where not, `load` fetches them first. Looks at the disk only."""
        return True

    def load(self, model: ModelSpec, device: str) -> Footprint:
        """Bring the model onto `device` ("cpu", "cuda:0"). Raises ModelUnusable or OutOfMemory."""
        return Footprint(0)

    def unload(self, model: ModelSpec, device: str) -> None:
        """Give back what `load` took."""
        return

    @abc.abstractmethod
    def run(self, batch: Batch, device: str, emit: Callable[[Event], None]) -> None:
        """Make the pictures, calling `emit` at safe boundaries. Raises an EngineError for the whole batch."""
