"""/v0/presets: made, changed, used; every version is kept, and a picture names the one that it was made from."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, finished, member_key
from tests.api.pictures import RED, flat
from tests.api.studio.asking import PATH, Json, made, refused

WHOLE: Json = {
    "name": "Product shots",
    "promptTemplate": "a photo of {{product}} in {{style}} style, {{extra}}",
    "negativePrompt": "blur",
    "requirements": [
        {"key": "product", "type": "text", "label": "Product"},
        {"key": "style", "type": "select", "label": "Style", "options": ["studio", "street"], "default": "studio"},
        {"key": "size", "type": "number", "required": False},
    ],
    "defaults": {"aspectRatio": "2:1", "resolution": "low", "sampleCount": 2, "modelVersion": "quick"},
}


async def create(client: httpx.AsyncClient, **body: Any) -> Json:
    response = await client.post("/v0/presets", json={"name": "One", "promptTemplate": "a {{thing}}", **body})
    assert response.status_code == 201, response.text
    told: Json = response.json()["data"]
    return told


async def test_a_preset_from_its_making_to_its_end(client: httpx.AsyncClient) -> None:
    one = await create(client, **WHOLE)
    assert {key: one[key] for key in ("name", "promptTemplate", "negativePrompt", "defaults")} == {
        key: WHOLE[key] for key in ("name", "promptTemplate", "negativePrompt", "defaults")
    }
    assert one["version"] == 1
    assert one["requirements"][1] == {
        "key": "style",
        "type": "select",
        "label": "Style",
        "required": True,
        "multiple": False,
        "options": ["studio", "street"],
        "default": "studio",
    }
    path = f"/v0/presets/{one['id']}"
    assert (await client.get(path)).json() == {"data": one}

    response = await client.patch(path, json={"promptTemplate": "{{product}}", "requirements": []})
    assert response.status_code == 200
    changed = response.json()["data"]
    assert (changed["version"], changed["promptTemplate"], changed["name"]) == (2, "{{product}}", "Product shots")
    assert (await client.get(f"{path}?version=1")).json()["data"]["promptTemplate"] == WHOLE["promptTemplate"]
    assert [each["version"] for each in (await client.get(f"{path}/versions")).json()["data"]] == [2, 1]
    refused(await client.get(f"{path}?version=3"), 404, "not_found")

    assert (await client.delete(path)).status_code == 204
    refused(await client.get(path), 404, "not_found")
    refused(await client.delete(path), 404, "not_found")
    refused(await client.post(PATH, json={"prompt": "a", "presetId": one["id"]}), 404, "not_found")


async def test_the_list(client: httpx.AsyncClient) -> None:
    made = [(await create(client, name=f"Preset {number}"))["id"] for number in range(3)]
    first = (await client.get("/v0/presets?limit=2")).json()["data"]
    assert [each["id"] for each in first["presets"]] == made[:0:-1]
    assert (first["total"], first["page"], first["limit"]) == (3, 1, 2)
    for second in (f"next={first['next']}", "page=2"):
        last = (await client.get(f"/v0/presets?limit=2&{second}")).json()["data"]
        assert [each["id"] for each in last["presets"]] == made[:1]
        assert last["next"] is None


REFUSED: list[tuple[Json, str, str]] = [
    ({"name": ""}, "name", "1 to 200"),
    ({"promptTemplate": 7}, "promptTemplate", "text"),
    ({"requirements": [{"key": "1a"}]}, "requirements[0].key", "a letter"),
    ({"requirements": [{"key": "prompt"}]}, "requirements[0].key", "another key"),
    ({"requirements": [{"key": "a"}, {"key": "a"}]}, "requirements[0].key", "Two"),
    ({"requirements": [{"key": "a", "type": "date"}]}, "requirements[0].type", "select"),
    ({"requirements": [{"key": "a", "type": "select"}]}, "requirements[0].options", "options"),
    ({"requirements": [{"key": "thing", "type": "file"}]}, "promptTemplate", "file"),
    ({"requirements": [{"key": "a", "lable": "A"}]}, "requirements[0].lable", 'did you mean "label"'),
    ({"defaults": {"aspectRatio": "5:3"}}, "defaults.aspectRatio", "16:9"),
    ({"defaults": {"sampleCount": 11}}, "defaults.sampleCount", "1 to 10"),
    ({"template": "a"}, "template", "not known"),
]


async def test_presets_that_cannot_be(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    one = await create(client)
    for body, field, words in REFUSED:
        with subtests.test(str(body)):
            whole = {"name": "One", "promptTemplate": "a {{thing}}", **body}
            for response in (
                await client.post("/v0/presets", json=whole),
                await client.patch(f"/v0/presets/{one['id']}", json=body),
            ):
                told = refused(response, 422, "invalid_request")
                assert [each["field"].replace("[...]", "[0]") for each in told["errors"]] == [field]
                assert words in told["error"]
    assert (await client.get(f"/v0/presets/{one['id']}")).json()["data"] == one
    assert (await client.get("/v0/presets")).json()["data"]["total"] == 1


async def test_a_preset_fills_in_what_the_request_leaves_out(client: httpx.AsyncClient) -> None:
    one = await create(client, **WHOLE)
    variables = {"product": "รองเท้า 👟 حذاء", "extra": "{{product}}", "size": 42}
    response = await client.post(PATH, json={"presetId": one["id"], "variables": variables})
    assert response.status_code == 200, response.text
    told = response.json()["data"]
    assert (told["model"], len(told["data"])) == ("quick", 2)
    assert told["data"][0]["width"] / told["data"][0]["height"] == pytest.approx(2, rel=0.02)
    shown = (await client.get(f"/v0/images/library/{told['data'][0]['id']}")).json()["data"]
    assert shown["prompt"] == "a photo of รองเท้า 👟 حذاء in studio style, {{product}}"
    assert (shown["userPrompt"], shown["variables"], shown["presetVersion"]) == ("", variables, 1)
    assert (await client.get(f"/v1/images/{shown['id']}")).json()["negative_prompt"] == "blur"


async def test_the_request_beats_the_preset(client: httpx.AsyncClient) -> None:
    one = await create(client, **WHOLE)
    body = {
        "presetId": one["id"],
        "variables": {"product": "a shoe", "style": "street", "extra": "wet"},
        "negativePrompt": "people",
        "aspectRatio": "1:1",
        "sampleCount": 1,
        "modelVersion": "gemini-3-pro-image-preview",
    }
    told = (await client.post(PATH, json=body)).json()["data"]
    (image,) = told["data"]
    assert image["width"] == image["height"]
    assert (await client.get(f"/v1/images/{image['id']}")).json()["negative_prompt"] == "blur, people"


async def test_a_picture_keeps_the_version_that_it_was_made_from(client: httpx.AsyncClient) -> None:
    one = await create(client)
    queued = (await client.post(f"{PATH}?async=1", json={"presetId": one["id"], "variables": {"thing": "hat"}})).json()["data"]
    await client.patch(f"/v0/presets/{one['id']}", json={"promptTemplate": "two {{thing}}s"})
    await finished(client, queued["id"])
    image = (await client.get(f"{PATH}/{queued['id']}")).json()["data"]["data"][0]
    shown = (await client.get(f"/v0/images/library/{image['id']}")).json()["data"]
    assert (shown["prompt"], shown["presetVersion"]) == ("a hat", 1)


@pytest.mark.parametrize(
    ("variables", "status", "code", "field"),
    [
        ({}, 400, "missing_variable", "variables.product"),
        ({"product": ""}, 400, "missing_variable", "variables.product"),
        ({"product": "a shoe"}, 400, "missing_variable", "variables.extra"),
        ({"product": "a shoe", "extra": "", "style": "sea"}, 422, "invalid_request", "variables.style"),
        ({"product": "a shoe", "extra": "wet", "size": "large"}, 422, "invalid_request", "variables.size"),
        ({"product": "a shoe", "extra": "wet", "colour": "red"}, 422, "invalid_request", "variables.colour"),
    ],
)
async def test_variables_that_are_missing_or_wrong(
    client: httpx.AsyncClient, variables: Json, status: int, code: str, field: str
) -> None:
    one = await create(client, **WHOLE)
    told = refused(await client.post(PATH, json={"presetId": one["id"], "variables": variables}), status, code, field)
    assert field.partition(".")[2] in told["error"]


async def test_files_that_are_missing_or_too_many(client: httpx.AsyncClient) -> None:
    one = await create(client, promptTemplate="a face", requirements=[{"key": "face", "type": "file"}])
    refused(await client.post(PATH, json={"presetId": one["id"]}), 400, "missing_variable", "face")
    red = flat(RED)
    form = {"presetId": one["id"]}
    twice = [("face", ("a.png", red, "image/png")), ("face", ("b.png", red, "image/png"))]
    refused(await client.post(PATH, data=form, files=twice), 422, "invalid_request", "face")
    refused(await client.post(PATH, data=form, files={"face": ("a.png", b"<svg/>")}), 422, "unreadable_picture", "face")
    assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_the_teams_own_model(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    path = "/v0/default-model"
    assert (await client.get(path)).json() == {"data": {"modelVersion": None}}
    assert (await client.put(path, json={"modelVersion": "free"})).json() == {"data": {"modelVersion": "free"}}
    assert (await client.get(path)).json() == {"data": {"modelVersion": "free"}}
    assert (await other_team.get(path)).json() == {"data": {"modelVersion": None}}
    assert (await made(client, resolution="low"))["model"] == "free"
    assert (await made(client, resolution="low", modelVersion="quick"))["model"] == "quick"
    assert (await made(other_team, resolution="low"))["model"] == "quick"
    refused(await client.put(path, json={"modelVersion": "fre"}), 422, "unknown_model", "modelVersion")
    refused(await client.put(path, json={}), 422, "invalid_request", "modelVersion")
    assert (await client.put(path, json={"modelVersion": None})).json() == {"data": {"modelVersion": None}}


async def test_only_those_who_manage_the_team_change_them(app: Litestar, client: httpx.AsyncClient, wiring: Wiring) -> None:
    one = await create(client)
    async with anyone(app, bearer(await member_key(wiring, team="others"))) as member:
        refused(await member.post("/v0/presets", json={"name": "a", "promptTemplate": "b"}), 403, "forbidden")
        refused(await member.put("/v0/default-model", json={"modelVersion": None}), 403, "forbidden")
        # Another team's is not there, whatever one may do here.
        for response in (
            await member.get(f"/v0/presets/{one['id']}"),
            await member.get(f"/v0/presets/{one['id']}/versions"),
            await member.patch(f"/v0/presets/{one['id']}", json={"name": "b"}),
            await member.delete(f"/v0/presets/{one['id']}"),
            await member.post(PATH, json={"presetId": one["id"], "variables": {"thing": "x"}}),
        ):
            refused(response, 404, "not_found")
    assert (await client.get(f"/v0/presets/{one['id']}")).json()["data"] == one
