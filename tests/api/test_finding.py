"""The words that people type into the search, by the gallery and by Studio."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.house import generate

PROMPTS = ("a red circle on blue", "a circle, red", "reddish squares at night", "ภาพถ่ายรองเท้าวิ่ง", "東京の夜景 🎉")


@pytest.fixture
async def shelf(client: httpx.AsyncClient) -> httpx.AsyncClient:
    for seed, prompt in enumerate(PROMPTS):
        task = await generate(client, prompt, model="free" if seed else "quick", seed=seed)
        (image,) = task["output"]["images"]
        await client.patch(f"/v1/images/{image['artifact_id']}", json={"tags": ["Hero Shot"] if seed == 1 else ["other"]})
    return client


QUERIES: list[tuple[str, list[int]]] = [
    ("red", [2, 1, 0]),
    ('"red circle"', [0]),
    ('"circle red"', [1]),
    ('"red"', [1, 0]),
    ("red -night", [1, 0]),
    ("-red", [4, 3, 2]),
    ('-"red circle"', [4, 3, 2, 1]),
    ('tag:"hero shot"', [1]),
    ("red -tag:other", [1]),
    ("model:quick", [0]),
    ("-model:free", [0]),
    ("seed:3", [3]),
    ("seed:3 red", []),
    ("after:2020 before:2100 squa", [2]),
    ("before:2020", []),
    ("รองเท้า", [3]),
    ("東京 🎉", [4]),
    ("rights:commercial", []),
    ('"red', [2, 1, 0]),
    ("tag: red", []),
    ("') OR 1=1 --", []),
    ("* AND ^ NEAR(", []),
    ("!", []),
    ("-", []),
]


async def found(client: httpx.AsyncClient, path: str, **params: str) -> list[str]:
    """Their ids."""
    response = await client.get(path, params=params)
    assert response.status_code == 200, response.text
    told: Any = response.json()["data"]
    return [each["id"] for each in (told if isinstance(told, list) else told["images"])]


async def test_what_words_find(shelf: httpx.AsyncClient) -> None:
    every = (await found(shelf, "/v1/images"))[::-1]
    for query, places in QUERIES:
        expected = [every[place] for place in places]
        assert await found(shelf, "/v1/images", q=query) == expected, query
        assert await found(shelf, "/v0/images/library", search=query) == expected, query
