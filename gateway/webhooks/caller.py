"""Makes the calls that are owed, in the background: due ones first, a few at once, none for long.

A call that the gateway's end interrupts is made again at the next start under the same id: receivers may see a message
twice, never not at all.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Protocol

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from gateway.catalog.settings import Webhooks
from gateway.db import Database, now
from gateway.errors import DarkroomError, NotFound, StorageUnavailable
from gateway.events import Bus, Event, JobChanged
from gateway.fetch import AddressRefused, Network
from gateway.webhooks import deliveries, records
from gateway.webhooks.addresses import ALLOWING
from gateway.webhooks.deliveries import SECOND, Delivery
from gateway.webhooks.schedule import Dead, Verdict, after
from gateway.webhooks.signing import Secret, Signing

log = logging.getLogger(__name__)

AT_ONCE = 32
AT_ONCE_OF_TEAM = 8
"""Calls of one team, a quarter of all, so that its slow receivers do not keep other teams waiting."""
AT_ONCE_EACH = 4
"""Calls to one receiver, so that a slow one does not keep the team's others waiting."""
LOOK_SECONDS = 60.0
GATHER_SECONDS = 0.05
"""Jobs that end together cost one look."""
SWEEP_SECONDS = 3600.0
ENDED = frozenset({"succeeded", "failed", "canceled"})


