"""Health, metrics, and the API's description."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from gateway.api.lane_names import public_names
from gateway.api.operations import readiness
from gateway.db import Database
from gateway.errors import StorageFull
from gateway.storage import BlobStore
from gateway.wiring import Wiring
from tests.api.house import generate, problem


async def test_health_needs_no_key(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/health/live")).json()["status"] == "live"
    ready = await stranger.get("/health/ready")
    assert ready.status_code == 200
    told = ready.json()
    assert (told["status"], told["reason"]) == ("ready", None)
    assert {lane["name"] for lane in told["lanes"]} == {"cpu", "far/1"}


async def test_strangers_are_not_told_where_a_server_is(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    """A lane's own name has its address in it; administrators see which is which."""
    for path in ("/health/ready", "/metrics"):
        assert "far/one" not in (await stranger.get(path)).text
    lanes = {lane["name"]: lane["public_name"] for lane in (await client.get("/admin/devices")).json()["data"]}
    assert lanes == {"cpu": "cpu", "far/one": "far/1"}


def test_lanes_are_called_by_their_engine_and_place() -> None:
    views = [
        SimpleNamespace(name=name, engine=engine)
        for name, engine in (
            ("gpu", None),
            ("comfyui/10.0.0.7:8188", "comfyui"),
            ("webui/10.0.0.8:7860", "webui"),
            ("comfyui/10.0.0.9:8188", "comfyui"),
        )
    ]
    assert list(public_names(views).values()) == ["gpu", "comfyui/1", "webui/1", "comfyui/2"]  # type: ignore[arg-type]


async def test_not_ready_with_a_full_disk(stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_: BlobStore) -> None:
        raise StorageFull("The disk is full; make room.")

    monkeypatch.setattr(BlobStore, "check", full)
    ready = await stranger.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["reason"] == "The disk is full; make room."
    assert ready.json()["checks"]["database"]["ok"]


async def test_not_ready_with_a_database_that_cannot_be_written(
    stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_: Database) -> None:
        raise StorageFull("The database's disk is full; make room.")

    monkeypatch.setattr(Database, "check", full)
    told = (await stranger.get("/health/ready")).json()
    assert told["reason"] == told["checks"]["database"]["reason"] == "The database's disk is full; make room."
    assert told["checks"]["blobs"]["ok"]


async def test_a_database_that_waits_for_a_lock_says_for_what(monkeypatch: pytest.MonkeyPatch) -> None:
    class Locked:
        trouble = "The database is locked."

        async def check(self) -> None:
            await asyncio.sleep(60)

    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.01)
    parts = await readiness.Readiness(Locked(), BlobStore("memory://")).look()  # type: ignore[arg-type]
    assert (parts.database.reason, parts.blobs.ok) == ("The database is locked.", True)


async def test_not_ready_without_the_folder(stranger: httpx.AsyncClient, wiring: Wiring) -> None:
    shutil.rmtree(wiring.data / "blobs")
    (wiring.data / "blobs").write_text("no folder")
    ready = await stranger.get("/health/ready")
    assert ready.status_code == 503
    assert str(wiring.data) not in ready.text


