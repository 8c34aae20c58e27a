"""Whichever way a picture is made and handed out, its file says that a machine made it, and of which kind it is."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from gateway.storage import xmp
from gateway.storage.encoding import encode
from tests.api.a1111.asking import made as made_by_a1111
from tests.api.house import finished, generate
from tests.api.mcp.talking import post
from tests.api.openai.asking import edited as edited_by_openai
from tests.api.openai.asking import made as made_by_openai
from tests.api.openwebui.asking import EDIT as OPENWEBUI_EDIT
from tests.api.openwebui.asking import FILES
from tests.api.openwebui.asking import made as made_by_openwebui
from tests.api.pictures import RED, data_uri, flat
from tests.api.studio.asking import made as made_by_studio
from tests.api.surfaces import EDIT, GROW, SMALL, document
from tests.api.test_chat import answered, opened
from tests.api.test_exports import exported

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MODEL, CHANGED, LARGER = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicallyEnhanced"
REAL = flat(RED, 64, 48)
MADE = encode(np.full((48, 64, 3), RED, np.uint8), "png", {}, xmp.packet(MODEL))


@pytest.fixture
def models_toml(journal: Path) -> str:
    models = {"quick": {"natives": SMALL, "can": ["text_to_image"]}, "edit": EDIT, "grow": GROW}
    return document(journal, models, {"limits": {"max_body_bytes": 1 << 18}, "credits": {"enabled": False}})


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def _content(client: httpx.AsyncClient, image_id: str) -> bytes:
    url = (await client.get(f"/v1/images/{image_id}")).json()["url"]
    return (await client.get(url)).content


async def _asked(client: httpx.AsyncClient, path: str, **body: Any) -> bytes:
    """By the gallery's or the tasks' routes."""
    answer = await client.post(path, json=body)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    task = await finished(client, told.get("job_id") or told["task_id"])
    return await _content(client, task["output"]["images"][0]["artifact_id"])


async def _uploaded(client: httpx.AsyncClient, data: bytes) -> str:
    return str((await client.post("/v1/uploads", files={"file": ("a.png", data)})).json()["artifact_id"])


async def _changed(client: httpx.AsyncClient, call: str, data: bytes = REAL, **body: Any) -> bytes:
    return await _asked(client, f"/v1/images/{await _uploaded(client, data)}/{call}", **body)


async def _studio(client: httpx.AsyncClient, **body: Any) -> bytes:
    (one,) = (await made_by_studio(client, "?response_format=both", resolution="low", **body))["data"]
    data = base64.b64decode(one["b64_json"])
    assert data == (await client.get(one["url"])).content
    return data


async def _openai(client: httpx.AsyncClient, **body: Any) -> bytes:
    (one,) = (await made_by_openai(client, **body))["data"]
    return base64.b64decode(one["b64_json"]) if "b64_json" in one else (await client.get(one["url"])).content


async def _a1111(client: httpx.AsyncClient, call: str = "txt2img", **body: Any) -> bytes:
    return base64.b64decode((await made_by_a1111(client, call, **body))["images"][0])


async def _extras(client: httpx.AsyncClient, data: bytes, **body: Any) -> bytes:
    answer = await client.post("/sdapi/v1/extra-single-image", json={"image": b64(data), "upscaler_1": "grow", **body})
    return base64.b64decode(answer.json()["image"])


async def _openwebui(client: httpx.AsyncClient, *path: str, **body: Any) -> bytes:
    (one,) = await made_by_openwebui(client, *path, **body)
    return (await client.get(f"{FILES}/{one}/content")).content


async def _mcp(client: httpx.AsyncClient, tool: str, **arguments: Any) -> bytes:
    """What the model is shown, which is smaller than the picture."""
    called = await post(client, "tools/call", body={"params": {"name": tool, "arguments": arguments}})
    text = called.text.partition("data: ")[2].split("\n")[0] if called.text.startswith(("event", "data", ":")) else called.text
    parts = httpx.Response(200, text=text).json()["result"]["content"]
    return base64.b64decode(next(part["data"] for part in parts if part["type"] == "image"))


async def _chat(client: httpx.AsyncClient) -> bytes:
    return await _content(client, (await answered(client, await opened(client, model="edit")))["image"]["id"])


WAYS: dict[str, tuple[str, Callable[[httpx.AsyncClient], Awaitable[bytes]]]] = {
    "tasks": (MODEL, lambda client: _asked(client, "/v1/images/generations", prompt="a")),
    "tasks, JPEG": (MODEL, lambda client: _asked(client, "/v1/images/generations", prompt="a", output_format="jpeg")),
    "tasks, changed": (CHANGED, lambda client: _asked(client, "/v1/images/image-to-image", prompt="a", image=data_uri())),
    "gallery": (MODEL, lambda client: _asked(client, "/v1/generate/image", prompt="a", output_format="webp")),
    "gallery, changed": (CHANGED, lambda client: _changed(client, "edit", prompt="a")),
    "gallery, changed again": (MODEL, lambda client: _changed(client, "edit", MADE, prompt="a")),
    "gallery, larger": (LARGER, lambda client: _changed(client, "upscale")),
    "studio": (MODEL, _studio),
    "studio, changed": (CHANGED, lambda client: _studio(client, refImageBase64=[{"mimeType": "image/png", "data": b64(REAL)}])),
    "openai": (MODEL, _openai),
    "openai, as URL": (MODEL, lambda client: _openai(client, response_format="url", output_format="jpeg")),
    "openai, changed": (CHANGED, lambda client: _edited(client)),
    "a1111": (MODEL, _a1111),
    "a1111, changed": (CHANGED, lambda client: _a1111(client, "img2img", init_images=[b64(REAL)])),
    "a1111, a model's stretched": (
        MODEL,
        lambda client: _a1111(client, "img2img", init_images=[b64(MADE)], width=64, height=64, resize_mode=0),
    ),
    "a1111, larger": (LARGER, lambda client: _extras(client, REAL)),
    "a1111, a model's cut off": (
        MODEL,
        lambda client: _extras(
            client, MADE, resize_mode=1, upscaling_resize_w=128, upscaling_resize_h=128, upscaling_crop=True
        ),
    ),
    "openwebui": (MODEL, _openwebui),
    "openwebui, changed": (
        CHANGED,
        lambda client: _openwebui(client, OPENWEBUI_EDIT, image=f"data:image/png;base64,{b64(REAL)}"),
    ),
    "mcp": (MODEL, lambda client: _mcp(client, "generate_image", prompt="a")),
    "mcp, seen small": (MODEL, lambda client: _mcp(client, "generate_image", prompt="a", size="800x640")),
    "chat": (MODEL, _chat),
}


async def _edited(client: httpx.AsyncClient) -> bytes:
    return base64.b64decode((await edited_by_openai(client, ("image", REAL)))["data"][0]["b64_json"])


async def test_every_way_of_making_a_picture_marks_it(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for way, (kind, make) in WAYS.items():
        with subtests.test(way):
            assert xmp.declared(await make(client)) == kind


async def test_every_way_of_handing_a_picture_out_keeps_its_mark(client: httpx.AsyncClient) -> None:
    task = await generate(client, size="832x640")
    drawn = task["output"]["images"][0]["artifact_id"]
    edit = await client.post(f"/v1/images/{await _uploaded(client, REAL)}/edit", json={"prompt": "a"})
    changed = (await finished(client, edit.json()["job_id"]))["output"]["images"][0]["artifact_id"]
    for image_id, kind in ((drawn, MODEL), (changed, CHANGED)):
        shown = (await client.get(f"/v1/images/{image_id}")).json()
        own = f"/v1/images/{image_id}"
        for url in (
            *(shown["url"], f"{shown['url']}&download=1", shown["thumbnail_url"]),
            *(f"{own}/content", f"{own}/thumbnail", f"{own}/thumbnail?size=768"),
            f"/v0/images/library/{image_id}/download",
        ):
            answer = await client.get(url)
            assert (answer.status_code, xmp.declared(answer.content)) == (200, kind), url
    export = await exported(client, [drawn, changed])
    with zipfile.ZipFile(io.BytesIO((await client.get(export["download_url"])).content)) as archive:
        *files, _manifest = archive.namelist()
        assert [xmp.declared(archive.read(name)) for name in files] == [MODEL, CHANGED]