class Post(Protocol):
    """`gateway.fetch.Fetcher.post`. Returns the answer's status; raises DarkroomError that says why there was none."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, allow: Iterable[Network], seconds: float
    ) -> Awaitable[int]: ...


Envelope = Callable[[str, str], Awaitable[bytes]]
"""(team, job) -> the job as JSON, as /v1/tasks/{id} shows it. Raises NotFound."""


class Caller:
    """`run` it beside everything else; `poke` it when something changed that no event tells of."""

    def __init__(
        self, db: Database, bus: Bus, post: Post, envelope: Envelope, signing: Signing, settings: Callable[[], Webhooks]
    ) -> None:
        self._db = db
        self._bus = bus
        self._post = post
        self._envelope = envelope
        self._signing = signing
        self._settings = settings
        self._bell = asyncio.Event()
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._receivers: Counter[str] = Counter()
        self._busy_teams: Counter[str] = Counter()
        self._swept = 0.0
        self._teams: frozenset[str] = frozenset()
        """Those that have webhooks, so that nothing is read when others' jobs end."""
        self._teams_changed = True

    def poke(self) -> None:
        """A team's webhooks were changed, or something is due: look at once."""
        self._teams_changed = True
        self._bell.set()

    async def run(self) -> None:
        """Until canceled; calls that are under way are then broken off."""
        self._bus.listen(self._hear)
        try:
            while True:
                self._bell.clear()
                patience = await self._begin()
                try:
                    async with asyncio.timeout(patience):
                        await self._bell.wait()
                    await asyncio.sleep(GATHER_SECONDS)
                except TimeoutError:
                    continue
        finally:
            for call in self._calls.values():
                call.cancel()
            await asyncio.gather(*self._calls.values(), return_exceptions=True)

    def _hear(self, event: Event) -> None:
        if not isinstance(event, JobChanged) or event.state not in ENDED:
            return
        if self._teams_changed or event.team_id in self._teams or event.job.webhook:
            self._bell.set()

    async def _begin(self) -> float:
        """Begin what is due; how many seconds to wait for more."""
        try:
            await self._sweep()
            if self._teams_changed:
                self._teams_changed = False  # before it is read: what changes meanwhile is read again
                await self._see_teams()
            return await self._begin_due()
        except (StorageUnavailable, SQLAlchemyError) as error:
            log.warning("webhooks wait for the database: %s", error)
            return LOOK_SECONDS / 10

    async def _see_teams(self) -> None:
        try:
            async with self._db.read() as connection:
                self._teams = await deliveries.teams(connection)
        except BaseException:
            self._teams_changed = True
            raise

    async def _begin_due(self) -> float:
        while (free := AT_ONCE - len(self._calls)) > 0:
            busy = [name for name, count in self._receivers.items() if count >= AT_ONCE_EACH]
            full = [team for team, count in self._busy_teams.items() if count >= AT_ONCE_OF_TEAM]
            async with self._db.read() as connection:
                found = await deliveries.waiting(
                    connection, limit=free, but=list(self._calls), without=busy, without_teams=full
                )
            moment = now()
            due = [each for each in found if each.next_at <= moment]
            for delivery in due:
                if self._receivers[delivery.receiver] < AT_ONCE_EACH and self._busy_teams[delivery.team_id] < AT_ONCE_OF_TEAM:
                    self._call(delivery)
            if len(due) < len(found):
                return min(LOOK_SECONDS, max(0.01, (found[len(due)].next_at - moment) / SECOND))
            if len(found) < free:
                break
        return LOOK_SECONDS

    def _call(self, delivery: Delivery) -> None:
        counted = ((self._receivers, delivery.receiver), (self._busy_teams, delivery.team_id))
        for counter, name in counted:
            counter[name] += 1
        task = self._calls[delivery.id] = asyncio.create_task(self._deliver(delivery), name=f"webhook {delivery.id}")

        def end(_: asyncio.Task[None]) -> None:
            del self._calls[delivery.id]
            for counter, name in counted:
                counter[name] -= 1
                if not counter[name]:
                    del counter[name]
            self._bell.set()

        task.add_done_callback(end)

    async def _deliver(self, delivery: Delivery) -> None:
        """One call, and its row. Whatever happens, the row says so, or stays due."""
        try:
            status, error, gone = await self._try(delivery)
            moment = now()
            limit = self._settings().max_attempts
            verdict = Dead() if gone else after(status, delivery.attempts + 1, limit, random.random())  # noqa: S311
            await self._settle(delivery, verdict, status, error, moment)
        except (StorageUnavailable, SQLAlchemyError) as unavailable:
            log.warning("what a webhook's call came to could not be written, so it is made again: %s", unavailable)
            await asyncio.sleep(LOOK_SECONDS / 10)  # it is due still; not at once, or this spins

    async def _try(self, delivery: Delivery) -> tuple[int | None, str | None, bool]:
        """(the answer's status, what went wrong, whether there is nothing to tell any more). Raises what databases raise."""
        settings = self._settings()
        try:
            body, secret = await self._message(delivery)
            headers = {"content-type": "application/json", **self._signing.headers(delivery.id, body.decode(), secret, now())}
            allow = map(ip_network, settings.allow)
            status = await self._post(delivery.url, body, headers, allow=allow, seconds=settings.timeout_seconds)
        except (StorageUnavailable, SQLAlchemyError):
            raise
        except NotFound as error:
            return None, error.message, True
        except AddressRefused as error:
            return None, f"{error.message} {ALLOWING}", False
        except DarkroomError as error:
            return None, error.message, False
        except Exception as error:
            log.exception("a webhook's call failed for a reason that nobody foresaw")
            return None, f"The call could not be made ({type(error).__name__}).", False
        return status, None if 200 <= status < 300 else _wrong(status), False

    async def _message(self, delivery: Delivery) -> tuple[bytes, Secret]:
        task = await self._envelope(delivery.team_id, delivery.job_id)
        moment = datetime.fromtimestamp(delivery.created_at / SECOND, UTC)
        body = msgspec.json.encode({"type": delivery.event, "timestamp": moment, "data": msgspec.Raw(task)})
        async with self._db.read() as connection:
            if delivery.webhook_id is None:
                return body, await records.secret_of_requests(connection, delivery.team_id)
            return body, (await records.of(connection, delivery.team_id, delivery.webhook_id)).secret

    async def _settle(self, delivery: Delivery, verdict: Verdict, status: int | None, error: str | None, at: int) -> None:
        async with self._db.write() as connection:
            await deliveries.settle(connection, delivery, verdict, status, error, at)
            if delivery.webhook_id and isinstance(verdict, Dead) and verdict.gone:
                await records.switch_off(connection, delivery.team_id, delivery.webhook_id, delivery.url, _wrong(status))
        if isinstance(verdict, Dead):
            log.warning("webhook message %s to %s is given up: %s", delivery.id, delivery.receiver, error)

    async def _sweep(self) -> None:
        moment = asyncio.get_running_loop().time()
        if self._swept and moment - self._swept < SWEEP_SECONDS:
            return
        self._swept = moment
        async with self._db.write() as connection:
            await deliveries.sweep(connection, self._settings().keep_days)


def _wrong(status: int | None) -> str:
    if status == 410:
        return "The receiver answered 410: it wants no calls any more."
    if status is not None and 300 <= status < 400:
        return f"The receiver answered {status}; calls follow no redirects, so give the address that it leads to."
    return f"The receiver answered {status}."
