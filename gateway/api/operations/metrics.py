"""Numbers for Prometheus: of jobs, lanes and requests. A registry of its own for each app."""

from __future__ import annotations

import logging
from collections import Counter as Counted

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from gateway.api.lane_names import public_names
from gateway.events import Bus, Event, JobChanged
from gateway.jobs.records import FINISHED, Job
from gateway.scheduling.loop import Scheduler

log = logging.getLogger(__name__)
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
JOB_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)
AT_ONCE = 256
"""Answers that are counted together."""
_MICROSECONDS = 1_000_000
_KINDS = ("model", "engine")


class Metrics:
    """Counts what the bus tells; looks at queue and lanes only when it is asked."""

    def __init__(self, bus: Bus, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.registry = CollectorRegistry()
        own = self.registry
        self._finished = Counter("darkroom_jobs_finished", "Jobs that ended, by how.", ["state", *_KINDS], registry=own)
        self._pictures = Counter("darkroom_pictures_stored", "Pictures of jobs that ended.", _KINDS, registry=own)
        self._waited = Histogram(
            "darkroom_job_wait_seconds", "From accepted to begun.", _KINDS, buckets=JOB_SECONDS, registry=own
        )
        self._ran = Histogram("darkroom_job_run_seconds", "From begun to ended.", _KINDS, buckets=JOB_SECONDS, registry=own)
        self._queued = Gauge("darkroom_queue_jobs", "Jobs that wait.", ["priority", *_KINDS], registry=own)
        self._blocked = Gauge("darkroom_queue_blocked", "1 while no lane claims: a full disk, a lost database.", registry=own)
        self._busy = Gauge("darkroom_lane_busy", "1 while a lane loads or runs.", ["lane"], registry=own)
        self._healthy = Gauge("darkroom_lane_healthy", "0 while a lane is not well, and gets no work.", ["lane"], registry=own)
        self._resident = Gauge("darkroom_lane_resident_bytes", "What the lane's loaded models take.", ["lane"], registry=own)
        self._requests = Counter(
            "darkroom_http_requests", "Requests that were answered.", ["method", "route", "status"], registry=own
        )
        self._took = Histogram(
            "darkroom_http_request_seconds", "Until the answer began.", ["route"], buckets=REQUEST_SECONDS, registry=own
        )
        # Counted many at a time: for one answer alone the library takes longer than a picture's whole way out.
        self._answered: list[tuple[str, str, int, float]] = []
        bus.listen(self._hear)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered; `route` is its template, so that ids make no new rows."""
        self._answered.append((method, route, status, seconds))
        if len(self._answered) >= AT_ONCE:
            self._tally()

    def text(self) -> bytes:
        """In Prometheus' own format."""
        self._tally()
        self._look()
        return generate_latest(self.registry)

    def _tally(self) -> None:
        answered, self._answered = self._answered, []
        for (method, route, status), times in Counted(each[:3] for each in answered).items():
            self._requests.labels(method, route, str(status)).inc(times)
        for _, route, _, seconds in answered:
            self._took.labels(route).observe(seconds)

    def _hear(self, event: Event) -> None:
        if isinstance(event, JobChanged) and event.state in FINISHED:
            self._count(event.job)

    def _count(self, job: Job) -> None:
        self._finished.labels(job.state, job.model, job.engine).inc()
        self._pictures.labels(job.model, job.engine).inc(job.stored)
        if job.started_at is None:
            return
        self._waited.labels(job.model, job.engine).observe((job.started_at - job.created_at) / _MICROSECONDS)
        if job.finished_at is not None:
            self._ran.labels(job.model, job.engine).observe((job.finished_at - job.started_at) / _MICROSECONDS)

    def _look(self) -> None:
        for gauge in (self._queued, self._busy, self._healthy, self._resident):
            gauge.clear()
        for waiting in self._scheduler.waiting():
            self._queued.labels("bulk" if waiting.bulk else "interactive", waiting.model[0], waiting.engine).inc()
        self._blocked.set(self._scheduler.blocked is not None)
        lanes = self._scheduler.lanes()
        names = public_names(lanes)
        for lane in lanes:
            name = names[lane.name]
            self._busy.labels(name).set(lane.state in ("loading", "running"))
            self._healthy.labels(name).set(lane.healthy)
            self._resident.labels(name).set(sum(each.bytes for each in lane.residents))
