"""What the operator has written to be run or called: a command without a shell, or an address."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from contextlib import suppress

import httpx
from msgspec import Struct

from engines.contract import EngineUnavailable

LONGEST_WORDS = 200
"""Characters of what a command said last."""
MOST_OUTPUT = 1 << 16
LAST_WORDS_SECONDS = 0.2


class Call(Struct, frozen=True):
    """`to` is an address, which is POSTed to, or a command with its arguments."""

    to: str | tuple[str, ...]
    key: str = ""
    """Sent to the address as a bearer token."""


async def call(what: Call, seconds: float) -> None:
    """Raises EngineUnavailable, in words without the key or the arguments. A command is killed when its time is over, and
    when nobody waits for it any more, with all that it began."""
    try:
        async with asyncio.timeout(seconds):
            await (_post(what.to, what.key) if isinstance(what.to, str) else _run(what.to))
    except TimeoutError:
        raise EngineUnavailable(f"{_name(what)} did not end within {seconds:.0f} s.", begun=False) from None


async def _post(address: str, key: str) -> None:
    headers = {"User-Agent": "Darkroom"} | ({"Authorization": f"Bearer {key}"} if key else {})
    try:
        async with httpx.AsyncClient(follow_redirects=False, timeout=None) as client:  # noqa: S113 - `call` has the time
            answer = await client.post(address, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EngineUnavailable(f"{_host(address)} cannot be reached ({type(error).__name__}).", begun=False) from error
    if not 200 <= answer.status_code < 300:
        raise EngineUnavailable(f"{_host(address)} answered {answer.status_code}.", begun=False)


async def _run(command: tuple[str, ...]) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
        )
    except OSError as error:
        raise EngineUnavailable(f"The command {command[0]} cannot be run ({error.strerror}).", begun=False) from error
    said: list[bytes] = []
    reading = asyncio.create_task(_read(process, said))
    try:
        status = await process.wait()
        # What it left running may hold the other end for ever.
        await asyncio.wait([reading], timeout=LAST_WORDS_SECONDS)
    finally:
        reading.cancel()
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if status:
        told = f": {words}" if (words := _last_line(said)) else "."
        raise EngineUnavailable(f"The command {command[0]} ended with status {status}{told}", begun=False)


async def _read(process: Process, said: list[bytes]) -> None:
    """The end of what it says."""
    assert process.stdout is not None
    while piece := await process.stdout.read(MOST_OUTPUT):
        said[:] = [b"".join((*said, piece))[-MOST_OUTPUT:]]


def _last_line(said: list[bytes]) -> str:
    lines = b"".join(said).decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[-LONGEST_WORDS:] if lines else ""


def _name(what: Call) -> str:
    return _host(what.to) if isinstance(what.to, str) else f"The command {what.to[0]}"


def _host(address: str) -> str:
    return httpx.URL(address).host
