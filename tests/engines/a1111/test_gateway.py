"""A whole gateway with a server of the A1111 family behind it: pictures, cancels, a server that goes away and comes back."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from engines.a1111.engine import A1111Engine
from gateway.registry import Registry
from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, URL, anyone, bearer, create_app, finished
from tests.fakes.a1111.server import A1111
from tests.fakes.serving import Fault, Proxy, served

MODELS = """
[settings.jobs]
max_attempts = 3

[engines.webui]
plugin = "a1111"
servers = ["{address}"]
auth = "WEBUI_LOGIN"
poll_seconds = 0.02

[[models]]
id = "random"
engine = "webui"
source = "random-sd15"
defaults = {{ steps = 5, sampler = "DPM++ 2M Karras" }}
native_sizes = ["64x64"]

[[models]]
id = "enlarge"
engine = "webui"
source = "upscaler:R-ESRGAN 4x+"
"""


@pytest.fixture
async def server() -> A1111:
    return A1111("webui", login="ann:correct-horse", step_seconds=0.01)


@pytest.fixture
async def proxy(server: A1111) -> AsyncIterator[Proxy]:
    async with served(server) as address, Proxy(address).open() as proxy:
        yield proxy


@pytest.fixture
async def client(proxy: Proxy, tmp_path: Path, migrated_file: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "models.toml").write_text(MODELS.format(address=proxy.url))
    shutil.copy(migrated_file, tmp_path / "darkroom.db")
    wiring = Wiring(
        data=tmp_path,
        models=tmp_path / "models.toml",
        public_url=URL,
        admin_key=ADMIN_KEY,
        environment={"WEBUI_LOGIN": "ann:correct-horse"},
    )
    app = create_app(wiring, registry=Registry({"a1111": A1111Engine}))
    started, ending = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await ending.wait()

    life = asyncio.create_task(live())
    await asyncio.wait((life, asyncio.ensure_future(started.wait())), return_when=asyncio.FIRST_COMPLETED)
    async with anyone(app, bearer(ADMIN_KEY)) as client:
        while not all(lane["asked_at"] for lane in (await client.get("/admin/devices")).json()["data"]):
            await asyncio.sleep(0.01)  # so that a fault that a test has in store goes to no question how it is
        yield client
    ending.set()
    await life


async def ask(client: httpx.AsyncClient, **asked: Any) -> str:
    answer = await client.post("/v1/images/generations", json={"prompt": "a red circle", "model": "random", **asked})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["task_id"])


async def pictures(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/v1/images")).json()["data"]
    return found


async def test_a_picture_goes_all_the_way_and_larger(client: httpx.AsyncClient, server: A1111) -> None:
    task = await finished(client, await ask(client, n=2, seed=7, negative_prompt="blurry"))
    assert task["status"] == "succeeded", task
    first, second = sorted(await pictures(client), key=lambda row: row["seed"])
    assert [first["seed"], second["seed"]] == [7, 8]
    (shown,) = [(await client.get(f"/v1/images/{first['id']}")).json()]
    assert shown["parameters"]["parameters"]["checkpoint"] == "random-sd15"
    assert shown["parameters"]["sampler"] == "DPM++ 2M Karras"
    data = (await client.get(f"/v1/images/{first['id']}/content")).content
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (64, 64)
    answer = await client.post(f"/v1/images/{first['id']}/upscale", json={"scale": 2, "upscaler": "enlarge"})
    assert answer.status_code == 202, answer.text
    larger = await finished(client, answer.json()["job_id"])
    assert (larger["status"], larger["model"]) == ("succeeded", "enlarge")
    assert "correct-horse" not in (await client.get("/admin/engines")).text


async def test_a_cancel_stops_our_picture_there(client: httpx.AsyncClient, server: A1111) -> None:
    id_ = await ask(client, steps=150)
    while not server.busy:
        await asyncio.sleep(0.01)
    await client.post(f"/v1/tasks/{id_}/cancel")
    assert (await finished(client, id_))["status"] == "canceled"
    while server.busy:
        await asyncio.sleep(0.01)
    assert server.interrupted == server.began
    assert not await pictures(client)


async def test_what_breaks_off_is_made_again_and_once(client: httpx.AsyncClient, server: A1111, proxy: Proxy) -> None:
    proxy.faults = [Fault(swallow=True)]
    task = await finished(client, await ask(client))
    assert task["status"] == "succeeded", task
    assert len(server.asked) == 2
    assert len(await pictures(client)) == 1


async def test_a_refusal_says_what_the_server_said(client: httpx.AsyncClient, server: A1111) -> None:
    server.lists["samplers"] = [row for row in server.lists["samplers"] if row["name"] != "Euler a"]
    task = await finished(client, await ask(client, sampler="Euler a"))
    assert (task["status"], task["error"]["code"]) == ("failed", "invalid_request")
    assert "made it with the sampler" in task["error"]["message"]
