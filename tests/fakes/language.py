"""An endpoint that speaks OpenAI's chat completions API over real HTTP, and answers what a test scripts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

Json = dict[str, Any]
_HEAD = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "scripted"}


class Endpoint:
    """`script` has one answer for each request, in their order: what `said`, `called` and the others make, or raw bytes."""

    def __init__(self, *script: Callable[[Json], bytes] | bytes) -> None:
        self.script = list(script)
        self.asked: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.gate = asyncio.Event()
        """Answers wait for it."""
        self.gate.set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Endpoint]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield self
        finally:
            self.gate.set()
            server.close()
            await server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
            body: Json = json.loads(await reader.readexactly(int(headers["content-length"])))
            assert first.startswith("POST /v1/chat/completions "), first
            self.asked.append(body)
            self.headers.append(headers)
            await self.gate.wait()
            answer = self.script.pop(0) if self.script else status(500)
            # In pieces that end anywhere, as a network's do.
            data = answer if isinstance(answer, bytes) else answer(body)
            for start in range(0, len(data), 97):
                writer.write(data[start : start + 97])
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def said(*pieces: str) -> Callable[[Json], bytes]:
    """Words; streamed in these pieces where that was asked for."""

    def answer(asked: Json) -> bytes:
        if asked.get("stream"):
            return _stream([{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)], "stop")
        return _whole({"role": "assistant", "content": "".join(pieces)}, "stop")

    return answer


def called(name: str, arguments: Json | str, *, text: str | None = None, also: str = "") -> Callable[[Json], bytes]:
    """A tool; its arguments are streamed in parts that are no JSON by themselves. `also` is a second tool, called at once."""
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    names = [name, *([also] if also else [])]

    def answer(asked: Json) -> bytes:
        if not asked.get("stream"):
            calls = [
                {"id": f"call_{at}", "type": "function", "function": {"name": each, "arguments": written}}
                for at, each in enumerate(names)
            ]
            return _whole({"role": "assistant", "content": text, "tool_calls": calls}, "tool_calls")
        deltas: list[Json] = [{"role": "assistant", "content": text}]
        for at, each in enumerate(names):
            function = {"name": each, "arguments": ""}
            deltas.append({"tool_calls": [{"index": at, "id": f"call_{at}", "type": "function", "function": function}]})
        for start in range(0, len(written), 5):
            piece = {"arguments": written[start : start + 5]}
            deltas += [{"tool_calls": [{"index": at, "function": piece}]} for at in range(len(names))]
        return _stream(deltas, "tool_calls")

    return answer


def status(code: int, body: Json | None = None) -> bytes:
    told = body or {"error": {"message": "scripted /srv/secret", "type": "server_error", "param": None, "code": None}}
    return _http(code, "application/json", json.dumps(told).encode())


def garbage(data: bytes, media_type: str = "application/json") -> bytes:
    return _http(200, media_type, data)


def broken_stream(*pieces: str) -> Callable[[Json], bytes]:
    """Some words, then an error in the middle, as servers report one that comes too late for a status."""

    def answer(_asked: Json) -> bytes:
        events = [_event({"delta": {"content": piece}, "finish_reason": None}) for piece in pieces]
        events.append(b'data: {"error": {"message": "out of memory", "type": "server_error", "code": 500}}\n\n')
        return _http(200, "text/event-stream", b"".join(events))

    return answer


def cut_stream(*deltas: Json) -> bytes:
    """Pieces of an answer, and then the end of the connection, as of a server that is gone."""
    events = b"".join(_event({"delta": delta, "finish_reason": None}) for delta in deltas)
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + events


def _whole(message: Json, why: str) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": why, "logprobs": None}
    body = {**_HEAD, "object": "chat.completion", "choices": [choice], "usage": {"total_tokens": 3}}
    return _http(200, "application/json", json.dumps(body).encode())


def _stream(deltas: list[Json], why: str) -> bytes:
    events = [_event({"delta": delta, "finish_reason": None}) for delta in deltas]
    events.append(_event({"delta": {}, "finish_reason": why}))
    usage = {**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 3}}
    events += [b"data: " + json.dumps(usage).encode() + b"\n\n", b"data: [DONE]\n\n"]
    return _http(200, "text/event-stream", b"".join(events))


def _event(choice: Json) -> bytes:
    body = {**_HEAD, "object": "chat.completion.chunk", "choices": [{"index": 0, **choice}]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _http(code: int, media_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {code} Scripted\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
