"""The gallery's lists: filters, orders, cursors, days and suggestions; titles, tags and stars; the trash's list."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from gateway.accounts import authenticate
from gateway.db import Database
from gateway.images import counting, records
from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, generate, problem
from tests.images.shelf import picture

DAYS = [datetime(2025, 3, day, 12, tzinfo=UTC) for day in (1, 2, 3, 4, 5)]
TITLES = ["cat", "Ant", "", "bee", "dog"]
TAGS = [["Hero", "red"], ["hero"], [], ["red"], ["hero", "wip"]]


@pytest.fixture
async def five(client: httpx.AsyncClient, wiring: Wiring) -> list[str]:
    """Ids of five pictures, the oldest first; of the newest two the model is another, the second and fourth are favorites."""
    made = await generate(client)
    shown = (await client.get(f"/v1/images/{made['output']['images'][0]['artifact_id']}")).json()
    database = Database(wiring.database)
    principal = await authenticate(database, ADMIN_KEY)
    async with database.write() as connection:
        like = await records.get(connection, principal.team_id, shown["id"])
        await records.purge(connection, [like])
        several = [
            picture(
                f"a red circle number{place}", at=int(moment.timestamp()) * 1_000_000, title=TITLES[place], tags=TAGS[place],
                model="quick" if place < 3 else "other", is_favorite=place in (1, 3), seed=place, team_id=principal.team_id,
                user_id=principal.user_id, blob=like.blob, thumbnail_256=like.thumbnail_256,
            )
            for place, moment in enumerate(DAYS)
        ]  # fmt: skip
        await records.add_all(connection, several)
    await database.close()
    return [each.id for each in several]


async def places(client: httpx.AsyncClient, five: list[str], **params: Any) -> list[int]:
    told = await client.get("/v1/images", params=params)
    assert told.status_code == 200, told.text
    return [five.index(each["id"]) for each in told.json()["data"]]


async def test_filters_and_orders(client: httpx.AsyncClient, five: list[str]) -> None:
    for params, expected in (
        ({}, [4, 3, 2, 1, 0]),
        ({"sort": "oldest"}, [0, 1, 2, 3, 4]),
        ({"sort": "title"}, [1, 3, 0, 4, 2]),
        ({"sort": "favorite"}, [3, 1, 4, 2, 0]),
        ({"model": "other"}, [4, 3]),
        ({"favorite": "true"}, [3, 1]),
        ({"favorite": "false", "model": "other"}, [4]),
        ({"tags[]": "hero"}, [4, 1, 0]),
        ({"tags[]": ["HERO", "red"]}, [0]),
        ({"tags": "red", "tags[]": "hero"}, [0]),
        ({"tags[]": "hero", "sort": "title"}, [1, 0, 4]),
        ({"tags[]": "hero", "sort": "favorite", "limit": 2}, [1, 4]),
        ({"tags[]": "nothing"}, []),
        ({"from": "2025-03-02", "to": "2025-03-04"}, [3, 2, 1]),
        ({"to": "2025-03-02T12:00:00Z"}, [1, 0]),
        ({"to": "2025-03-02T11:59:59Z"}, [0]),
        ({"from": "2025-03-04T13:00:00+01:00"}, [4, 3]),
        ({"q": "number3"}, [3]),
        ({"q": "red tag:hero"}, [4, 1, 0]),
        ({"q": "bee", "sort": "title"}, [3]),
        ({"q": "circ -tag:hero", "favorite": "true"}, [3]),
        ({"q": "seed:2"}, [2]),
        ({"q": "circle", "to": "2025-03-02T12:00:00Z"}, [1, 0]),
        ({"q": "circle", "to": "2025-03-02T11:59:59.999Z"}, [0]),
        ({"q": "circle", "from": "2025-03-04T12:00:00Z"}, [4, 3]),
        ({"q": "circle", "from": "2025-03-04T12:00:00.001Z"}, [4]),
        ({"model": "other", "favorite": "true", "tags[]": "red", "from": "2025-03-01"}, [3]),
        ({"q": "", "model": "", "from": "", "to": "", "tags[]": ""}, [4, 3, 2, 1, 0]),
        ({"page": 2, "limit": 2}, [2, 1]),
        ({"page": 9, "limit": 100}, []),
        ({"sort": "favorite", "page": 2, "limit": 1}, [1]),
        ({"sort": "favorite", "page": 2, "limit": 2}, [4, 2]),
        ({"sort": "favorite", "page": 2, "limit": 3}, [2, 0]),
    ):
        assert await places(client, five, **params) == expected, params


@pytest.mark.parametrize("sort", ["newest", "oldest", "title", "favorite"])
async def test_a_cursor_goes_through_the_whole_list_while_it_grows(
    client: httpx.AsyncClient, five: list[str], sort: str
) -> None:
    whole = await places(client, five, sort=sort)
    first = (await client.get("/v1/images", params={"sort": sort, "limit": 2})).json()
    assert (first["page"], first["limit"], first["total"], first["total_capped"]) == (1, 2, 5, False)
    seen, following = [each["id"] for each in first["data"]], first["next"]
    while following:
        page = (await client.get("/v1/images", params={"sort": sort, "limit": 2, "next": following})).json()
        assert not {"total", "page"} & set(page)
        seen, following = seen + [each["id"] for each in page["data"]], page["next"]
    assert [five.index(each) for each in seen] == whole


async def test_totals(client: httpx.AsyncClient, five: list[str]) -> None:
    counted: list[tuple[dict[str, Any], int]] = [
        ({}, 5),
        ({"favorite": "true"}, 2),
        ({"favorite": "false"}, 3),
        ({"model": "quick"}, 3),
        ({"tags[]": "red"}, 2),
        ({"tags[]": ["red", "hero"]}, 1),
        ({"from": "2025-03-02", "to": "2025-03-03"}, 2),
        ({"to": "2025-03-02T13:00:00Z"}, 2),
        ({"to": "2025-03-03T11:00:00Z", "limit": 1}, 2),
        ({"from": "2025-03-02T13:00:00Z", "limit": 1}, 3),
        ({"q": "circle", "limit": 1}, 5),
    ]
    for params, total in counted:
        told = (await client.get("/v1/images", params=params)).json()
        assert (told["total"], told["total_capped"]) == (total, False), params


@pytest.mark.parametrize("q", ["circle", '"red circle"'])
async def test_the_end_of_a_list_and_of_counting(
    client: httpx.AsyncClient, five: list[str], monkeypatch: pytest.MonkeyPatch, q: str
) -> None:
    for most, total, capped in ((5, 5, False), (4, 4, True)):
        monkeypatch.setattr(counting, "MOST", most)
        first = (await client.get("/v1/images", params={"q": q, "limit": 2})).json()
        assert (first["total"], first["total_capped"]) == (total, capped)
    for limit, is_all in ((4, False), (5, True), (6, True)):
        page = (await client.get("/v1/images", params={"q": q, "limit": limit})).json()
        assert (len(page["data"]), page["next"] is None) == (min(limit, 5), is_all)


async def test_what_cannot_be_asked(client: httpx.AsyncClient, other_team: httpx.AsyncClient, five: list[str]) -> None:
    cursor = (await client.get("/v1/images", params={"limit": 1, "tags[]": "hero"})).json()["next"]
    for params, field in (
        ({"from": "yesterday"}, "from"),
        ({"from": "2" * 65}, "from"),
        ({"to": "2025-02-30"}, "to"),
        ({"to": "20250302"}, "to"),
        ({"to": "2025-W10"}, "to"),
        ({"from": "2025-03-02", "to": "2025-03-01"}, "from"),
        ({"favorite": "perhaps"}, "favorite"),
        ({"sort": "size"}, "sort"),
        ({"page": 0}, "page"),
        ({"page": 10_001}, "page"),
        ({"page": 200, "limit": 100}, "page"),
        ({"limit": 101}, "limit"),
        ({"tags[]": ["x"] * 51}, "tags[]"),
        ({"q": "x" * 1001}, "q"),
        ({"next": cursor}, "next"),
        ({"next": cursor, "tags[]": "red"}, "next"),
        ({"next": cursor, "tags[]": "hero", "sort": "title"}, "next"),
    ):
        told = problem(await client.get("/v1/images", params=params), 422, "invalid_request")
        assert told["errors"][0]["field"] == field, params
        assert "of another kind" not in told["detail"], params
    told = problem(await other_team.get("/v1/images", params={"next": cursor, "tags[]": "hero"}), 422, "invalid_request")
    assert "not of this list" in told["errors"][0]["message"]
    assert await places(client, five, **{"next": cursor, "tags[]": "HERO", "limit": 1}) == [1]


async def test_title_and_tags(client: httpx.AsyncClient, five: list[str]) -> None:
    path = f"/v1/images/{five[2]}"
    told = (await client.patch(path, json={"title": "  Zebra ", "tags": ["Hero", "hero", " new one "]})).json()
    assert (told["title"], told["tags"]) == ("Zebra", ["Hero", "new one"])
    assert await places(client, five, **{"tags[]": "NEW ONE"}) == [2]
    assert await places(client, five, q="zeb") == [2]
    assert (await places(client, five, sort="title"))[-1] == 2
    assert (await client.patch(path, json={"tags": []})).json()["tags"] == []
    assert (await client.patch(path, json={})).json()["title"] == "Zebra"
    assert await places(client, five, **{"tags[]": "new one"}) == []
    for body, field in (
        ({"title": "x" * 201}, "title"),
        ({"title": "x" * 3_000}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"tags": ["a"] * 500}, "tags"),
        ({"tags": ["ok", ""]}, "tags[1]"),
        ({"tags": ["x" * 65]}, "tags[0]"),
        ({"tags": ["a\x07b"]}, "tags[0]"),
        ({"title": None}, "title"),
        ({"tags": "hero"}, "tags"),
        ({"name": "x"}, "name"),
    ):
        told = problem(await client.patch(path, json={"tags": ["kept"], **body}), 422, "invalid_request")
        assert told["errors"][0]["field"].startswith(field.partition("[")[0]), body
    problem(await client.patch(path, json={"tags": ["kept"], "title": "x" * 1_000_000}), 413, "body_too_large")
    told = (await client.get(path)).json()
    assert (told["title"], told["tags"]) == ("Zebra", [])


async def test_stars(client: httpx.AsyncClient, other_team: httpx.AsyncClient, five: list[str]) -> None:
    path = f"/v1/images/{five[0]}/favorite"
    assert [(await client.post(path)).json()["is_favorite"] for _ in range(2)] == [True, False]
    for _ in range(2):
        assert (await client.post(path, json={"is_favorite": True})).json()["is_favorite"] is True
    assert await places(client, five, favorite="true") == [3, 1, 0]
    problem(await client.post(path, json={"is_favorite": "perhaps"}), 422, "invalid_request")
    problem(await other_team.post(path), 404, "not_found")
    problem(await other_team.patch(f"/v1/images/{five[0]}", json={"title": "mine"}), 404, "not_found")
    await client.delete(f"/v1/images/{five[0]}")
    problem(await client.post(path), 409, "wrong_state")
    problem(await client.patch(f"/v1/images/{five[0]}", json={"title": "x"}), 409, "wrong_state")


async def test_the_trash(client: httpx.AsyncClient, other_team: httpx.AsyncClient, five: list[str]) -> None:
    for place in (1, 4, 2):
        assert (await client.delete(f"/v1/images/{five[place]}")).status_code == 204
    assert await places(client, five) == [3, 0]
    first = (await client.get("/v1/images/trash", params={"limit": 2})).json()
    assert [five.index(each["id"]) for each in first["data"]] == [2, 4]
    assert (first["total"], first["total_capped"], first["page"]) == (3, False, 1)
    assert all(each["deleted_at"] and "s=trash" in each["url"] for each in first["data"])
    second = (await client.get("/v1/images/trash", params={"limit": 2, "next": first["next"]})).json()
    assert [five.index(each["id"]) for each in second["data"]] == [1]
    assert second["next"] is None
    assert (await other_team.get("/v1/images/trash")).json()["data"] == []
    problem(await other_team.get("/v1/images/trash", params={"next": first["next"]}), 422, "invalid_request")
    problem(await client.get("/v1/images", params={"next": first["next"]}), 422, "invalid_request")
    await client.post(f"/v1/images/{five[4]}/restore")
    assert await places(client, five, **{"tags[]": "wip"}) == [4]
    assert await places(client, five, q="number4") == [4]


async def test_the_timeline(client: httpx.AsyncClient, other_team: httpx.AsyncClient, five: list[str]) -> None:
    async def days(asker: httpx.AsyncClient, **params: Any) -> tuple[list[tuple[int, int]], bool]:
        told = (await asker.get("/v1/images/timeline", params=params)).json()
        return [(int(each["date"][-2:]), each["count"]) for each in told["data"]], told["exact"]

    assert await days(client) == ([(day, 1) for day in (5, 4, 3, 2, 1)], True)
    assert await days(client, **{"tags[]": "hero"}) == ([(5, 1), (2, 1), (1, 1)], True)
    assert await days(client, to="2025-03-03", limit=2) == ([(3, 1), (2, 1)], True)
    assert await days(client, favorite="true") == ([(4, 1), (2, 1)], True)
    assert await days(client, favorite="true", model="quick") == ([(4, 1), (2, 1)], False)
    for words in ("red", "-red", '-"red circle"'):
        assert await days(client, q=words) == ([(day, 1) for day in (5, 4, 3, 2, 1)], False), words
    assert await days(other_team) == ([], True)
    problem(await client.get("/v1/images/timeline", params={"limit": 0}), 422, "invalid_request")


@pytest.mark.parametrize(
    "query", ["q=%00", "model=%00", "tags[]=a%00b", "from=%00", "q=tag:%00", "q=model:a%00", "q=%22%00%22"]
)
async def test_nul_is_no_error(client: httpx.AsyncClient, query: str) -> None:
    for path in ("/v1/images", "/v1/images/timeline", "/v1/images/suggest"):
        assert (await client.get(f"{path}?{query}")).status_code in (200, 422), path


async def test_suggestions(client: httpx.AsyncClient, other_team: httpx.AsyncClient, five: list[str]) -> None:
    told = (await client.get("/v1/images/suggest", params={"q": "HE"})).json()
    assert told == {"tags": [{"name": "Hero", "count": 3}], "models": []}
    told = (await client.get("/v1/images/suggest")).json()
    assert [(each["name"], each["count"]) for each in told["tags"]] == [("Hero", 3), ("red", 2), ("wip", 1)]
    assert told["models"] == [{"name": "quick", "count": 3}, {"name": "other", "count": 2}]
    for beginning in ("o", "OTH", " o"):
        told = (await client.get("/v1/images/suggest", params={"q": beginning})).json()
        assert told == {"tags": [], "models": [{"name": "other", "count": 2}]}
    assert (await other_team.get("/v1/images/suggest")).json() == {"tags": [], "models": []}
    problem(await client.get("/v1/images/suggest", params={"q": "x" * 201}), 422, "invalid_request")


async def test_a_page_takes_the_same_few_statements_however_long_it_is(client: httpx.AsyncClient, five: list[str]) -> None:
    async def selects(**params: Any) -> list[str]:
        seen: list[str] = []

        def see(_connection: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool) -> None:
            seen.extend(re.findall(r"^\s*(?:SELECT|WITH).*?\bFROM (\w+)", statement, re.DOTALL))

        event.listen(Engine, "before_cursor_execute", see)
        try:
            assert (await client.get("/v1/images", params=params)).status_code == 200
        finally:
            event.remove(Engine, "before_cursor_execute", see)
        return [table for table in seen if table in ("images", "image_counts", "shares", "image_words", "image_tags")]

    assert await selects(limit=1) == await selects(limit=4) == ["images", "image_counts", "shares"]
    assert await selects(limit=5) == ["images", "shares"]  # all are on it: there is nothing to count
    cursor = (await client.get("/v1/images", params={"limit": 1})).json()["next"]
    assert await selects(limit=1, next=cursor) == ["images", "shares"]
    assert await selects(limit=1, **{"tags[]": "hero"}) == ["images", "image_counts", "shares"]
