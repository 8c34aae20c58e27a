"""How tests of the surfaces ask a gateway."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import uvicorn
from litestar import Litestar
from sqlalchemy import insert

from gateway.accounts.keys import insert_key
from gateway.accounts.permissions import Permission, Role
from gateway.accounts.tables import members, teams, users
from gateway.app import assembled
from gateway.db import Database, new_id, now
from gateway.fetch import Internet
from gateway.house import House
from gateway.registry import Registry
from gateway.wiring import Wiring

ADMIN_KEY = "the-administrators-key-of-these-tests"
URL = "http://darkroom.test"
Task = dict[str, Any]


@dataclass
class _Seat:
    """An application, and the house that it serves now."""

    test: str
    house: House
    app: Litestar = field(init=False)

    def __post_init__(self) -> None:
        self.app = assembled(lambda: self.house)


_seats: dict[tuple[str | None, int], list[_Seat]] = {}


def create_app(wiring: Wiring, *, registry: Registry | None = None, internet: Internet | None = None) -> Litestar:
    """As `gateway.app.create_app`; but the routes, which take half a second, are made once for many tests."""
    house = House(wiring, registry or Registry.discover(), internet)
    like = wiring.public_url, house.catalog_file.catalog.settings.limits.max_body_bytes
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
    alike = _seats.setdefault(like, [])
    seat = next((seat for seat in alike if seat.test != test), None)
    if seat is None:  # those that this test has may run still
        seat = _Seat(test, house)
        alike.append(seat)
    seat.test, seat.house = test, house
    return seat.app


@asynccontextmanager
async def anyone(app: Litestar, headers: dict[str, str] | None = None) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url=URL, headers=headers) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def member_key(
    wiring: Wiring,
    *permissions: Permission,
    team: str = "others",
    bulk: bool = False,
    role: Role = "member",
) -> str:
    """The key of a new member of a new team, as an administrator's surface will make them one day."""
    db = Database(wiring.database)
    text, team_id, user_id = f"dk_{new_id()}", new_id(), new_id()
    async with db.write() as connection:
        await connection.execute(insert(teams), [{"id": team_id, "name": team, "created_at": now()}])
        user = {"id": user_id, "name": "other", "email": None, "is_admin": False, "created_at": now()}
        await connection.execute(insert(users), [user])
        member = {"team_id": team_id, "user_id": user_id, "role": role, "created_at": now()}
        await connection.execute(insert(members), [member])
        carried = permissions or ("features.image_generation", "gallery.read", "gallery.write")
        await insert_key(connection, team_id, user_id, "test", carried, text, bulk=bulk)
    await db.close()
    return text


async def generate(client: httpx.AsyncClient, prompt: str = "a red circle", **body: Any) -> Task:
    """Ask, and wait until the task is finished."""
    response = await client.post("/v1/images/generations", json={"prompt": prompt, **body})
    assert response.status_code == 202, response.text
    return await finished(client, response.json()["task_id"])


async def finished(
    client: httpx.AsyncClient, task_id: str, states: tuple[str, ...] = ("succeeded", "failed", "canceled")
) -> Task:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        task: Task = (await client.get(f"/v1/tasks/{task_id}")).json()
        if task["status"] in states:
            return task
        await asyncio.sleep(0.01)
    raise AssertionError(f"the task is still {task['status']}: {task}")


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, seen to be what RFC 9457 and this house ask for."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert told["code"] == code, told
    assert told["type"] == f"urn:darkroom:problem:{code}"
    assert told["title"]
    assert told["detail"]
    assert told["request_id"] == response.headers["x-request-id"]
    return told


@contextmanager
def served(app: Litestar) -> Iterator[str]:
    """The app behind a real server in a thread: streams and disconnects need one. Its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
