"""Streams by themselves: every way that one can end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from gateway.api.streams import Streams, frame
from gateway.errors import NotAccepting


class Client:
    """The server's side of one connection."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.got: list[bytes] = []
        self.ended = False

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.got.append(message["body"])
        self.ended = not message["more_body"]


async def ticking(cleaned: asyncio.Event) -> AsyncGenerator[bytes, None]:
    try:
        while True:
            yield b"tick"
            await asyncio.sleep(0.001)
    finally:
        cleaned.set()


async def test_a_stream_that_is_over_ends() -> None:
    async def two() -> AsyncGenerator[bytes, None]:
        yield b"one"
        yield b"two"

    client, streams = Client(), Streams()
    await streams.run(two(), client.receive, client.send)
    assert (client.got, client.ended) == ([b"one", b"two", b""], True)
    assert len(streams) == 0


@pytest.mark.parametrize("by", ["the client", "the gateway", "the server"])
async def test_whoever_ends_it_everything_is_cleaned_up_first(by: str) -> None:
    client, streams, cleaned = Client(), Streams(), asyncio.Event()
    running = asyncio.create_task(streams.run(ticking(cleaned), client.receive, client.send))
    await asyncio.sleep(0.01)
    assert len(streams) == 1
    if by == "the client":
        client.gone.set()
    elif by == "the gateway":
        streams.end()
    else:
        running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert cleaned.is_set()
    assert len(streams) == 0
    assert client.got.count(b"tick") > 1


async def test_what_goes_wrong_in_a_stream_is_raised() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"one"
        raise ZeroDivisionError

    client, streams = Client(), Streams()
    with pytest.raises(ZeroDivisionError):
        await streams.run(broken(), client.receive, client.send)
    assert not client.ended
    assert len(streams) == 0


def test_a_frame() -> None:
    assert frame("task", {"a": 1}, 7) == b'event: task\nid: 7\ndata: {"a":1}\n\n'
    assert frame("note", "two\nlines") == b'event: note\ndata: "two\\nlines"\n\n'


async def test_what_begins_after_the_end_ends_at_once() -> None:
    client, streams = Client(), Streams()
    streams.end()
    with pytest.raises(NotAccepting, match="The gateway is ending"):
        await streams.hold(asyncio.sleep(60))
    async with asyncio.timeout(5):
        await streams.run(ticking(asyncio.Event()), client.receive, client.send)
    assert (client.ended, len(streams)) == (True, 0)
