"""Every field of OpenAI's published requests is honoured, harmless, or refused by name: none is dropped in silence."""

from __future__ import annotations

import typing
from typing import Any, get_type_hints

import httpx
import pytest
from openai.types import image_edit_params, image_generate_params

from gateway.api.openai.asked import OpenAIEdit, OpenAIGeneration
from tests.api.openai.asking import GENERATIONS, edit, refused
from tests.api.pictures import flat

HONOURED = frozenset({
    "background", "model", "n", "output_compression", "output_format", "partial_images", "prompt", "quality",
    "response_format", "safety_identifier", "size", "stream", "style", "user",
})  # fmt: skip
"""By both; `style` by a model whose maker has the word, of others `vivid`, which DALL·E's clients always send, asks nothing."""
OF_EDITS = frozenset({"image", "input_fidelity", "mask"})
HARMLESS = {"moderation": "what runs here is moderated by nobody, and how strictly a cloud does it is its account's to say"}
REFUSED: dict[str, Any] = {
    "complexity": "high",
    "frame_count": 4,
    "frame_duration_ms": 100,
    "svg": {"model": "gpt-5"},
}
"""With a value that somebody might send."""
OF_SERVERS = frozenset({"guidance_scale", "loras", "negative_prompt", "num_inference_steps", "sampler", "seed"})
"""What self-hosted servers of this API take besides."""


def published(*kinds: type) -> set[str]:
    return {name for kind in kinds for name in get_type_hints(kind, include_extras=False)}


GENERATE = published(image_generate_params.ImageGenerateParamsNonStreaming, image_generate_params.ImageGenerateParamsStreaming)
EDIT = published(image_edit_params.ImageEditParamsNonStreaming, image_edit_params.ImageEditParamsStreaming)


def test_each_published_field_has_its_place() -> None:
    assert HONOURED | set(HARMLESS) | set(REFUSED) == GENERATE
    # Edits are published without `moderation` and `style`; both are taken there too. `test_refusals` sends a `markup`.
    assert HONOURED - {"style"} | OF_EDITS | set(REFUSED) | {"markup"} == EDIT


def test_what_is_taken_is_said_here() -> None:
    assert set(OpenAIGeneration.__struct_fields__) == HONOURED | set(HARMLESS) | OF_SERVERS
    taken = set(OpenAIEdit.__struct_fields__)
    assert taken == HONOURED | set(HARMLESS) | OF_SERVERS | {"strength"} | (OF_EDITS - {"image", "mask"})


def test_every_published_word_is_one_of_ours() -> None:
    """But for the two formats that are no still picture of pixels."""
    generate, edit_ = image_generate_params.ImageGenerateParamsBase, image_edit_params.ImageEditParamsBase
    for kind, ours in ((generate, OpenAIGeneration), (edit_, OpenAIEdit)):
        theirs, mine = get_type_hints(kind), get_type_hints(ours)
        for name in ("background", "quality", "output_format", "response_format", "moderation", "input_fidelity", "style"):
            if name in theirs and name in mine:
                assert words(theirs[name]) - {"gif", "svg"} <= words(mine[name]), name


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", REFUSED)
async def test_a_field_that_means_nothing_here_is_refused_by_name(client: httpx.AsyncClient, name: str) -> None:
    told = refused(await client.post(GENERATIONS, json={"prompt": "a", name: REFUSED[name]}), 400, "unknown_parameter", name)
    assert "not taken here" in told["message"]
    told = refused(await edit(client, **{name: str(REFUSED[name])}), 400, "unknown_parameter", name)
    assert "not taken here" in told["message"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_harmless_ones_are_taken(client: httpx.AsyncClient) -> None:
    said: dict[str, Any] = {"moderation": "low", "background": "opaque", "quality": "auto", "size": "auto", "partial_images": 0}
    body = {"prompt": "a", **said, "n": None, "stream": False, "style": "vivid", "user": "", "loras": []}
    response = await client.post(GENERATIONS, json=body)
    assert response.status_code == 200, response.text
    assert "safety_identifier" not in response.json()
    response = await edit(client, ("image", flat()), input_fidelity="low", moderation="auto", background="auto")
    assert response.status_code == 200, response.text


def words(hint: Any) -> set[str]:
    """Those of all literals in a type."""
    if typing.get_origin(hint) is typing.Literal:
        return set(typing.get_args(hint))
    return {word for part in typing.get_args(hint) for word in words(part)}
