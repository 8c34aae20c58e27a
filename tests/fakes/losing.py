"""A way to an upstream that takes what is posted, works on it, and breaks off before it has answered."""

from __future__ import annotations

from collections.abc import Callable

import httpx


class Losing(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self._losing = False
        self._came = 0

    def lose(self) -> Callable[[], int]:
        """From now on; what it returns says how many requests came since."""
        self._losing, self._came = True, 0
        return lambda: self._came

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if self._losing and request.method == "POST":
            self._came += 1
            await answer.aclose()
            raise httpx.ReadError("connection reset by peer", request=request)
        return answer
