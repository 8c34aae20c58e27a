"""What an operator may write for this engine: the `[engines.<name>]` table, and its own keys of a `[[models]]` entry."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from engines.contract import SecretName

Previews = Literal["auto", "latent2rgb", "taesd", "none"]


class Options(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The `[engines.<name>]` table. Its servers are alike: each has the nodes and files of every model of this engine."""

    servers: tuple[str, ...] = ("http://127.0.0.1:8188",)
    """Their addresses; each is a lane."""
    key: SecretName = ""
    """The name of the secret that a proxy before the servers wants: as a bearer token, or with `user` as a password."""
    user: str = ""
    ca_file: str = ""
    """Certificates to trust instead of the usual ones, for servers with certificates of one's own."""
    workflows: str = ""
    """A folder of workflows, looked through before those that come with Darkroom."""
    previews: Previews = "auto"
    """How servers that let each prompt choose make previews; older ones do as their --preview-method says."""
    uploads: Literal["temp", "input"] = "temp"
    """Where pictures that are worked on are put: `temp` is emptied when the server starts, `input` never. Some custom nodes
    read from `input` only."""
    patience_seconds: float = 30.0
    """How long a server that is away, as while it is started anew, is waited for; where there are several, a job that is not
    begun goes to another at once."""

    def __post_init__(self) -> None:
        if not self.servers:
            raise ValueError("servers: name at least one, such as http://127.0.0.1:8188")
        for url in self.servers:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError(f"servers: {url!r} is no address; give one such as http://127.0.0.1:8188")
            if parts.username or parts.password:
                raise ValueError("servers: an address holds no password; name its secret as `key`, and the user as `user`")
        if len({lane_of(url) for url in self.servers}) < len(self.servers):
            raise ValueError("servers: name each once")
        if self.user and not self.key:
            raise ValueError("user: `key` names the secret with this user's password")
        if not 0 <= self.patience_seconds <= 600:
            raise ValueError("patience_seconds: 0 to 600")


class ModelOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """This engine's keys of a `[[models]]` entry, whose `source` is the name of a workflow or the path of one."""

    also: tuple[str, ...] = ()
    """Further workflows, for what the first cannot do (image_to_image, inpaint, upscale)."""
    checkpoint: str = ""
    """The model's file as the server lists it; not given: the one that the workflow names."""
    inputs: dict[str, bool | int | float | str] = {}
    """What is written into nodes before anything else: "12.vae_name" = "ae.safetensors"."""


SET_BY_HTTP = frozenset({"checkpoint"})
"""A file's name, out of the server's own list."""


def lane_of(url: str) -> str:
    """`http://box:8188/comfy` is the lane `box:8188/comfy`."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}{parts.path.rstrip('/')}"
