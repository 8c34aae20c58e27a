"""The gateway as a whole: its start, its end, and what it holds on to between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from gateway.app import create_app
from gateway.errors import AlreadyRunning, CatalogError, StorageUnavailable
from gateway.registry import Registry
from gateway.wiring import Wiring
from tests.api.conftest import MODELS, PLUGINS
from tests.api.house import anyone, bearer, finished, generate, problem


async def test_the_first_start_gives_a_key_and_later_ones_do_not(wiring: Wiring) -> None:
    unset = msgspec.structs.replace(wiring, admin_key=None)
    first = create_app(unset, registry=PLUGINS)
    async with first.lifespan():
        key = first.state.first_key
        async with anyone(first, bearer(key)) as client:
            assert (await client.get("/v1/me")).json()["is_admin"]
    second = create_app(unset, registry=PLUGINS)
    async with second.lifespan():
        assert second.state.first_key is None
        async with anyone(second, bearer(key)) as client:
            assert (await client.get("/v1/me")).status_code == 200


async def test_a_start_that_fails_keeps_the_first_key_for_the_next(wiring: Wiring, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    unset = msgspec.structs.replace(wiring, admin_key=None)
    failing = create_app(msgspec.structs.replace(unset, blobs=f"file://{tmp_path}/file/blobs"), registry=PLUGINS)
    with pytest.RaisesGroup(StorageUnavailable, allow_unwrapped=True, flatten_subgroups=True):
        async with failing.lifespan():
            pass
    second = create_app(unset, registry=PLUGINS)
    async with second.lifespan():
        assert second.state.first_key


async def test_the_commands_key_lives_as_long_as_the_gateway(make_app: Callable[[], Litestar]) -> None:
    app = make_app()
    async with app.lifespan():
        key = app.state.command_key
        async with anyone(app, bearer(key)) as client:
            me = (await client.get("/v1/me")).json()
            assert (me["key"]["name"], me["is_admin"]) == ("darkroom command", True)
    again = make_app()
    async with again.lifespan():
        assert again.state.command_key != key
        async with anyone(again, bearer(key)) as client:
            problem(await client.get("/v1/me"), 401, "not_authenticated")


async def test_a_second_gateway_on_the_same_data_is_refused(make_app: Callable[[], Litestar]) -> None:
    first, second = make_app(), make_app()
    async with first.lifespan():
        # What is raised at a start comes out of Litestar's own group of tasks.
        with pytest.RaisesGroup(AlreadyRunning, allow_unwrapped=True, flatten_subgroups=True):
            async with second.lifespan():
                pass
        async with anyone(first, bearer(first.state.command_key)) as client:
            assert (await generate(client))["status"] == "succeeded"
    async with second.lifespan():
        pass


async def test_a_wrong_models_file_stops_the_start_with_every_problem(wiring: Wiring) -> None:
    assert wiring.models
    wiring.models.write_text(MODELS.replace('engine = "fake"', 'engin = "fake"', 1))
    with pytest.raises(CatalogError) as caught:
        create_app(wiring, registry=PLUGINS)
    assert any("engin" in line for line in caught.value.problems)


async def test_a_start_without_a_models_file_makes_one(tmp_path: Path) -> None:
    wiring = Wiring(data=tmp_path / "new")
    create_app(wiring, registry=Registry.discover())
    assert wiring.models_path.is_file()


async def test_a_changed_models_file_is_followed(app: Litestar, client: httpx.AsyncClient, wiring: Wiring) -> None:
    assert wiring.models
    wiring.models.write_text(MODELS + '\n[[models]]\nid = "new"\nengine = "fake"\nsource = "fake:new"\n')
    deadline = time.monotonic() + 15
    while (await client.post("/v1/images/generations", json={"prompt": "a", "model": "new"})).status_code != 202:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    wiring.models.write_text(MODELS + "\n[[models]]\nid = 7\n")
    while (problem_told := (await client.get("/admin/models")).json()["problem"]) is None:
        assert time.monotonic() < deadline + 15
        await asyncio.sleep(0.1)
    assert "id" in problem_told
    assert (await generate(client, model="new"))["status"] == "succeeded"


async def test_what_was_accepted_survives_the_end_of_the_gateway(make_app: Callable[[], Litestar]) -> None:
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(app.state.command_key)) as client:
        first = (await client.post("/v1/images/generations", json={"prompt": "a", "model": "slow", "n": 2})).json()
        second = (await client.post("/v1/images/generations", json={"prompt": "b"})).json()
        await finished(client, first["task_id"], ("running",))
    again = make_app()
    async with again.lifespan(), anyone(again, bearer(again.state.command_key)) as client:
        for task, count in ((first, 2), (second, 1)):
            done = await finished(client, task["task_id"])
            assert (done["status"], len(done["output"]["images"])) == ("succeeded", count)
        assert len((await client.get("/v1/images")).json()["data"]) == 3


def test_no_dependency_of_a_handler_costs_a_task(make_app: Callable[[], Litestar]) -> None:
    batches = [
        batch
        for route in make_app().routes
        if isinstance(route, HTTPRoute)
        for _, model in route.route_handler_map.values()
        for batch in model.dependency_batches
    ]
    assert batches
    assert all(len(batch) == 1 for batch in batches)
