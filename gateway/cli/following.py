"""Follow a task to its end: by its stream of events, or by asking again and again where no stream comes through."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from gateway.cli.errors import CommandFailed, GatewayGone
from gateway.cli.gateway import Gateway
from gateway.cli.session import Session

Envelope = dict[str, Any]
ENDS = ("succeeded", "failed", "canceled")
ASK_EVERY = 0.5
SILENCE_ALLOWED = 45.0
"""Seconds: a stream is kept alive by a sign every 15."""


def follow(session: Session, task_id: str, show: Callable[[Envelope], None]) -> Envelope:
    """The last envelope. Raises GatewayGone when the gateway ends and none takes its place."""
    path = f"/v1/tasks/{task_id}"
    while True:
        try:
            for envelope in _told(session.gateway, path):
                show(envelope)
                if envelope.get("status") in ENDS:
                    break
            # The stream may have ended early, or said less than the envelope has.
            last: Envelope = session.gateway.get(path)
        except GatewayGone:
            session.again()
            continue
        show(last)
        if last.get("status") in ENDS:
            return last
        time.sleep(ASK_EVERY)


def _told(gateway: Gateway, path: str) -> Iterator[Envelope]:
    """The envelope as the stream tells it, event by event; ends with the stream, however that ends."""
    import httpx
    import httpx_sse

    limits = httpx.Timeout(SILENCE_ALLOWED, connect=5.0)
    known: Envelope = {}
    try:
        with httpx_sse.connect_sse(gateway.client, "GET", f"{path}/events", timeout=limits) as source:
            if source.response.is_error:
                return
            for event in source.iter_sse():
                known = merged(known, event.event, event.data)
                yield known
    except (httpx.TransportError, httpx_sse.SSEError, ValueError, KeyError, TypeError):
        # Cut off, or spoiled by something between us: asking will tell.
        return


def merged(known: Envelope, event: str, data: str) -> Envelope:
    """`known` with what one event says: `task` is a whole envelope, `progress` how far it is, others are not for us."""
    if event == "task":
        return dict(json.loads(data))
    if event == "progress":
        told = json.loads(data)
        return {**known, "status": told["status"], "progress": told}
    return known


def canceled(gateway: Gateway, task_id: str, *, wait_seconds: float) -> Envelope | None:
    """Cancel a task and give it a moment to stop; its last envelope, None where the gateway could not be asked."""
    envelope: Envelope | None = None
    try:
        envelope = gateway.post(f"/v1/tasks/{task_id}/cancel")
    except GatewayGone:
        return None
    except CommandFailed:
        # It had ended already.
        pass
    deadline = time.monotonic() + wait_seconds
    try:
        while not (envelope and envelope.get("status") in ENDS):
            envelope = gateway.get(f"/v1/tasks/{task_id}")
            if time.monotonic() > deadline:
                break
            time.sleep(ASK_EVERY / 5)
    except CommandFailed:
        pass
    return envelope
