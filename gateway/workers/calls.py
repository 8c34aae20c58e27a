"""What the operator has written to be run or called: a command without a shell, or an address."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT, Process

import httpx
from msgspec import Struct

from engines.contract import EngineUnavailable

LONGEST_WORDS = 200
"""Characters of what a command said last."""
MOST_OUTPUT = 1 << 16
LAST_WORDS_SECONDS = 0.2
_listening: set[asyncio.Task[None]] = set()
"""To commands, and to what they left running for as long as that is: it would stand still, or die, as it talks to nobody."""


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
        # Its status says all; the rest of the answer may never end.
        async with (
            httpx.AsyncClient(follow_redirects=False, timeout=None) as client,  # noqa: S113 - `call` has the time
            client.stream("POST", address, headers=headers) as answer,
        ):
            status = answer.status_code
    except UnicodeError:
        raise EngineUnavailable(f"The secret for {_host(address)} fits no header.", begun=False) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EngineUnavailable(f"{_host(address)} cannot be reached ({type(error).__name__}).", begun=False) from error
    if not 200 <= status < 300:
        raise EngineUnavailable(f"{_host(address)} answered {status}.", begun=False)


async def _run(command: tuple[str, ...]) -> None:
    # A pipe of our own: asyncio waits for the other end of its pipes, which what the command left running may hold for ever.
    listens, talks = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=talks, stderr=STDOUT, start_new_session=True
        )
    except BaseException as error:
        os.close(listens)
        if not isinstance(error, OSError):
            raise
        raise EngineUnavailable(f"The command {command[0]} cannot be run ({error.strerror}).", begun=False) from error
    finally:
        os.close(talks)
    said: list[bytes] = []
    reading = asyncio.create_task(_read(listens, said))
    _listening.add(reading)
    reading.add_done_callback(_listening.discard)
    try:
        status = await process.wait()
        await asyncio.wait([reading], timeout=LAST_WORDS_SECONDS)
    finally:
        if process.returncode is None:
            await _kill(process)
    if status:
        told = f": {words}" if (words := _last_line(said)) else "."
        raise EngineUnavailable(f"The command {command[0]} ended with status {status}{told}", begun=False)


async def _kill(process: Process) -> None:
    """With all that it began; but what runs as another user by now (sudo) is not ours to kill, nor to wait for."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except PermissionError:
        return
    except ProcessLookupError:
        pass
    await process.wait()


async def _read(listens: int, said: list[bytes]) -> None:
    """The end of what it says."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(listens, "rb", 0)
    )
    try:
        while piece := await reader.read(MOST_OUTPUT):
            said[:] = [b"".join((*said, piece))[-MOST_OUTPUT:]]
    finally:
        transport.close()


def _last_line(said: list[bytes]) -> str:
    lines = b"".join(said).decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[-LONGEST_WORDS:] if lines else ""


def _name(what: Call) -> str:
    return _host(what.to) if isinstance(what.to, str) else f"The command {what.to[0]}"


def _host(address: str) -> str:
    return httpx.URL(address).host
