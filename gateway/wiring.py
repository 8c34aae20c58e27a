"""Where things are: paths, ports and URLs, from the environment and the command's flags.

This is the only reader of `os.environ`; everything that is not wiring stands in models.toml. The environment is handed
on whole, for `gateway.secrets` to find the values of secrets in.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import platformdirs
from msgspec import Struct

from gateway.errors import ConfigurationError
from gateway.nearest import did_you_mean

LOG_LEVELS = ("debug", "info", "warning", "error")
DATABASES = ("sqlite", "postgresql", "postgres")
"""What may stand before `://`, with or without a driver; which driver is the database's own affair."""
BLOB_SCHEMES = ("file", "memory", "s3")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (only spoken of, not bound)


class Wiring(Struct, frozen=True, kw_only=True):
    """What this process is connected to. Made by `from_environment`; tests make it directly."""

    data: Path
    """The data folder, absolute; it need not exist yet."""
    models: Path | None = None
    database_url: str | None = None
    blobs: str | None = None
    host: str = "127.0.0.1"
    port: int = 7878
    """0: any free one."""
    public_url: str | None = None
    """How clients reach us, without a slash at its end; may have a sub-path."""
    admin_key: str | None = None
    log: str = "info"
    environment: Mapping[str, str] = MappingProxyType({})
    """For `gateway.secrets` only."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, **flags: str | int | os.PathLike[str] | None) -> Wiring:
        """Read `environ` (else the process's own); a flag that is not None wins over its variable, an empty variable
        counts as none. Raises ConfigurationError that names every bad value with its variable and flag.
        """
        environ = os.environ if environ is None else environ
        if strange := set(flags) - {setting.name for setting in SETTINGS}:
            raise TypeError(f"no such wiring: {', '.join(sorted(strange))}")
        values: dict[str, Any] = {"data": platformdirs.user_data_path("darkroom", appauthor=False)}
        problems: list[tuple[str, str]] = []
        for setting in SETTINGS:
            given = flags.get(setting.name)
            text = environ.get(setting.variable, "").strip() if given is None else str(given)
            if not text and given is None:
                continue
            try:
                values[setting.name] = setting.read(text)
            except ValueError as error:
                problems.append((setting.variable, setting.problem(text, str(error))))
        if problems:
            raise ConfigurationError("; ".join(message for _, message in problems), field=problems[0][0])
        return cls(**values, environment=MappingProxyType(dict(environ)))

    @property
    def models_path(self) -> Path:
        """models.toml. Only the one in the data folder is made when it is missing."""
        return self.models or self.data / "models.toml"

    @property
    def database(self) -> str:
        """The URL for `gateway.db.Database`."""
        return self.database_url or f"sqlite:///{self.data / 'darkroom.db'}"

    @property
    def blobs_url(self) -> str:
        return self.blobs or (self.data / "blobs").as_uri()

    @property
    def url(self) -> str:
        """How clients reach us: the public URL, else where we listen."""
        if self.public_url:
            return self.public_url
        host = _ANY_ADDRESS.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def server_file(self) -> Path:
        """Where a running gateway says how its own command reaches it."""
        return self.data / "server.json"

    @property
    def lock_file(self) -> Path:
        return self.data / "darkroom.lock"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # Keys and passwords must not reach a log by way of a struct that is printed.
        return [("data", str(self.data)), ("models", str(self.models_path)), ("url", self.url), ("log", self.log)]

    def __repr__(self) -> str:
        return f"Wiring({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class Setting(NamedTuple):
    """One part of the wiring: its field, and how its text is read. `read` raises ValueError that says what is allowed."""

    name: str
    read: Callable[[str], object]
    secret: bool = False
    """Never shown, and no flag: other users of the machine see a process's arguments."""

    @property
    def variable(self) -> str:
        return f"DARKROOM_{self.name.upper()}"

    @property
    def flag(self) -> str | None:
        return None if self.secret else "--" + self.name.replace("_", "-")

    def problem(self, text: str, allowed: str) -> str:
        where = f"{self.variable} ({self.flag})" if self.flag else self.variable
        # A database's URL may hold its password.
        shown = "the value" if self.secret or "@" in text else f'"{text}"'
        return f"{where}: {shown} {allowed}"


def _folder(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError("is not a folder; give the path of a folder, which is made when it is missing")
    return path


def _file(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        raise ValueError("is a folder; give the path of a models.toml")
    return path


def _database(text: str) -> str:
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.partition("+")[0] not in DATABASES:
        near = did_you_mean(scheme, DATABASES) if separator else ""
        raise ValueError(f"is no database's URL{near or ';'} give sqlite:///… or postgresql://…")
    return text


def _blobs(text: str) -> str:
    scheme, separator, _ = text.partition("://")
    if not separator:
        return _folder(text).as_uri()
    if scheme not in BLOB_SCHEMES:
        near = did_you_mean(scheme, BLOB_SCHEMES)
        raise ValueError(f"is no store's URL{near or ';'} give a folder, file:///…, s3://bucket/… or memory://")
    return text


def _host(text: str) -> str:
    bare = text.removeprefix("[").removesuffix("]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", text) and not re.fullmatch(r"[\d.]+", text):
            return text
    raise ValueError(
        "is neither a host's name nor an address; give one such as 127.0.0.1 or 0.0.0.0 (the port has a setting of its own)"
    )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise ValueError("is not a port; give a whole number from 1 to 65535, or 0 for any free one")


def _public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment or parts.username is not None or re.search(r"\s", text):
        raise ValueError(
            "is not the address of a site; give one such as https://pictures.example.org or https://example.org/darkroom"
        )
    return f"{parts.scheme}://{parts.netloc}{quote(parts.path, safe='/%~').rstrip('/')}"


def _admin_key(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("cannot be sent as a key; give printable ASCII characters without a space")
    return text


def _log(text: str) -> str:
    level = text.lower()
    if level not in LOG_LEVELS:
        near = did_you_mean(level, LOG_LEVELS)
        raise ValueError(f"is no level of the log{near or ';'} give one of {', '.join(LOG_LEVELS)}")
    return level


SETTINGS = (
    Setting("data", _folder),
    Setting("models", _file),
    Setting("database_url", _database),
    Setting("blobs", _blobs),
    Setting("host", _host),
    Setting("port", _port),
    Setting("public_url", _public_url),
    Setting("admin_key", _admin_key, secret=True),
    Setting("log", _log),
)
"""Every variable and flag there is."""
