"""Health and metrics. They open without a key: probes and Prometheus rarely have one, and nothing here names anyone."""

from __future__ import annotations

from litestar import Response, Router, get
from litestar.openapi import ResponseSpec

from gateway import __version__
from gateway.api.given import TheMetrics, TheReadiness, TheScheduler
from gateway.api.lane_names import public_names
from gateway.api.operations.health import LaneHealth, Live, Ready
from gateway.api.operations.metrics import MEDIA_TYPE

UNCACHED = {"Cache-Control": "no-store"}


@get("/health/live", operation_id="live", summary="Is the process alive?", tags=["Operations"])
async def live() -> Live:
    """Always 200 while the process answers."""
    return Live("live", __version__)


@get(
    "/health/ready",
    operation_id="ready",
    summary="Can it do its work?",
    tags=["Operations"],
    responses={503: ResponseSpec(Ready, description="Not now; `reason` says why.")},
)
async def ready(readiness: TheReadiness, scheduler: TheScheduler) -> Response[Ready]:
    """200 when the database and the blob store can be used, else 503."""
    parts = await readiness.look()
    views = scheduler.lanes()
    names = public_names(views)
    lanes = tuple(LaneHealth(names[lane.name], lane.state, lane.healthy) for lane in views)
    reason = " ".join(part.reason for part in (parts.database, parts.blobs) if part.reason) or None
    answer = Ready(status="ready" if parts.ok else "unready", reason=reason, checks=parts, lanes=lanes)
    return Response(answer, status_code=200 if parts.ok else 503, headers=UNCACHED)


@get("/metrics", operation_id="metrics", summary="Numbers for Prometheus", media_type=MEDIA_TYPE, tags=["Operations"])
async def metrics(metrics: TheMetrics) -> Response[bytes]:
    """Jobs, lanes and requests, in Prometheus' text format."""
    return Response(metrics.text(), media_type=MEDIA_TYPE, headers=UNCACHED)


def operations_router() -> Router:
    return Router("/", route_handlers=[live, ready, metrics])
