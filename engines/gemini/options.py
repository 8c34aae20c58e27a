"""What models.toml may say about this engine and its models."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from engines.contract import SecretName

GOOGLE = "https://generativelanguage.googleapis.com"
Method = Literal["generateContent", "predict"]


class Options(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The `[engines.<name>]` table: one account, or one proxy."""

    api_key: SecretName = ""
    base_url: str = GOOGLE
    api_version: str = "v1beta"
    models_path: str = "models"
    """What stands before a model's id in an address; at Vertex AI "publishers/google/models"."""
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 4
    """Requests that run at once; each is a lane."""
    timeout_seconds: Annotated[float, Meta(ge=1, le=3600)] = 300.0
    ca_file: str = ""
    """Certificates to trust instead of the usual ones."""

    def __post_init__(self) -> None:
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"base_url: give an address, such as {GOOGLE}")
        if address.username or address.password or address.query:
            raise ValueError("base_url: no key within it; put that into a secret, and give its name as api_key")
        if self.at_google and not self.api_key:
            raise ValueError('api_key: name the secret that has the key, such as api_key = "GEMINI_API_KEY"')

    @property
    def at_google(self) -> bool:
        return (urlsplit(self.base_url).hostname or "").endswith(".googleapis.com")

    @property
    def at_developers_api(self) -> bool:
        return self.base_url.rstrip("/") == GOOGLE


class Prices(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """US dollars for a million tokens, or for a picture."""

    input: float = 0.0
    text_output: float = 0.0
    image_output: float = 0.0
    picture: float | None = None


class ModelOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """This engine's own keys of a `[[models]]` entry."""

    like: str = ""
    """A model that is known here and that this one has the abilities of, where its own id says nothing."""
    method: Method | None = None
    """How it is asked; not given: as its card says."""
    image_size: Literal["", "512", "1K", "2K", "4K"] = ""
    """The largest that is asked for; not given: as large as the request wants."""
    safety: dict[str, str] = {}
    """Thresholds by category, such as { HARM_CATEGORY_HARASSMENT = "BLOCK_ONLY_HIGH" }."""
    person_generation: str = ""
    extra_body: dict[str, Any] = {}
    """Put into each request as it is."""
    prices: Prices | None = None
