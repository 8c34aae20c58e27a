"""Secrets by name, and the master key.

A secret's value is in the environment, else in `secrets.toml` in the data folder; models.toml holds names only. The
master key is made at the first start; URL signatures, share tokens and the like are HMACs under keys derived from it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import stat
import threading
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import tomlkit

from gateway import files
from gateway.errors import ConfigurationError, SecretMissing

log = logging.getLogger(__name__)

PRIVATE = 0o600
KEY_BYTES = 32
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = """\
# Secrets of this gateway, by name: models.toml speaks of them by these names only.
# Keep this file to yourself. A value in the environment wins over the one here.

"""


class Secrets:
    """Opened once at the start; safe to use from any thread."""

    def __init__(self, folder: Path, environment: Mapping[str, str], master_key: bytes) -> None:
        self.path = folder / "secrets.toml"
        self.master_key = master_key
        self._environment = environment
        self._turn = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._values: dict[str, str] = {}

    @classmethod
    def open(cls, folder: Path, environment: Mapping[str, str]) -> Secrets:
        """Make the folder (mode 0700) and the master key where they are missing, and read what is there.

        Raises ConfigurationError for a file that is damaged, or that others can read and we cannot close to them.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = cls(folder, environment, _master_key(folder / "master.key"))
        except OSError as error:
            where = error.filename or folder
            raise ConfigurationError(
                f"The data folder cannot be used: {where}: {error.strerror}.", field="DARKROOM_DATA"
            ) from error
        opened._read()
        return opened

    def get(self, name: str) -> str:
        """The secret's value. Raises SecretMissing, which names both places to put it, and ConfigurationError."""
        value = self._find(name)
        if not value:
            raise SecretMissing(
                f'The secret {name} is not set: put it in the environment, or as {name} = "…" in {self.path}.', field=name
            )
        return value

    def has(self, name: str) -> bool:
        return bool(self._find(name))

    def set(self, name: str, value: str) -> None:
        """Keep a secret in secrets.toml; its other lines stay as they are. Raises ConfigurationError, OSError.

        A value in the environment still wins: that is the operator's word against an API's.
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f'"{name}" is no name for a secret: give letters, digits and _, a letter first.', field=name
            )
        with self._turn:
            if self.path.exists():
                _secrets_of(self.path)  # what is damaged is not written over
                document = tomlkit.parse(self.path.read_text("utf-8"))
            else:
                document = tomlkit.parse(_HEADER)
            document[name] = value
            files.replace(self.path, tomlkit.dumps(document).encode(), PRIVATE)

    def forget(self, name: str) -> None:
        """Take a secret out of secrets.toml, where it is there. Raises ConfigurationError, OSError."""
        with self._turn:
            if self.path.exists() and name in _secrets_of(self.path):
                document = tomlkit.parse(self.path.read_text("utf-8"))
                del document[name]
                files.replace(self.path, tomlkit.dumps(document).encode(), PRIVATE)

    def is_the_operators(self, name: str) -> bool:
        """Whether the environment has it: then no API changes it."""
        return bool(self._environment.get(name, "").strip())

    def derive(self, purpose: str) -> bytes:
        """A key of its own for each purpose: 32 bytes, HMAC-SHA256 (RFC 2104) of the purpose under the master key."""
        return hmac.digest(self.master_key, b"darkroom:" + purpose.encode(), hashlib.sha256)

    def __repr__(self) -> str:
        return f"Secrets({str(self.path)!r})"

    def _find(self, name: str) -> str:
        return self._environment.get(name, "").strip() or self._read().get(name, "")

    def _read(self) -> Mapping[str, str]:
        """secrets.toml, read again when it changed: it is small, and asked for when an engine is built."""
        with self._turn:
            try:
                status = self.path.stat()
            except FileNotFoundError:
                self._seen, self._values = None, {}
                return self._values
            if (seen := (status.st_mtime_ns, status.st_size, status.st_ino)) != self._seen:
                close_to_others(self.path)
                self._values = _secrets_of(self.path)
                self._seen = seen
            return self._values


def look_up(folder: Path, environment: Mapping[str, str]) -> Callable[[str], str]:
    """The values of secrets by their names, for who looks at a data folder and makes nothing there."""
    return Secrets(folder, environment, b"").get


def close_to_others(path: Path) -> None:
    """See that only we can read the file: tighten its mode, or raise ConfigurationError that says who must."""
    status = path.stat()
    if not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return
    try:
        path.chmod(PRIVATE)
    except OSError as error:
        raise ConfigurationError(
            f"{path} can be read by other users (mode {stat.S_IMODE(status.st_mode):04o}) and we may not change that: "
            f"run `chmod 600 {path}` as its owner, user {status.st_uid}."
        ) from error
    log.warning("%s could be read by other users (mode %04o); it is 0600 now", path, stat.S_IMODE(status.st_mode))


def _secrets_of(path: Path) -> dict[str, str]:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}.") from error
    if wrong := [name for name, value in document.items() if not isinstance(value, str)]:
        raise ConfigurationError(f'{path}: {", ".join(wrong)}: a secret is text, NAME = "value", and stands in no table.')
    return document


def _master_key(path: Path) -> bytes:
    """The key in the file, as hexadecimal digits so that it survives being copied about; made when there is none."""
    if not path.exists():
        if any((path.parent / left).exists() for left in ("darkroom.db", "blobs")):
            log.warning("%s was gone and is made anew: links and shares from before are void, unless you restore it", path)
        files.create(path, secrets.token_hex(KEY_BYTES).encode() + b"\n", PRIVATE)
    # Read back even what we wrote: of two first starts one made the file, and both must use that one.
    close_to_others(path)
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (ValueError, UnicodeDecodeError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"{path} is damaged: it should hold {2 * KEY_BYTES} hexadecimal digits. Restore it from a backup. "
            "Without it every link and share made so far is void; delete the file to begin with a new key."
        )
    return key
