"""What models.toml may say about this engine and its models."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from engines.contract import SecretName

OPENAI = "https://api.openai.com/v1"
Share = Annotated[int, Meta(ge=0, le=100)]
Field = Literal["seed", "steps", "guidance_scale", "negative_prompt", "strength"]


class Options(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The `[engines.<name>]` table: one account, or one server."""

    api_key: SecretName = ""
    base_url: str = OPENAI
    organization: str = ""
    project: str = ""
    paid: bool = True
    """Whether pictures cost money there: then nothing is ever sent a second time once it may have been worked on."""
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 4
    """Requests that run at once; each is a lane."""
    timeout_seconds: Annotated[float, Meta(ge=1, le=3600)] = 600.0
    ca_file: str = ""
    """Certificates to trust instead of the usual ones."""

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("base_url: give the address where the API begins, such as http://127.0.0.1:8000/v1")
        if address.username or address.password or address.query:
            raise ValueError("base_url: no key or password within it; put that into a secret, and give its name as api_key")
        if self.at_openai and not self.api_key:
            raise ValueError('api_key: name the secret that has the key, such as api_key = "OPENAI_API_KEY"')

    @property
    def at_openai(self) -> bool:
        host = urlsplit(self.base_url).hostname or ""
        return host == "openai.com" or host.endswith(".openai.com")


class Prices(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """US dollars for a million tokens, or for a picture."""

    text_input: float = 0.0
    image_input: float = 0.0
    image_output: float = 0.0
    text_output: float = 0.0
    picture: dict[str, float] = {}
    """By quality, or by quality and size: "hd 1792x1024"; `otherwise` for all that is not named."""


class ModelOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """This engine's own keys of a `[[models]]` entry."""

    like: str = ""
    """A model of OpenAI that this one has the abilities and parameters of, where its own id says nothing."""
    quality: str = ""
    background: Literal["", "auto", "opaque", "transparent"] = ""
    output_format: Literal["", "png", "jpeg", "webp"] = ""
    output_compression: Share | None = None
    moderation: Literal["", "auto", "low"] = ""
    input_fidelity: Literal["", "low", "high"] = ""
    style: Literal["", "vivid", "natural"] = ""
    """DALL·E 3 only."""
    partial_images: Annotated[int, Meta(ge=0, le=3)] = 2
    """Previews of a picture while someone watches; OpenAI bills 100 output tokens for each."""
    parameters: dict[Field, str] = {}
    """For other servers: what a parameter is called in their requests, such as { steps = "num_inference_steps" }."""
    extra_body: dict[str, Any] = {}
    """Put into each request as it is."""
    prices: Prices | None = None

    def __post_init__(self) -> None:
        if self.background == "transparent" and self.output_format == "jpeg":
            raise ValueError('background = "transparent" needs output_format png or webp')
        if self.output_compression is not None and self.output_format not in ("jpeg", "webp"):
            raise ValueError("output_compression is for output_format jpeg or webp")
