"""Credits, allowances, usage and quotes over HTTP; and what one sees who cannot pay."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import httpx
import pytest

from tests.api.house import finished, generate, problem

NOBODY = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture
async def paid(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """The administrator's client, on a gateway where teams pay."""
    response = await client.patch("/admin/settings", json={"credits": {"enabled": True}})
    assert response.status_code == 200, response.text
    assert response.json()["credits"]["enabled"] is True
    return client


async def team_of(client: httpx.AsyncClient) -> str:
    team_id: str = (await client.get("/v1/me")).json()["team"]["id"]
    return team_id


async def give(admin: httpx.AsyncClient, team_id: str, amount: object) -> dict[str, Any]:
    response = await admin.post(f"/admin/teams/{team_id}/credits", json={"amount": amount, "reason": "welcome"})
    assert response.status_code == 201, response.text
    told: dict[str, Any] = response.json()
    return told


async def test_who_cannot_pay_is_told_so_in_the_words_of_the_surface(
    paid: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    await give(paid, await team_of(other_team), 120)
    done = await generate(other_team, n=2)
    assert done["billing"] == {"charged_credits": "100.0000", "refunded_credits": "0.0000"}
    told = problem(await other_team.post("/v1/images/generations", json={"prompt": "a"}), 402, "insufficient_credits")
    assert (told["balance_credits"], told["needed_credits"]) == ("20.0000", "50.0000")
    assert len((await other_team.get("/v1/tasks")).json()["data"]) == 1


async def test_of_many_who_come_at_once_those_who_can_pay_are_served(
    paid: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    await give(paid, await team_of(other_team), "250")
    body = {"prompt": "a", "priority": "bulk"}
    answers = await asyncio.gather(*(other_team.post("/v1/images/generations", json=body) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [202] * 5 + [402] * 7
    assert (await other_team.get("/v1/me")).json()["credits"]["balance"] == "0.0000"


async def test_a_canceled_task_is_refunded(paid: httpx.AsyncClient) -> None:
    team = await team_of(paid)
    await give(paid, team, 50)
    task = (await paid.post("/v1/images/generations", json={"prompt": "a", "model": "stuck"})).json()
    assert task["billing"] == {"charged_credits": "50.0000", "refunded_credits": "0.0000"}
    await finished(paid, task["task_id"], ("running",))
    canceled = (await paid.post(f"/v1/tasks/{task['task_id']}/cancel")).json()
    assert canceled["billing"] == {"charged_credits": "50.0000", "refunded_credits": "50.0000"}
    told = (await paid.get(f"/admin/teams/{team}/credits")).json()
    assert told["balance"] == "50.0000"
    assert [(entry["kind"], entry["amount"], entry["balance"], entry["job_id"]) for entry in told["data"]] == [
        ("refund", "50.0000", "50.0000", task["task_id"]),
        ("charge", "-50.0000", "0.0000", task["task_id"]),
        ("grant", "50.0000", "50.0000", None),
    ]


async def test_the_ledger_in_pages(client: httpx.AsyncClient) -> None:
    team = await team_of(client)
    for amount in (1, "2.5", -0.25):
        await give(client, team, amount)
    first = (await client.get(f"/admin/teams/{team}/credits?limit=2")).json()
    assert [(entry["kind"], entry["amount"]) for entry in first["data"]] == [("adjust", "-0.2500"), ("grant", "2.5000")]
    assert (first["team_id"], first["balance"], first["data"][0]["reason"]) == (team, "3.2500", "welcome")
    rest = (await client.get(f"/admin/teams/{team}/credits?limit=2&next={first['next']}")).json()
    assert [entry["amount"] for entry in rest["data"]] == ["1.0000"]
    assert rest["next"] is None
    only = (await client.get(f"/admin/teams/{team}/credits?kind=adjust")).json()
    assert [entry["amount"] for entry in only["data"]] == ["-0.2500"]


async def test_no_more_is_taken_than_there_is(client: httpx.AsyncClient) -> None:
    team = await team_of(client)
    await give(client, team, 2)
    path = f"/admin/teams/{team}/credits"
    told = problem(await client.post(path, json={"amount": -2.5, "reason": "x"}), 422, "invalid_request")
    assert told["errors"][0]["field"] == "amount"
    assert "has 2.0000 credits" in told["detail"]
    assert (await client.get(path)).json()["balance"] == "2.0000"
    await give(client, team, -2)
    assert (await client.get(path)).json()["balance"] == "0.0000"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 0, "reason": "x"}, "amount"),
        ({"amount": "0.00001", "reason": "x"}, "amount"),
        ({"amount": "1e20", "reason": "x"}, "amount"),
        ({"amount": "much", "reason": "x"}, "amount"),
        ({"amount": -1, "reason": "x", "kind": "grant"}, "amount"),
        ({"amount": 1, "reason": ""}, "reason"),
        ({"amount": 1, "reason": "   "}, "reason"),
        ({"amount": 1}, "reason"),
        ({"amount": 1, "reason": "x", "kind": "charge"}, "kind"),
        ({"amount": 1, "reason": "x", "job_id": "y"}, "job_id"),
    ],
)
async def test_what_is_no_grant_names_its_field(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    team = await team_of(client)
    told = problem(await client.post(f"/admin/teams/{team}/credits", json=body), 422, "invalid_request")
    assert told["errors"][0]["field"] == field
    assert (await client.get(f"/admin/teams/{team}/credits")).json()["balance"] == "0.0000"


async def test_grants_stand_in_the_audit_log(client: httpx.AsyncClient) -> None:
    team = await team_of(client)
    await give(client, team, 7)
    acts = (await client.get("/admin/audit")).json()["data"]
    act = next(act for act in acts if act["action"] == "credits.grant")
    assert (act["target"], act["details"]) == (team, {"amount": "7.0000", "reason": "welcome"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/teams/{team}/credits"),
        ("POST", "/admin/teams/{team}/credits"),
        ("GET", "/admin/teams/{team}/allowances"),
        ("PUT", "/admin/teams/{team}/allowance"),
        ("PUT", "/admin/teams/{team}/members/x/allowance"),
        ("GET", "/admin/usage"),
        ("GET", "/admin/usage.csv"),
    ],
)
async def test_money_is_the_administrators(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient, method: str, path: str
) -> None:
    body = {"amount": 1, "reason": "x"} if method == "POST" else {"monthly_credits": 1} if method == "PUT" else None
    own = path.format(team=await team_of(other_team))
    problem(await other_team.request(method, own, json=body), 403, "forbidden")
    if "{team}" in path:
        problem(await client.request(method, path.format(team=NOBODY), json=body), 404, "not_found")


async def test_monthly_allowances(paid: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    team, me = await team_of(other_team), (await other_team.get("/v1/me")).json()
    path = f"/admin/teams/{team}"
    told = (await paid.put(f"{path}/allowance", json={"monthly_credits": "100"})).json()
    assert told["data"] == [{"user_id": None, "monthly_credits": "100.0000"}]
    member = f"{path}/members/{me['user']['id']}/allowance"
    assert (await paid.put(member, json={"monthly_credits": 2.5})).status_code == 200
    assert (await paid.get(f"{path}/allowances")).json() == {
        "data": [
            {"user_id": None, "monthly_credits": "100.0000"},
            {"user_id": me["user"]["id"], "monthly_credits": "2.5000"},
        ],
        "default_per_team": "0.0000",
        "default_per_member": "0.0000",
    }
    assert (await other_team.get("/v1/me")).json()["credits"]["balance"] == "102.5000"
    # This month's were granted; what is settled now counts from the next on.
    await paid.put(f"{path}/allowance", json={"monthly_credits": 900})
    assert (await other_team.get("/v1/me")).json()["credits"]["balance"] == "102.5000"
    assert (await paid.put(f"{path}/allowance", json={"monthly_credits": None})).json()["data"][0]["user_id"]
    for wrong in (-1, "0.00001"):
        told = problem(await paid.put(f"{path}/allowance", json={"monthly_credits": wrong}), 422, "invalid_request")
        assert told["errors"][0]["field"] == "monthly_credits"
    problem(await paid.put(f"{path}/members/{NOBODY}/allowance", json={"monthly_credits": 1}), 404, "not_found")


async def test_what_the_settings_grant_to_all(paid: httpx.AsyncClient) -> None:
    wanted = {"credits": {"monthly_per_team": 12.5, "monthly_per_member": "3"}}
    assert (await paid.patch("/admin/settings", json=wanted)).status_code == 200
    told = (await paid.get(f"/admin/teams/{await team_of(paid)}/allowances")).json()
    assert told == {"data": [], "default_per_team": "12.5000", "default_per_member": "3.0000"}
    for wrong in ({"monthly_per_team": -1}, {"per_usd": 0}, {"enabeld": True}):
        assert (await paid.patch("/admin/settings", json={"credits": wrong})).status_code == 422


async def test_usage_by_what_one_asks_for(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    await generate(client, n=2)
    await generate(client, model="free", size="128x128")
    await generate(other_team)
    lines = (await client.get("/admin/usage")).json()["data"]
    assert [(line["team_name"], line["user_name"], line["model"], line["jobs"], line["pictures"]) for line in lines] == [
        ("default", "admin", "free", 1, 1),
        ("default", "admin", "quick", 1, 2),
        ("others", "other", "quick", 1, 1),
    ]
    assert [line["charged_credits"] for line in lines] == ["50.0000", "100.0000", "50.0000"]
    today = lines[0]["day"]
    others = {"refunded_credits": "0.0000", "upstream_usd": "0.000000"}
    assert (await client.get("/admin/usage?by=model")).json()["data"] == [
        {"model": "free", "jobs": 1, "pictures": 1, "charged_credits": "50.0000", **others},
        {"model": "quick", "jobs": 2, "pictures": 3, "charged_credits": "150.0000", **others},
    ]
    team = await team_of(other_team)
    (line,) = (await client.get(f"/admin/usage?by=team&team_id={team}&from={today}&to={today}")).json()["data"]
    assert (line["team_id"], line["jobs"]) == (team, 1)
    assert (await client.get("/admin/usage?to=2020-01-01")).json()["data"] == []
    assert (await client.get("/admin/usage?from=2999-01-01&by=team")).json()["data"] == []
    told = problem(await client.get("/admin/usage?by=modle"), 422, "invalid_request")
    assert told["errors"][0]["field"] == "by"
    assert 'did you mean "model"' in told["detail"]
    for reversed_or_none in ("from=soon", "from=2026-11-02&to=2026-11-01"):
        told = problem(await client.get(f"/admin/usage?{reversed_or_none}"), 422, "invalid_request")
        assert told["errors"][0]["field"] == "from"


async def test_usage_as_csv(client: httpx.AsyncClient) -> None:
    team = await team_of(client)
    await client.patch(f"/admin/teams/{team}", json={"name": '=cmd, "x"'})
    await generate(client)
    response = await client.get("/admin/usage.csv?by=team,model")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    (line,) = csv.DictReader(io.StringIO(response.text))
    assert line["team_name"] == '\'=cmd, "x"'
    assert (line["day"], line["model"], line["jobs"], line["charged_credits"]) == ("", "quick", "1", "50.0000")


async def test_me_shows_what_the_team_has(client: httpx.AsyncClient) -> None:
    await give(client, await team_of(client), "1234.5")
    assert (await client.get("/v1/me")).json()["credits"] == {
        "enabled": False,
        "balance": "1234.5000",
        "balance_usd": "1.2345",
    }


async def test_a_quote(paid: httpx.AsyncClient) -> None:
    team = await team_of(paid)
    await give(paid, team, 120)
    await generate(paid)
    told = (await paid.post("/v1/quote", json={"prompt": "a red circle", "n": 2})).json()
    assert told.pop("done_at").endswith("Z")
    assert told.pop("eta_seconds") >= 0
    assert told == {
        "model": "quick",
        "engine": "fake",
        "capability": "text_to_image",
        "lane": "cpu",
        "n": 2,
        "price_credits": "50.0000",
        "total_credits": "100.0000",
        "total_usd": "0.1000",
        "balance_credits": "70.0000",
        "credits_enabled": True,
        "affordable": False,
        "begins_in_seconds": 0.0,
    }
    assert len((await paid.get("/v1/tasks")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("body", "total"),
    [
        ({}, "50.0000"),
        ({"quality": "hd", "aspect_ratio": "1:1"}, "300.0000"),
        ({"quality": "hd", "aspect_ratio": "1:1", "n": 4}, "1200.0000"),
        ({"size": "128x128"}, "50.0000"),
        ({"image": {"type": "url", "url": "https://example.org/a.png"}}, "60.0000"),
        ({"image": {"type": "artifact", "artifact_id": "any"}, "mask": {"type": "artifact", "artifact_id": "m"}}, "60.0000"),
        ({"surface": "gallery"}, "5.0000"),
        ({"surface": "studio", "resolution": "4k", "n": 3}, "12.0000"),
        ({"surface": "openai"}, "0.0000"),
    ],
)
async def test_what_a_quote_says(client: httpx.AsyncClient, body: dict[str, Any], total: str) -> None:
    response = await client.post("/v1/quote", json={"model": "free", **body})
    assert response.status_code == 200, response.text
    assert (response.json()["total_credits"], response.json()["affordable"]) == (total, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"quality": "hd"}, "aspect_ratio"),
        ({"n": 9}, "n"),
        ({"model": "nothing"}, "model"),
        ({"steps": 999}, "steps"),
        ({"surface": "studo"}, "surface"),
        ({"prompt": "refuse me"}, "prompt"),
    ],
)
async def test_a_quote_refuses_what_a_task_would_be_refused_for(
    client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    response = await client.post("/v1/quote", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field
