"""Pictures of A1111 servers: what is sent, what is kept of the answer, and what an answer may not be."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engines.a1111.options import Hires
from engines.contract import (
    Done,
    EngineCrashed,
    EngineUnavailable,
    ImageReady,
    InvalidRequest,
    Loading,
    Lora,
    ModelUnusable,
    OutOfMemory,
    Size,
)
from tests.engines.a1111.lane import Lane, lane, of, spec
from tests.fakes.a1111.server import A1111, reply
from tests.fakes.pictures import png

ORDINALS = (0, 1, 2, 3)


async def test_everything_that_has_a_default_is_sent_and_nothing_is_null() -> None:
    async with lane("forge") as here:
        request = await here.request(sampler="DPM++ 2M Karras", negative_prompt="blurry", steps=3)
        (ready,) = (await here.run(request)).pictures(request)
    (body,) = here.sent()
    assert None not in body.values()
    wanted = {
        "prompt": request.prompt, "negative_prompt": "blurry", "seed": request.pictures[0].seed, "batch_size": 1, "n_iter": 1,
        "steps": 3, "cfg_scale": 7.0, "sampler_name": "DPM++ 2M", "scheduler": "Karras", "width": 64, "height": 64,
        "override_settings": {"sd_model_checkpoint": "random-sd15.safetensors [c5aa5690dd]"}, "save_images": False,
        "override_settings_restore_afterwards": False, "send_images": True,
    }  # fmt: skip
    assert {key: body[key] for key in wanted} == wanted
    assert body["force_task_id"].startswith(f"task(darkroom-{request.id}-1-")
    assert ready.parameters["checkpoint"] == "random-sd15"
    assert ready.parameters["server_version"] == "f2.0.1v1.10.1"


async def test_every_picture_is_asked_for_on_a_connection_of_its_own() -> None:
    async with lane("forge") as here:
        request = await here.request(ordinals=(0, 1, 2))
        await here.run(request)
        ports = here.server.clients["/sdapi/v1/txt2img"]
    assert len(set(ports)) == 3


async def test_white_is_what_is_painted_anew() -> None:
    async with lane("webui") as here:
        request = await here.request(capability="inpaint", size=Size(64, 64))
        (ready,) = (await here.run(request)).pictures(request)
        (body,) = here.sent("img2img")
    assert (body["inpaint_full_res"], body["inpainting_mask_invert"], body["denoising_strength"]) == (False, 0, 0.75)
    made = pixels(ready)
    assert request.source is not None
    assert (made[:, 40:] == request.source[:, 40:]).all()
    assert (made[:, :24] != request.source[:, :24]).any()


async def test_large_pictures_are_made_in_two_passes_where_the_entry_says_so() -> None:
    fix = Hires(megapixels=0.02, scale=2.0, upscaler="r-esrgan 4x+", strength=0.4, steps=2)
    async with lane("webui") as here:
        large, small = await here.request(size=Size(192, 128)), await here.request(size=Size(128, 64))
        run = await here.run(large, small, model=spec(hires=fix))
    first, second = here.sent()
    wanted = {"enable_hr": True, "width": 96, "height": 64, "hr_resize_x": 192, "hr_resize_y": 128, "hr_second_pass_steps": 2,
              "hr_upscaler": "R-ESRGAN 4x+", "denoising_strength": 0.4}  # fmt: skip
    assert {key: first[key] for key in wanted} == wanted
    assert "enable_hr" not in second
    assert [pixels(run.pictures(each)[0]).shape[:2] for each in (large, small)] == [(128, 192), (64, 128)]
    assert {event.total for event in run.progress(large)} <= {4 + 2}


async def test_guidance_goes_where_the_entry_says() -> None:
    async with lane("forge") as here:
        model = spec(guidance="distilled_cfg_scale", schedule="Simple", settings={"x": 1}, body={"tiling": True, "seed": 3})
        await here.run(await here.request(guidance_scale=3.5), model=model)
    (body,) = here.sent()
    assert (body["cfg_scale"], body["distilled_cfg_scale"], body["scheduler"]) == (1.0, 3.5, "Simple")
    assert body["tiling"] is True
    assert body["override_settings"]["x"] == 1
    assert body["seed"] != 3


async def test_pictures_of_one_job_are_made_together_where_their_seeds_follow() -> None:
    async with lane("webui") as here:
        request = await here.request(ordinals=ORDINALS)
        alone = (await here.run(request)).pictures(request)
        here.server.asked.clear()
        here.server.grid = here.server.maps = True
        together = (await here.run(request, model=spec(batch_size=3))).pictures(request)
        assert [body["batch_size"] for body in here.sent()] == [3, 1]
        assert [each.encoded for each in together] == [each.encoded for each in alone], "a grid or a map was taken for one"
        here.server.asked.clear()
        missing = of(request, pictures=(request.pictures[0], request.pictures[2], request.pictures[3]))
        await here.run(missing, model=spec(batch_size=4))
        assert [body["batch_size"] for body in here.sent()] == [1, 2]
        here.server.asked.clear()
        await here.run(request, model=spec(batch_size=4), saving=True)
        assert [body["batch_size"] for body in here.sent()] == [1, 1, 1, 1]


async def test_a_server_that_makes_one_at_a_time_is_asked_for_the_others() -> None:
    async with lane("kobold") as here:
        request = await here.request(ordinals=ORDINALS)
        run = await here.run(request, model=spec(batch_size=4))
    assert [body["seed"] for body in here.sent()] == [picture.seed for picture in request.pictures]
    assert len({each.encoded for each in run.pictures(request)}) == 4
    assert isinstance(run.events[-1], Done)


async def test_a_model_without_a_name_is_what_is_loaded() -> None:
    async with lane("kobold") as here:
        request = await here.request()
        assert (await here.run(request, model=spec("loaded"))).pictures(request)
    assert here.sent()[0]["override_settings"] == {}


async def test_a_checkpoint_is_loaded_once_for_all_that_wait_for_it() -> None:
    server = A1111("webui", step_seconds=0.002)
    server.add_checkpoint("other", "0123456789")
    async with lane(server) as here:
        mates = [await here.request("other") for _ in range(3)]
        run = await here.run(*mates, model=spec("other"))
        assert server.loads == ["other.safetensors [0123456789]"]
        assert [event for event in run.events if isinstance(event, Loading)] == [Loading("other")]
        again = await here.run(await here.request("other"), model=spec("other"))
        assert not [event for event in again.events if isinstance(event, Loading)]
        await here.run(await here.request(), model=spec())
        assert len(server.loads) == 2


async def test_upscaling_makes_the_size_that_is_asked_for() -> None:
    async with lane("a1111") as here:
        model = spec("upscaler:ESRGAN_4x")
        request = of(await here.request(model.source, capability="upscale"), width=300, height=200)
        (ready,) = (await here.run(request, model=model)).pictures(request)
        (body,) = here.sent("extra-single-image")
    assert (body["resize_mode"], body["upscaler_1"]) == (1, "ESRGAN_4x")
    assert pixels(ready).shape[:2] == (200, 300)


async def test_loras_go_into_the_prompt_or_the_list_and_unknown_ones_are_refused() -> None:
    server = A1111("webui")
    server.lists["loras"] = [{"name": "detail", "alias": "detail", "path": "/models/detail.safetensors", "metadata": {}}]
    async with lane(server) as here:
        assert (await here.card()).max_loras
        request = await here.request(loras=(Lora("detail", 0.5),))
        await here.run(request)
        assert here.sent()[0]["prompt"] == f"{request.prompt}<lora:detail:0.5>"
        other = of(request, loras=(Lora("detial"),))
        (error,) = (await here.run(other)).failures(other)
        assert isinstance(error, InvalidRequest)
        assert 'no LoRA "detial"; it has detail' in error.message
    async with lane("sdcpp") as here:
        path = here.server.lists["loras"][0]
        await here.run(await here.request(loras=(Lora(path["name"], 0.5),)))
        assert here.sent()[0]["lora"] == [{"path": path["path"], "multiplier": 0.5}]


# -------------------------------------------------------------------------------------- what servers do in silence


async def fails(here: Lane, request: Any = None, **asked: Any) -> Any:
    """What one request comes to, alone: raised where it says something of the server, else its own failure."""
    request = request or await here.request()
    try:
        run = await here.run(request, **asked)
    except EngineCrashed as error:
        return error
    assert not run.pictures(request)
    (failure,) = run.failures(request)
    return failure


async def test_another_sampler_than_asked_for_is_not_accepted() -> None:
    async with lane("forge") as here:
        request = await here.request(sampler="LCM")
        here.server.lists["samplers"] = [row for row in here.server.lists["samplers"] if row["name"] != "LCM"]
        error = await fails(here, request)
    assert isinstance(error, InvalidRequest)
    assert error.field == "sampler"
    assert 'made it with the sampler "DPM++ 2M Karras", not with "LCM' in error.message


async def test_another_checkpoint_than_asked_for_is_not_accepted() -> None:
    server = A1111("webui")
    server.add_checkpoint("other", "0123456789")
    async with lane(server) as here:
        request = await here.request("other")
        server.lists["sd-models"].pop()
        with pytest.raises(EngineUnavailable, match='with the checkpoint "random-sd15", not with "other"'):
            await here.run(request, model=spec("other"))
        error = await fails(here, request, model=spec("other"))
    assert isinstance(error, ModelUnusable)


async def test_a_server_that_only_breaks_is_told_of_as_such_and_takes_no_mate_along() -> None:
    server = A1111("webui")
    server.fault = answering(500, {"error": "RuntimeError", "detail": "", "body": "", "errors": "CUDA error"})
    async with lane(server) as here:
        one, other = await here.request(), await here.request()
        with pytest.raises(EngineCrashed, match="CUDA error"):
            await here.run(one)
        with pytest.raises(EngineCrashed):
            await here.run(one, other)


async def test_a_checkpoint_that_is_gone_is_looked_for_again_and_named() -> None:
    async with lane("webui") as here:
        await here.card()
        error = await fails(here, model=spec("gone"))
    assert isinstance(error, ModelUnusable)
    assert 'no checkpoint "gone"' in error.message


ANSWERS: list[tuple[str, Any, type[Exception], str]] = [
    ("another seed", {"images": ["ours"], "info": '{"all_seeds": [1]}'}, EngineCrashed, "from the seed 1"),
    ("other steps", {"images": ["ours"], "info": '{"steps": 99}'}, InvalidRequest, "in 99 steps"),
    ("no picture", {"images": [], "info": ""}, EngineCrashed, "without a picture"),
    ("no images at all", {}, EngineCrashed, "without a picture"),
    ("no text", {"images": [7]}, EngineCrashed, "without a picture"),
    ("no base64", {"images": ["!!!"]}, EngineCrashed, "no base64"),
    ("no picture's bytes", {"images": ["aGVsbG8gd29ybGQ="]}, EngineCrashed, "no PNG, JPEG or WebP"),
    ("a list", [1, 2], EngineCrashed, "no object"),
    ("garbage", b"\x00\xff{", EngineCrashed, "no JSON"),
    ("a page", b"<html>Sign in</html>", EngineCrashed, "no JSON"),
]


@pytest.mark.parametrize(("told", "kind", "words"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
async def test_answers_that_are_none_are_not_kept(told: Any, kind: type[Exception], words: str) -> None:
    server = A1111("webui")
    server.fault = answering(200, told)
    async with lane(server) as here:
        error = await fails(here)
    assert type(error) is kind
    assert words in error.message


async def test_a_picture_of_another_size_is_not_kept() -> None:
    async with lane("webui") as here:
        request = await here.request()
        request = of(request, width=68)  # which the card would not allow: the server floors it
        error = await fails(here, request)
    assert "made 64x64, not 68x64" in error.message


REFUSALS: list[tuple[str, int, Any, type[Exception], str, str]] = [
    ("A1111", 404, {"error": "HTTPException", "detail": "Sampler not found", "body": "", "errors": ""}, InvalidRequest,
     "sampler", "Sampler not found"),
    ("Forge", 422, {"detail": "Script 'x' not found"}, InvalidRequest, "", "Script 'x' not found"),
    ("A1111, not caught", 500, {"error": "RuntimeError", "detail": "", "body": "", "errors": "it broke in /srv/sd/x.py"},
     EngineCrashed, "", "it broke in …/x.py"),
    ("Forge, not caught", 500, {"error": "TypeError", "detail": "", "body": "", "message": "it broke"}, EngineCrashed, "",
     "it broke"),
    ("pydantic 1", 422, {"detail": [{"loc": ["body", "steps"], "msg": "value is not a valid integer", "type": "x"}]},
     InvalidRequest, "steps", "steps: value is not a valid integer"),
    ("pydantic 2", 422, {"detail": [{"type": "x", "loc": ["body", "cfg_scale"], "msg": "Input should be a valid number",
     "input": "a", "url": "https://errors.pydantic.dev"}]}, InvalidRequest, "guidance_scale", "cfg_scale: Input should"),
    ("stable-diffusion.cpp", 400, {"error": "prompt required"}, InvalidRequest, "", "prompt required"),
    ("stable-diffusion.cpp, 500", 500, {"error": "server_error", "message": "type must be number"}, EngineCrashed, "",
     "type must be number"),
    ("SD.Next", 404, {"error": "HTTPException", "detail": "404: Sampler not found", "body": "", "errors": "", "code": 404},
     InvalidRequest, "sampler", "Sampler not found"),
    ("a client's fault", 500, {"detail": "Invalid encoded image"}, InvalidRequest, "source", "Invalid encoded image"),
    ("memory", 500, {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory."}, OutOfMemory, "",
     "CUDA out of memory"),
    ("an upscaler", 500, {"error": "Exception", "detail": "", "body": "", "errors": "could not find upscaler named X"},
     ModelUnusable, "", "could not find upscaler named X"),
    ("a login", 401, {"detail": "Not authenticated"}, ModelUnusable, "", "`auth`"),
    ("plain text", 500, b"Internal Server Error", EngineCrashed, "", "Internal Server Error"),
    ("a page", 500, b"<html>nginx</html>", EngineCrashed, "", "answered 500."),
]  # fmt: skip


@pytest.mark.parametrize(("status", "told", "kind", "field", "words"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
async def test_refusals_are_read_in_every_shape(status: int, told: Any, kind: type[Exception], field: str, words: str) -> None:
    server = A1111("webui")
    server.fault = answering(status, told)
    async with lane(server) as here:
        error = await fails(here)
    assert type(error) is kind
    assert words in error.message
    assert getattr(error, "field", "") == field
    assert here.name in error.message


def answering(status: int, told: Any) -> Any:
    """A fault of the routes that make pictures. "ours" stands for a picture that is right."""
    ours = base64.b64encode(png(np.zeros((64, 64, 3), np.uint8))).decode()

    async def fault(path: str, send: Any) -> bool:
        if not path.endswith("2img"):
            return False
        shown = {**told, "images": [ours if each == "ours" else each for each in told["images"]]} if _has_images(told) else told
        await reply(send, status, shown)
        return True

    return fault


def _has_images(told: Any) -> bool:
    return isinstance(told, dict) and "images" in told


def pixels(ready: ImageReady) -> np.ndarray:
    with Image.open(io.BytesIO(ready.encoded or b"")) as picture:
        return np.array(picture.convert("RGB"))
