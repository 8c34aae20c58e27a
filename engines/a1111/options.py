"""What an operator may write for this engine: the `[engines.<name>]` table, and its own keys of a `[[models]]` entry."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from engines.contract import SecretName

Count = Annotated[int, Meta(ge=1, le=64)]
Seconds = Annotated[float, Meta(gt=0)]


class Options(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The `[engines.<name>]` table."""

    servers: tuple[str, ...] = ("http://127.0.0.1:7860",)
    """Addresses, a path included where there is one; several share the load, and must offer the same models."""
    auth: SecretName = ""
    """The secret that holds `user:password`, for servers that were started with `--api-auth`."""
    exclusive: bool = False
    """True: nobody else uses these servers, so whatever runs there is ours and may be interrupted."""
    group: Count = 4
    """Pictures of one model that are made before another model's turn, of several jobs if need be: each change of the
    checkpoint costs a load."""
    restore_checkpoint: bool = False
    """The server goes back to the checkpoint that it had before, after every picture: two loads for each."""
    seconds: Seconds = 1800.0
    """Until a picture is given up; the first one waits for its checkpoint to be loaded, and for whoever is before us."""
    poll_seconds: Seconds = 0.5
    """Between two questions how far it is."""
    ca_file: str = ""
    """Certificates to trust instead of the usual ones."""

    def __post_init__(self) -> None:
        if not self.servers:
            raise ValueError("servers: name at least one")
        for address in self.servers:
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
                raise ValueError(f'servers: "{without_login(address)}" is no address; give one like "http://127.0.0.1:7860"')
            if "@" in parts.netloc:
                told = "holds a password; put user:password into a secret and its name into `auth`"
                raise ValueError(f'servers: "{without_login(address)}" {told}')
        if len(set(map(lane_of, self.servers))) < len(self.servers):
            raise ValueError("servers: the same one stands there twice")


class Hires(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Large pictures are made small, enlarged, and worked over: what A1111 calls the hires fix."""

    megapixels: Annotated[float, Meta(gt=0)] = 1.0
    """Pictures up to this size (of 2**20 pixels) are made at once."""
    scale: Annotated[float, Meta(gt=1, le=8)] = 2.0
    """How much smaller, on each side, the first picture is."""
    upscaler: Annotated[str, Meta(min_length=1)] = "Latent"
    strength: Annotated[float, Meta(ge=0, le=1)] = 0.5
    steps: Annotated[int, Meta(ge=0, le=150)] = 0
    """Of the second pass; 0: as many as of the first."""


class ModelOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """This engine's keys of a `[[models]]` entry."""

    batch_size: Count = 1
    """Pictures of one job at once; more are faster and need more memory. With 1 each is delivered as soon as it is made."""
    guidance: Literal["cfg_scale", "distilled_cfg_scale"] = "cfg_scale"
    """Which field guidance goes to; the second is Forge's, for FLUX and its kin, which then hear no negative prompt."""
    schedule: str | None = None
    """The schedule type for samplers whose name says none, such as "Simple"; not given: the plain one."""
    hires: Hires | None = None
    mask_blur: Annotated[int, Meta(ge=0, le=64)] = 4
    """Pixels over which a mask's edge is softened."""
    only_masked: bool = False
    """What is masked is cut out, made at full size and put back, with `padding` pixels around it to look at."""
    padding: Annotated[int, Meta(ge=0, le=256)] = 32
    settings: dict[str, Any] = {}
    """Further `override_settings` of every request, such as { CLIP_stop_at_last_layers = 2 }."""
    body: dict[str, Any] = {}
    """Further fields of every request, as the server's own documentation has them (`styles`, `tiling`, `alwayson_scripts`)."""


SET_BY_HTTP = frozenset({"batch_size", "guidance", "schedule", "hires", "mask_blur", "only_masked", "padding"})
"""Not `settings` and `body`: they reach whatever scripts and options the server has."""


def lane_of(address: str) -> str:
    """How a server is called in lanes and messages: its host, port and path."""
    parts = urlsplit(address)
    return parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")


def without_login(address: str) -> str:
    head, mark, tail = address.rpartition("@")
    return f"{head.partition('//')[0]}//…@{tail}" if mark else address
