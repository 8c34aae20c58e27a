"""A word of a query that nobody reads is told, wherever JSON is listed; bytes, streams and pages let it pass."""

from __future__ import annotations

import time

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from gateway.api.queries import known_parameters
from tests.api.house import generate, problem

WRONG = [
    ("/v1/images?tag=hero", "tag", 'did you mean "tags"?'),
    ("/v1/images?favourite=true", "favourite", 'did you mean "favorite"?'),
    ("/v1/images?since=2026-01-01", "since", "there are favorite, from, limit"),
    ("/v1/images/timeline?sort=newest", "sort", "there are"),
    ("/v1/images/trash?Limit=3", "Limit", 'did you mean "limit"?'),
    ("/v1/tasks?stat=queued", "stat", 'did you mean "state"?'),
    ("/v1/tasks?limit=1&cursor=x", "cursor", "is not known here"),
    ("/v1/models?capability=upscale", "capability", "takes no parameters"),
    ("/v1/webhooks/deliveries?webhook=x", "webhook", 'did you mean "webhook_id"?'),
    ("/admin/usage?team=x", "team", 'did you mean "team_id"?'),
    ("/admin/usage.csv?start=2026-01-01", "start", "there are by, from"),
    ("/admin/engines?x=", "engines", "takes no parameters"),
    ("/v1/images?" + "x" * 500 + "=1", "x" * 60 + "…", "is not known here"),
]
RIGHT = [
    "/v1/images?tags[]=a&tags[]=b&tags=c&from=2026-01-01&to=2026-12-01&q=x&favorite=true&sort=oldest&limit=3",
    "/v1/images?tags%5B%5D=a",
    "/v1/images?",
    "/v1/tasks?state=queued&mine=true",
    "/v0/images/library?presetId=&search=a",
    "/admin/usage?from=2026-01-01&by=day",
]


async def test_a_wrong_word_is_named_with_the_nearest(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for address, field, words in WRONG:
        with subtests.test(address=address[:60]):
            told = problem(await client.get(address), 422, "invalid_request")
            assert told["errors"][0]["field"] == (field if field != "engines" else "x")
            assert words in told["detail"]


async def test_studio_says_it_in_its_own_shape(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    for asker, address in ((client, "/v0/images/library?serch=a"), (stranger, "/v0/images/public?limits=3")):
        answer = await asker.get(address)
        assert answer.status_code == 422
        assert "did you mean" in answer.json()["error"]
    problem(await stranger.get("/v1/images?tag=hero"), 401, "not_authenticated")


async def test_every_right_word_is_taken(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for address in RIGHT:
        with subtests.test(address=address):
            answer = await client.get(address)
            assert answer.status_code != 422 or "is not known here" not in answer.text


async def test_bytes_and_pages_let_it_pass(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    (made,) = (await generate(client))["output"]["images"]
    for asker, address in (
        (client, f"/v1/images/{made['artifact_id']}/content?v=2"),
        (client, f"/v0/images/library/{made['artifact_id']}/download?v=2"),
        (stranger, "/public?utm_source=mail"),
        (stranger, "/health/live?probe=1"),
    ):
        assert (await asker.get(address)).status_code == 200, address


async def test_where_it_can_come_it_is_documented(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/schema/openapi.json")).json()["paths"]
    for address in ("/v1/webhooks", "/v1/models", "/admin/engines", "/v1/me", "/v0/usage", "/v1/images/{image_id}"):
        answers = paths[address]["get"]["responses"]
        assert answers["422"]["content"].keys() == answers["401"]["content"].keys()
    assert "422" not in paths["/v0/images/library/{image_id}/download"]["get"]["responses"]


async def test_it_costs_microseconds(app: Litestar) -> None:
    """So that no list is slower for it: it is a look into a set that was made at the start."""
    route = next(each for each in app.routes if isinstance(each, HTTPRoute) and each.path == "/v1/images")
    handler, _ = route.route_handler_map["GET"]

    class Connection:
        scope = {"query_string": b"tags[]=a&limit=3"}
        query_params = {"tags[]": "a", "limit": "3"}

    began = time.perf_counter()
    for _ in range(1_000):
        await known_parameters(Connection, handler)  # type: ignore[arg-type]
    assert time.perf_counter() - began < 0.1
