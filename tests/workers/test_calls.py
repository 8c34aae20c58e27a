"""What operators have written to be run or called, and what goes wrong with that."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from engines.contract import EngineUnavailable
from gateway.workers import calls
from gateway.workers.calls import Call, call


async def test_what_a_command_leaves_running_may_go_on_to_talk(tmp_path: Path) -> None:
    talks = f"(sleep 1.5; head -c 1000000 /dev/zero && touch {tmp_path}/said) & exit 0"
    async with asyncio.timeout(10):
        await call(Call(("sh", "-c", talks)), 5.0)
        assert not (tmp_path / "said").exists(), "the command has ended, whatever it left running"
        while calls._listening or not (tmp_path / "said").exists():
            await asyncio.sleep(0.02)


async def test_one_that_may_not_be_killed_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs as another user, by sudo, is not ours to kill."""

    def refused(group: int, signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", refused)
    async with asyncio.timeout(10):
        with pytest.raises(EngineUnavailable, match=r"The command sleep did not end within 0 s\."):
            await call(Call(("sleep", "1")), 0.1)
        while calls._listening:
            await asyncio.sleep(0.02)


async def test_a_key_that_fits_no_header_is_not_shown() -> None:
    with pytest.raises(EngineUnavailable) as raised:
        await call(Call("http://127.0.0.1:9/wake", "schlüssel"), 5.0)
    assert "schl" not in raised.value.message
    assert raised.value.begun is False


async def test_an_answer_is_not_read() -> None:
    """It may be a stream without an end."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonce upon a time")
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, asyncio.timeout(10):
        await call(Call(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/wake"), 3.0)
        await gone.wait()
