"""POST /v1/images/{id}/upscale: the picture larger, by whatever model can do that; here by the built-in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import create_app, finished, problem
from tests.api.test_making import GENERATE, PLUGINS, ask, made, noise, shown, upload
from tests.fakes.web import Web

Json = dict[str, Any]
MODELS = """
[settings.limits]
max_body_bytes = 65536
max_pixels = 300000

[engines.fake]
plugin = "fake"

[engines.lanczos]
plugin = "lanczos"

[devices.cpu]
device = "cpu"

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
natives = [[128, 128]]

[[models]]
id = "lanczos"
engine = "lanczos"
source = "builtin:lanczos"
"""


@pytest.fixture
def make_app(wiring: Wiring, web: Web) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS)
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


async def test_an_upscale_is_a_larger_variant_that_says_how(client: httpx.AsyncClient) -> None:
    first = await made(client, GENERATE, prompt="a red circle", size="64x48", title="Hero", tags=["hero"])
    accepted = await ask(client, f"/v1/images/{first['id']}/upscale", scale=2.5)
    assert accepted["edit_session_id"] is None
    task = await finished(client, accepted["job_id"])
    assert (task["capability"], task["model"], task["billing"]["charged_credits"]) == ("upscale", "lanczos", "10.0000")
    (larger,) = (await shown(client, first["id"]))["variants"]
    assert (larger["width"], larger["height"], larger["source"]) == (160, 120, "upscale")
    assert (larger["parameters"]["upscaler"], larger["seed"]) == ("lanczos", None)
    assert (larger["prompt"], larger["title"], larger["tags"]) == ("a red circle", "Hero", ["hero"])
    bytes_of = [(await client.get(each["url"])).content for each in (first, larger)]
    assert bytes_of[0] != bytes_of[1]


async def test_the_same_upscale_makes_the_same_bytes_and_any_format(client: httpx.AsyncClient) -> None:
    picture = await upload(client, noise(32, 32))
    one, two = [await made(client, f"/v1/images/{picture}/upscale", title=title) for title in ("a", "b")]
    assert (await client.get(one["url"])).content == (await client.get(two["url"])).content
    assert (one["title"], two["title"], one["width"]) == ("a", "b", 64)
    assert (await made(client, f"/v1/images/{picture}/upscale", output_format="webp"))["media_type"] == "image/webp"


async def test_an_enlarged_photograph_does_not_pass_for_a_models_work(client: httpx.AsyncClient) -> None:
    larger = await made(client, f"/v1/images/{await upload(client)}/upscale")
    content = (await client.get(larger["url"])).content
    assert b"digitalsourcetype/algorithmicallyEnhanced" in content
    assert b"rainedAlgorithmicMedia" not in content
    drawn = await made(client, GENERATE, prompt="a")
    content = (await client.get((await made(client, f"/v1/images/{drawn['id']}/upscale"))["url"])).content
    assert b"digitalsourcetype/trainedAlgorithmicMedia" in content


async def test_an_upscale_in_a_session(client: httpx.AsyncClient) -> None:
    picture = await upload(client)
    session = (await ask(client, f"/v1/images/{picture}/edit", prompt="a"))["edit_session_id"]
    assert (await made(client, f"/v1/images/{picture}/upscale", edit_session_id=session))["edit_session_id"] == session


TOO_MUCH: list[tuple[Json, str, str]] = [
    ({"scale": 1}, "scale", "from 1.1 to 16"),
    ({"scale": 17}, "scale", "from 1.1 to 16"),
    ({"scale": "2"}, "scale", "a number"),
    ({"scale": 16}, "scale", "up to 8.55 times"),  # 300,000 pixels of 64 x 64
    ({"upscaler": "nonesuch"}, "upscaler", "There is no model"),
    ({"upscaler": "edit"}, "upscaler", "cannot do upscale"),
    ({"prompt": "a"}, "prompt", "not known here"),
]


async def test_what_cannot_be_enlarged_so(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    picture = await upload(client)
    for body, field, words in TOO_MUCH:
        with subtests.test(body=body):
            answer = await client.post(f"/v1/images/{picture}/upscale", json=body)
            told = answer.json()
            assert (answer.status_code, told["errors"][0]["field"]) == (422, field)
            assert words in told["detail"]


async def test_an_upscale_sent_twice_is_one(client: httpx.AsyncClient) -> None:
    picture = await upload(client)
    header = {"Idempotency-Key": "k"}
    answers = [await client.post(f"/v1/images/{picture}/upscale", json={}, headers=header) for _ in range(2)]
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    problem(await client.post(f"/v1/images/{picture}/upscale", json={"scale": 3}, headers=header), 409, "idempotency_conflict")
