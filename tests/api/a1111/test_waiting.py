"""Calls that wait for their pictures: how long, who leaves, and what is held for them meanwhile."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from litestar import Litestar

from gateway.api.a1111.asked import ExtraBatch, ExtraSingle, Img2Img, NamedPicture
from tests.api.a1111.asking import API, Json, b64, mask, refused
from tests.api.holding import bodies_held, held
from tests.api.house import finished

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def seconds() -> int:
    return 2


async def test_after_its_time_it_is_504_and_the_job_goes_on(client: httpx.AsyncClient) -> None:
    told = refused(await client.post(f"{API}/txt2img", json={"prompt": "a", "model": "stuck"}), 504, "timed_out")
    assert (await client.get(f"/v1/tasks/{told['job_id']}")).json()["status"] == "running"


async def test_a_client_that_leaves_does_not_stop_its_job(client: httpx.AsyncClient) -> None:
    waiting = await _begun(client, "txt2img", {"prompt": "a", "model": "stuck"})
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.1)
    assert (await client.get("/v1/tasks")).json()["data"][0]["status"] == "running"


async def test_those_who_wait_are_told_when_the_gateway_ends(app: Litestar, client: httpx.AsyncClient) -> None:
    waiting = await _begun(client, "txt2img", {"prompt": "a", "model": "stuck"})
    app.state.streams.end()
    told = refused(await waiting, 503, "unavailable")
    await client.post(f"/v1/tasks/{told['job_id']}/cancel")
    await finished(client, told["job_id"])


CHANGING: Json = {"prompt": "a", "model": "stuck", "init_images": [b64()], "mask": mask()}


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("img2img", CHANGING),
        ("img2img", {**CHANGING, "infotext": "a\nSteps: 3, Seed: 5"}),
        ("extra-single-image", {"image": b64(), "upscaler_1": "tall"}),
        ("extra-batch-images", {"imageList": [{"data": b64(), "name": "a"}], "upscaler_1": "tall"}),
    ],
)
async def test_pictures_that_were_taken_in_are_not_held_for_those_who_wait(
    client: httpx.AsyncClient, call: str, body: Json
) -> None:
    waiting = await _begun(client, call, body)
    assert not any(each.init_images or each.mask for each in held(Img2Img))
    assert not any(each.image for each in held(ExtraSingle))
    assert not any(each.imageList for each in held(ExtraBatch))
    assert not held(NamedPicture)
    assert not [each for each in bodies_held() if b"iVBOR" in each]
    await client.post(f"{API}/interrupt")
    await waiting


async def test_a_picture_that_is_asked_for_again_is_told_after_the_wait(client: httpx.AsyncClient) -> None:
    body = {"prompt": "a", "init_images": [picture := b64()], "include_init_images": True}
    answer = (await client.post(f"{API}/img2img", json=body)).json()
    assert answer["parameters"]["init_images"] == [picture]


async def test_a_batch_that_is_refused_takes_back_nothing_of_an_earlier_one(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "twice"}
    body = {"imageList": [{"data": b64(), "name": "a"}, {"data": b64(), "name": "b"}], "upscaler_1": "tall"}
    waiting = await _begun(client, "extra-batch-images", body, headers)
    same = asyncio.create_task(client.post(f"{API}/extra-batch-images", json=body, headers=headers))
    other = {**body, "imageList": [body["imageList"][0], {"data": b64(width=32), "name": "b"}]}
    assert (await client.post(f"{API}/extra-batch-images", json=other, headers=headers)).status_code == 409
    await asyncio.sleep(0.2)
    assert not waiting.done(), waiting.result().text
    assert len((await client.get("/v1/tasks")).json()["data"]) == 2
    for each in (waiting, same):
        each.cancel()
    await client.post(f"{API}/interrupt")


async def _begun(
    client: httpx.AsyncClient, call: str, body: Json, headers: dict[str, str] | None = None
) -> asyncio.Task[httpx.Response]:
    """A call that waits, once its job runs."""
    waiting = asyncio.create_task(client.post(f"{API}/{call}", json=body, headers=headers))
    while "running" not in [task["status"] for task in (await client.get("/v1/tasks")).json()["data"]]:
        assert not waiting.done(), waiting.result().text
        await asyncio.sleep(0.01)
    return waiting