async def test_probes_do_not_write_each_time(stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    async def look(_: BlobStore) -> None:
        looks.append(1)

    monkeypatch.setattr(BlobStore, "check", look)
    for _ in range(5):
        await stranger.get("/health/ready")
    assert len(looks) == 1


async def test_metrics(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    await generate(client, n=2)
    await generate(client, model="broken")
    response = await stranger.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = response.text
    for line in (
        'darkroom_jobs_finished_total{engine="fake",model="quick",state="succeeded"} 1.0',
        'darkroom_jobs_finished_total{engine="fake",model="broken",state="failed"} 1.0',
        'darkroom_pictures_stored_total{engine="fake",model="quick"} 2.0',
        'darkroom_job_run_seconds_count{engine="fake",model="quick"} 1.0',
        'darkroom_job_wait_seconds_count{engine="fake",model="quick"} 1.0',
        'darkroom_lane_busy{lane="cpu"}',
        'darkroom_lane_healthy{lane="cpu"} 1.0',
        "darkroom_queue_blocked 0.0",
        'darkroom_http_requests_total{method="POST",route="/v1/images/generations",status="202"} 2.0',
        'darkroom_http_requests_total{method="GET",route="/v1/tasks/{task_id}",status="200"}',
    ):
        assert line in text
    # Ids are in the routes' places, so that rows do not grow with requests.
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-7", text)


async def test_paths_that_are_not_there_make_one_row(stranger: httpx.AsyncClient) -> None:
    for number in range(3):
        await stranger.get(f"/nothing/{number}")
    assert 'route="other",status="404"} 3.0' in (await stranger.get("/metrics")).text


async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/schema/openapi.json")
    assert response.status_code == 200
    told: dict[str, Any] = response.json()
    return told


OWN_ERRORS = ("/v0/", "/api/", "/internal/", "/mcp", "/openai/", "/sdapi/")
"""How the paths begin whose errors are shaped otherwise than RFC 9457 says."""


async def test_every_operation_is_described(stranger: httpx.AsyncClient) -> None:
    told = await document(stranger)
    operations = {(path, method): operation for path, methods in told["paths"].items() for method, operation in methods.items()}
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(ids) == len(set(ids))
    for (path, _), operation in operations.items():
        assert re.fullmatch(r"[a-z0-9_]+", operation["operationId"])
        assert operation["summary"]
        assert operation["tags"]
        if path.startswith(("/v1", "/admin")):
            assert {"401", "403"} & set(operation["responses"]), path
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and path != "/health/ready":
                own = {"application/json"} if path.startswith(OWN_ERRORS) else {"application/problem+json"}
                assert set(answer["content"]) == own, (path, status)
    assert ("/v1/images/{image_id}/content", "get") in operations
    assert ("/v1/images/generations", "post") in operations


async def test_the_document_holds_together(stranger: httpx.AsyncClient) -> None:
    told = await document(stranger)
    text = (await stranger.get("/schema/openapi.json")).text
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in told["components"]["schemas"]
    generation = told["components"]["schemas"]["Generation"]
    assert generation["required"] == ["prompt"]
    assert generation["properties"]["n"]["maximum"] == 4
    assert generation["properties"]["loras"]["items"] == {"$ref": "#/components/schemas/LoraChoice"}
    assert generation["description"].startswith("Pictures from a prompt.")
    assert "1 megapixel" in generation["properties"]["quality"]["description"]


async def test_a_whole_number_is_one_kind_only(stranger: httpx.AsyncClient) -> None:
    """`oneOf` integer and number would let no whole number pass."""
    schemas = (await document(stranger))["components"]["schemas"]
    assert schemas["Cost"]["properties"]["credits"]["oneOf"] == [{"type": "number"}]
    assert {"type": "integer"} not in schemas["Requirement"]["properties"]["default"]["oneOf"]


async def test_whoever_takes_a_body_says_that_it_may_be_too_large(stranger: httpx.AsyncClient) -> None:
    for path, methods in (await document(stranger))["paths"].items():
        for method, operation in methods.items():
            assert "requestBody" not in operation or "413" in operation["responses"], (method, path)


@pytest.mark.parametrize("path", ["/schema", "/schema/"])
async def test_the_viewer_needs_nobody_else(stranger: httpx.AsyncClient, path: str) -> None:
    page = await stranger.get(path)
    assert page.headers["content-type"].startswith("text/html")
    assert "http://" not in page.text.replace("http-equiv", "")
    assert "https://" not in page.text
    base = re.search(r'<base href="([^"]+)">', page.text)
    assert base
    parts = re.findall(r'(?:src|href)="(schema/[^"]+)"', page.text)
    assert len(parts) == 3
    for part in parts:
        # The page's own base is one folder up, so that a proxy may put it under a sub-path.
        url = httpx.URL(f"http://darkroom.test{path}").join(base[1]).join(part)
        packed = await stranger.get(url)
        plain = await stranger.get(url, headers={"Accept-Encoding": "identity"})
        assert packed.status_code == plain.status_code == 200
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.text == plain.text
        assert packed.headers["content-type"] == plain.headers["content-type"]


def test_the_viewer_is_in_the_wheel(installed: Path) -> None:
    folder = installed / "gateway" / "api" / "operations" / "viewer"
    names = {file.name for file in folder.iterdir()}
    assert {"swagger-ui-bundle.js.gz", "swagger-ui.css.gz", "viewer.js", "LICENSE", "NOTICE", "THIRD-PARTY.txt"} <= names


async def test_the_viewer_has_no_other_files(stranger: httpx.AsyncClient) -> None:
    for name in ("x.js", "LICENSE", "..%2Fschema.py", "schema.py"):
        problem(await stranger.get(f"/schema/assets/{name}"), 404, "not_found")
