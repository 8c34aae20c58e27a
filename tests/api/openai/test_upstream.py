"""What the caller chooses reaches a cloud, what that counted comes back, and its refusals are told as its own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from engines.openai.engine import OpenAIEngine
from gateway.registry import Registry
from gateway.wiring import Wiring
from tests.api.house import create_app
from tests.api.openai.asking import GENERATIONS, edited, made, picture, refused
from tests.api.pictures import RED, flat
from tests.fakes.openai_images import BLOCKED, KEY, OpenAIImages
from tests.fakes.serving import served

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MODELS = """
[engines.cloud]
plugin = "openai"
api_key = "CLOUD_KEY"
base_url = "{url}/v1"

[[models]]
id = "gpt-image-2"
engine = "cloud"
source = "gpt-image-2"
quality = "auto"
"""


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[OpenAIImages, str]]:
    fake = OpenAIImages()
    async with served(fake) as url:
        yield fake, url


@pytest.fixture
def make_app(wiring: Wiring, upstream: tuple[OpenAIImages, str]) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS.format(url=upstream[1]))
    secrets = wiring.data / "secrets.toml"
    secrets.write_text(f'CLOUD_KEY = "{KEY}"\n')
    os.chmod(secrets, 0o600)
    return lambda: create_app(wiring, registry=Registry({"openai": OpenAIEngine}))


async def test_a_transparent_picture_comes_through_as_it_was_made(
    client: httpx.AsyncClient, upstream: tuple[OpenAIImages, str], tmp_path: Path
) -> None:
    asked = {"model": "gpt-image-2", "background": "transparent", "quality": "high", "size": "1024x1024"}
    answer = await made(client, **asked)
    assert upstream[0].asked[0].fields.items() >= {"background": "transparent", "quality": "high"}.items()
    assert picture(answer).mode == "RGBA"
    assert (answer["background"], answer["quality"]) == ("transparent", "high")
    assert answer["usage"]["total_tokens"] > 0
    assert answer["usage"]["input_tokens_details"]["text_tokens"] > 0


async def test_an_edit_in_another_format_than_the_cloud_delivers(
    client: httpx.AsyncClient, upstream: tuple[OpenAIImages, str]
) -> None:
    answer = await edited(client, ("image", flat(RED)), model="gpt-image-2", size="1024x1024", output_format="webp")
    assert upstream[0].asked[0].path == "/v1/images/edits"
    assert (picture(answer).format, answer["output_format"]) == ("WEBP", "webp")


async def test_its_refusal_is_told_as_openai_tells_it(client: httpx.AsyncClient) -> None:
    told = refused(await client.post(GENERATIONS, json={"prompt": BLOCKED}), 400, "moderation_blocked")
    assert told["type"] == "image_generation_user_error"
    assert "safety" in told["message"]
