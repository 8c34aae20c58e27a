"""Where things are kept: folders, room on the disk, files that nobody else may read, the address that links carry,
and the proxies before it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gateway.cli.checks.finding import Finding, ok, problem, warning
from gateway.cli.output import byte_size
from gateway.wiring import Wiring

ROOM_FOR_LONG = 5 << 30
"""Bytes; some thousands of pictures."""
LEAST_ROOM = 200 << 20
"""Bytes; below, a database and its log may not find room for a busy hour."""
PRIVATE = ("secrets.toml", "master.key", "server.json")


def folders(wiring: Wiring) -> Iterator[Finding]:
    """The data folder, and the one of the pictures where it is elsewhere on this machine."""
    yield from _folder("data", wiring.data)
    blobs = urlsplit(wiring.blobs_url)
    if blobs.scheme != "file":
        yield ok("pictures", f"in {wiring.blobs_url}; the gateway tries it when it starts")
    elif (path := Path(unquote(blobs.path))) != wiring.data / "blobs":
        yield from _folder("pictures", path)
    if wiring.database_url:
        # Not whole: there may be a password inside.
        yield ok("database", f"{wiring.database_url.partition('://')[0]}; the gateway tries it when it starts")
    for name in PRIVATE:
        path = wiring.data / name
        if path.exists() and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield warning("secrets", f"others on this machine can read {path}", f"chmod 600 {path}")


def _folder(subject: str, path: Path) -> Iterator[Finding]:
    there = path
    while not there.exists():
        there = there.parent
    note = "" if there == path else " (made at the first start)"
    if not there.is_dir():
        yield problem(subject, f"{there} is in the way of the folder {path}", "Move it, or name another folder with --data.")
        return
    if why := _not_writable(there):
        yield problem(subject, f"{there} cannot be written: {why}", "Give this user the right to, or name another with --data.")
        return
    free = shutil.disk_usage(there).free
    text = f"{path}{note}, {byte_size(free)} free"
    cure = "Make room on that disk; pictures are kept until someone deletes them."
    if free < LEAST_ROOM:
        yield problem(subject, text, cure)
    elif free < ROOM_FOR_LONG:
        yield warning(subject, text, cure)
    else:
        yield ok(subject, text)


def _not_writable(folder: Path) -> str:
    """Why, or nothing. By trying: rights say little on network filesystems and to root."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"darkroom")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def public_url(wiring: Wiring) -> Iterator[Finding]:
    """Whether the links that are handed out open for those who get them."""
    cure = "Set DARKROOM_PUBLIC_URL to the address by which others reach this gateway."
    parts = urlsplit(wiring.url)
    if wiring.public_url is None and _is_loopback(wiring.host):
        yield ok("links", f"{wiring.url}: they open on this machine only, as the gateway itself does")
    elif wiring.public_url is None:
        yield warning("links", f"the gateway listens on {wiring.host}, and links say {wiring.url}", cure)
    elif parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        cure = "Put it behind a proxy that speaks https; keys and pictures travel in clear now."
        yield warning("links", f"{wiring.url} is not encrypted", cure)
    else:
        yield ok("links", wiring.url)


def proxies(wiring: Wiring, trusted: Collection[str]) -> Iterator[Finding]:
    """Whether clients can be told apart. The gateway speaks no https itself, so where links do there is a proxy."""
    if trusted:
        yield ok("proxies", f"where requests come from is believed of {', '.join(trusted)}")
    elif urlsplit(wiring.url).scheme == "https":
        cure = "Give its address: [settings.http] trusted_proxies of models.toml."
        yield warning("proxies", "links are https, and no proxy is trusted: all clients count as one address", cure)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
