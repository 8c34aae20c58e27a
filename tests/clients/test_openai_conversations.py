"""The official OpenAI SDK has a conversation with the bundled model, by chat completions and by responses."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from PIL import Image

from tests.clients.conftest import BLUE, NEAR, RED
from tests.gateways import Running

pytestmark = [pytest.mark.server, pytest.mark.slow]
MODEL = "shapes"
PROMPT = "a red circle on a blue background"
QUICK: dict[str, Any] = {"num_inference_steps": 8, "seed": 7, "size": "128x128"}
ANY: dict[str, Any] = {**QUICK, "num_inference_steps": 1}
"""Where nobody looks at the picture."""
PICTURES: dict[str, Any] = {**QUICK, "modalities": ["image"]}


@pytest.fixture(scope="module")
def sdk(darkroom: Running, key: str) -> Iterator[OpenAI]:
    """Nothing is changed but the base URL and the key."""
    with OpenAI(base_url=f"{darkroom.url}/openai/v1", api_key=key) as sdk:
        yield sdk


def pixels(text: str) -> Any:
    """Of a data URL, or of base64 alone."""
    with Image.open(io.BytesIO(base64.b64decode(text.rpartition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def shows_it(text: str) -> bool:
    """A red middle, and blue corners."""
    seen = pixels(text)
    middle, corner = seen[seen.shape[0] // 2, seen.shape[1] // 2], seen[4, 4]
    return bool((abs(middle - RED) < NEAR).all() and (abs(corner - BLUE) < NEAR).all())


def test_a_chat_goes_on_from_its_picture(sdk: OpenAI) -> None:
    talk: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": PROMPT},
    ]
    first = sdk.chat.completions.create(model=MODEL, messages=talk, temperature=0.7, extra_body=PICTURES)
    message: Any = first.choices[0].message
    (image,) = message.images
    assert shows_it(image["image_url"]["url"])
    talk += [message.model_dump(), {"role": "user", "content": PROMPT}]
    again: Any = sdk.chat.completions.create(model=MODEL, messages=talk, extra_body={**PICTURES, "strength": 0.3})
    before, after = pixels(image["image_url"]["url"]), pixels(again.choices[0].message.images[0]["image_url"]["url"])
    assert 0 < abs(after - before).mean() < 40, "it is another version of the first"


def test_a_chat_client_that_knows_only_words_is_shown_it(sdk: OpenAI, darkroom: Running) -> None:
    chunks = sdk.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": PROMPT}], stream=True, extra_body=ANY
    )
    words = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert words.startswith(f"![{PROMPT}]({darkroom.url}/")
    with darkroom.client() as client:
        picture = client.get(words.partition("](")[2].removesuffix(")"), headers={"Authorization": ""})
    assert picture.headers["content-type"] == "image/png"


def test_responses_by_the_tool_go_on_from_the_one_before(sdk: OpenAI) -> None:
    tool: Any = {"type": "image_generation", **QUICK}
    first = sdk.responses.create(model=MODEL, input=PROMPT, tools=[tool])
    (call,) = [item for item in first.output if item.type == "image_generation_call"]
    assert shows_it(call.result or "")
    edits: Any = {**tool, "strength": 0.3}
    again = sdk.responses.create(model=MODEL, input=PROMPT, previous_response_id=first.id, tools=[edits])
    (changed,) = [item for item in again.output if item.type == "image_generation_call"]
    assert (changed.action, again.previous_response_id) == ("edit", first.id)
    assert 0 < abs(pixels(changed.result or "") - pixels(call.result or "")).mean() < 40
    assert sdk.responses.retrieve(first.id).output == first.output


def test_a_streamed_response_shows_how_it_comes_about(sdk: OpenAI) -> None:
    tool: Any = {"type": "image_generation", **QUICK, "num_inference_steps": 60, "partial_images": 2}
    with sdk.responses.stream(model=MODEL, input=PROMPT, tools=[tool]) as stream:
        partials = [event for event in stream if event.type == "response.image_generation_call.partial_image"]
        last: Any = stream.get_final_response()
    assert [event.partial_image_index for event in partials] == list(range(len(partials)))
    assert 1 <= len(partials) <= 2
    assert all(pixels(event.partial_image_b64).size for event in partials)
    assert shows_it(last.output[0].result)


def test_the_sdk_raises_its_own_errors(sdk: OpenAI, darkroom: Running, other_key: str) -> None:
    talk: list[ChatCompletionMessageParam] = [{"role": "user", "content": PROMPT}]
    with pytest.raises(openai.NotFoundError, match="no model"):
        sdk.chat.completions.create(model="nothing", messages=talk)
    with pytest.raises(openai.BadRequestError) as told:
        sdk.chat.completions.create(model=MODEL, messages=talk, n=11)
    assert told.value.param == "n"
    with pytest.raises(openai.AuthenticationError):
        sdk.with_options(api_key="dk_wrong").chat.completions.create(model=MODEL, messages=talk)
    tool: Any = {"type": "image_generation", **ANY}
    mine = sdk.responses.create(model=MODEL, input=PROMPT, tools=[tool], background=True)
    with pytest.raises(openai.NotFoundError):
        sdk.with_options(api_key=other_key).responses.retrieve(mine.id)
    assert sdk.responses.cancel(mine.id).status in ("cancelled", "in_progress", "completed")  # their spelling
