"""Files to the gateway: some at a time, and only those that it does not have."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from gateway.cli.bringing.folder import MOST_TAGS, File
from gateway.cli.bringing.tally import Outcome
from gateway.cli.errors import Refused
from gateway.cli.gateway import Gateway

MOST_FILES = 100
"""That the gateway takes in one request."""
MOST_BYTES = 8 << 20
"""Of one request, but for a single file that is larger; so memory is small and a broken connection costs little."""
LARGEST_FILE = 1 << 30
"""Bytes: far more than a picture has. A file is in memory as a whole, and once more in its request."""
AT_ONCE = 2
"""Requests on their way: while the gateway reads the pictures of one, the next is read from the disk and sent."""
SECONDS_TO_ANSWER = 600.0
"""A hundred large pictures take a while."""
_TOO_LARGE, _TOO_OFTEN = 413, 429


class Wish(NamedTuple):
    """How the files are to be taken."""

    folder: Path
    in_place: bool = False
    tags: tuple[str, ...] = ()
    """For every file."""
    folder_tags: bool = True

    def tags_of(self, file: File) -> list[str]:
        room = max(MOST_TAGS - len(self.tags), 0)
        return [*(file.tags[:room] if self.folder_tags else ()), *self.tags]


class _Read(NamedTuple):
    file: File
    data: bytes
    hash: str


def batches(files: Iterable[File]) -> Iterator[list[File]]:
    batch: list[File] = []
    size = 0
    for file in files:
        if batch and (len(batch) == MOST_FILES or size + file.size > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def send_all(gateway: Gateway, wish: Wish, files: Iterable[File], done: Callable[[list[Outcome]], None]) -> None:
    """Send them; `done` is told the outcomes of each batch. Raises CommandFailed, GatewayGone; then the rest is not sent."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sending")
    running: set[Future[list[Outcome]]] = set()
    try:
        for batch in batches(files):
            running.add(pool.submit(send, gateway, wish, batch))
            if len(running) > AT_ONCE:
                running = _finished(running, done)
        while running:
            running = _finished(running, done)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(running: set[Future[list[Outcome]]], done: Callable[[list[Outcome]], None]) -> set[Future[list[Outcome]]]:
    ready, rest = wait(running, return_when=FIRST_COMPLETED)
    for each in ready:
        done(each.result())
    return rest


def send(gateway: Gateway, wish: Wish, files: list[File]) -> list[Outcome]:
    """One request's worth of files; one that asks for more room than there is is divided. Raises CommandFailed, GatewayGone."""
    try:
        return _in_place(gateway, wish, files) if wish.in_place else _copied(gateway, wish, files)
    except Refused as error:
        if error.status == _TOO_OFTEN:
            time.sleep(error.retry_after or 1)
            return send(gateway, wish, files)
        if error.status != _TOO_LARGE:
            raise
    if len(files) == 1:
        reason = "It is larger than the gateway takes: [settings.limits] max_body_bytes in its models.toml."
        return [_refused(files[0], reason)]
    half = len(files) // 2
    return send(gateway, wish, files[:half]) + send(gateway, wish, files[half:])


def _in_place(gateway: Gateway, wish: Wish, files: list[File]) -> list[Outcome]:
    asked = [{"path": file.name, "tags": wish.tags_of(file)} for file in files]
    return list(gateway.post("/admin/imports", {"folder": str(wish.folder), "files": asked})["data"])


def _copied(gateway: Gateway, wish: Wish, files: list[File]) -> list[Outcome]:
    read, outcomes = [], []
    for file in files:
        if file.size > LARGEST_FILE:
            outcomes.append(_refused(file, f"It has {file.size:,} bytes; no picture is that large."))
            continue
        try:
            data = file.path.read_bytes()
        except OSError as error:
            outcomes.append(_refused(file, f"The file cannot be read: {error.strerror}."))
        else:
            read.append(_Read(file, data, sha256(data).hexdigest()))
    if not read:
        return outcomes
    asked = [{"path": each.file.name, "hash": each.hash, "tags": wish.tags_of(each.file)} for each in read]
    known = gateway.post("/v1/images/import/known", {"files": asked})["data"]
    outcomes += [each for each in known if each["status"] != "wanted"]
    wanted = [each for each, said in zip(read, known, strict=True) if said["status"] == "wanted"]
    return outcomes + (_sent(gateway, wish, wanted) if wanted else [])


def _sent(gateway: Gateway, wish: Wish, files: list[_Read]) -> list[Outcome]:
    about = [
        {"path": each.file.name, "modified_at": _moment(each.file.modified_ns), "tags": wish.tags_of(each.file)}
        for each in files
    ]
    body, media_type = form({"files": about}, [each.data for each in files])
    return list(gateway.post_bytes("/v1/images/import", body, media_type)["data"])


def form(manifest: dict[str, Any], contents: list[bytes]) -> tuple[bytes, str]:
    """A multipart body (RFC 7578) and its type; all at once, which for small files is ten times as quick as piece by piece."""
    boundary = os.urandom(16).hex()
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="manifest"\r\n\r\n'
    parts = [head.encode(), json.dumps(manifest).encode()]
    between = f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'.encode()
    for data in contents:
        parts += (between, data)
    parts.append(f"\r\n--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


def _moment(nanoseconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):
        return None


def _refused(file: File, reason: str) -> Outcome:
    return {"path": file.name, "status": "refused", "id": None, "reason": reason}
