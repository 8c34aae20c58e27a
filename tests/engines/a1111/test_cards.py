"""What the A1111 engine finds out of a server, and what it refuses before anything is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engines.a1111 import names
from engines.a1111.cards import checkpoint_of
from engines.a1111.options import Hires, Options
from engines.a1111.probing import Facts, probe
from engines.contract import InvalidRequest, Lora, ModelUnusable, Size
from engines.http import Server
from tests.engines.a1111.lane import lane, of
from tests.fakes.a1111.server import A1111, reply
from tests.fakes.serving import served

LACKS = {
    "webui": {"LoRAs"},
    "forge": {"LoRAs", "progress of one task"},
    "a1111": {"LoRAs", "progress of one task", "schedule types of their own"},
    "sdcpp": {"upscaling", "progress", "progress of one task", "interrupting"},
    "kobold": {"upscaling", "progress", "progress of one task", "interrupting"},
}


@pytest.mark.parametrize("kind", LACKS)
async def test_it_says_what_a_server_lacks(kind: str) -> None:
    facts = await facts_of(A1111(kind))
    assert set(facts.lacks()) == LACKS[kind]
    async with lane(kind) as here:
        health = await here.engine.health(here.name)
    assert health.ok
    assert all(words in health.reason for words in LACKS[kind])


TOLD: list[tuple[str, str, tuple[str, str | None] | None]] = [
    ("forge", "DPM++ 2M Karras", ("DPM++ 2M", "Karras")),
    ("forge", "DPM++ 2M", ("DPM++ 2M", "Uniform")),  # its "Automatic" would be Karras
    ("forge", "Euler a", ("Euler a", None)),
    ("forge", "dpmpp_2m_sde exponential", ("DPM++ 2M SDE", "Exponential")),
    ("forge", "Restart", ("Restart", None)),
    ("a1111", "DPM++ 2M Karras", ("DPM++ 2M Karras", None)),
    ("a1111", "DPM++ 2M", ("DPM++ 2M", None)),
    ("a1111", "DPM++ 2M SDE Heun Karras", ("DPM++ 2M SDE Heun Karras", None)),
    ("a1111", "DPM++ 2M Beta", None),
    ("sdcpp", "DPM++ 2M Karras", ("dpm++2m", "karras")),
    ("sdcpp", "Euler a", ("euler_a", None)),
    ("sdcpp", "ddim_trailing", ("ddim_trailing", None)),
    ("sdcpp", "UniPC", None),
    ("forge", "no-such-sampler", None),
]


@pytest.mark.parametrize(("kind", "name", "expected"), TOLD, ids=lambda each: str(each))
async def test_a_sampler_is_told_as_the_server_knows_it(kind: str, name: str, expected: tuple[str, str | None] | None) -> None:
    facts = await facts_of(A1111(kind))
    if expected is None:
        with pytest.raises(InvalidRequest, match="has no sampler") as refused:
            names.told(name, facts, None)
        assert refused.value.field == "sampler"
        return
    told = names.told(name, facts, None)
    assert (told.sampler, told.schedule) == expected


async def test_the_nearest_sampler_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"Did you mean .*Euler a"):
        names.told("Euler b", await facts_of(A1111("forge")), None)


async def test_the_default_sampler_is_right_for_every_model() -> None:
    for kind in LACKS:
        assert next(iter(names.offered(await facts_of(A1111(kind)), None))) == "Euler"


async def test_a_schedule_of_the_entry_is_for_samplers_that_name_none() -> None:
    facts = await facts_of(A1111("forge"))
    assert names.told("Euler", facts, "simple").schedule == "Simple"
    assert names.told("DPM++ 2M Karras", facts, "simple").schedule == "Karras"
    with pytest.raises(ModelUnusable, match='no schedule type "Simpel"; it has Automatic, Uniform'):
        names.offered(facts, "Simpel")
    with pytest.raises(ModelUnusable, match="part of its samplers' names"):
        names.offered(await facts_of(A1111("a1111")), "Simple")


@pytest.mark.parametrize(
    "source",
    ["random-sd15", "random-sd15.safetensors", "random-sd15.safetensors [c5aa5690dd]", "c5aa5690dd", "Random-SD15",
     "c5aa5690ddae23f4ea9283a0d8eb26c5d3c60814c7d3656456f502bf5a412f36"],
)  # fmt: skip
async def test_a_checkpoint_goes_by_any_of_its_names(source: str) -> None:
    found = checkpoint_of(source, await facts_of(A1111("forge")))
    assert found is not None
    assert found.hash == "c5aa5690dd"


async def test_a_model_that_is_not_there_is_told_with_what_is_near() -> None:
    async with lane("webui") as here:
        with pytest.raises(ModelUnusable, match='no checkpoint "random-sd51"\\. Did you mean random-sd15'):
            await here.card("random-sd51")
        with pytest.raises(ModelUnusable, match='no upscaler "ESRGAN"\\. Did you mean'):
            await here.card("upscaler:ESRGAN")
        with pytest.raises(ModelUnusable, match='no upscaler "No Such"'):
            await here.card(hires=hires("No Such"))
    async with lane("sdcpp") as here:
        with pytest.raises(ModelUnusable, match="does not enlarge"):
            await here.card("upscaler:Lanczos")


async def test_a_file_that_came_after_the_server_had_started_is_found() -> None:
    async with lane("webui") as here:
        await here.card()
        here.server.add_checkpoint("late", "abcdef0123")
        assert "text_to_image" in (await here.card("late")).capabilities


async def test_cards() -> None:
    async with lane("webui") as here:
        card = await here.card()
        assert card.capabilities == ("text_to_image", "image_to_image", "inpaint")
        assert (card.size_multiple, card.replay, card.seeds) == (8, "safe", True)
        assert "DPM++ 2M Karras" in card.samplers
        assert not (await here.card(guidance="distilled_cfg_scale")).negative_prompt
        upscaler = await here.card("upscaler:lanczos")
        assert upscaler.capabilities == ("upscale",)
        assert upscaler.max_size >= Size(8192, 8192)
        found = {model.id: model.source for model in await here.engine.discover()}
        assert found["random-sd15"] == "random-sd15"
        assert found["R-ESRGAN-4x-Anime6B"] == "upscaler:R-ESRGAN 4x+ Anime6B"
    async with lane("kobold") as here:
        assert [model.id for model in await here.engine.discover()] == ["random-sd15"]
        assert (await here.card("loaded")).samplers[0] == "Euler"


async def test_a_login_comes_from_a_secret_and_is_never_told() -> None:
    for kind in ("a1111", "forge"):
        server = A1111(kind, login="ann:correct-horse")
        async with lane(server, auth="LOGIN", secret="ann:correct-horse") as here:
            assert await here.card()
            assert await here.run(await here.request())
        for given in ("", "ann:wrong-battery"):
            async with lane(server, auth="LOGIN" if given else "", secret=given) as here:
                with pytest.raises(ModelUnusable, match="wants a user and a password") as refused:
                    await here.card()
                assert "battery" not in refused.value.message
                assert not (await here.engine.health(here.name)).ok
        async with lane(server, auth="LOGIN", secret="no-colon") as here:
            with pytest.raises(ModelUnusable, match="must hold user:password"):
                await here.card()


async def test_another_login_is_taken_up_without_a_restart() -> None:
    async with lane(A1111("forge", login="ann:second"), auth="LOGIN", secret="ann:first") as here:
        with pytest.raises(ModelUnusable):
            await here.card()
        here.engine.secret = lambda name: "ann:second"
        assert await here.card()


async def test_what_is_no_such_server_is_told_apart() -> None:
    async def elsewhere(path: str, send: Any) -> bool:
        await reply(send, 200 if path == "/" else 404, b"<html><title>Another</title></html>")
        return True

    server = A1111("webui")
    server.fault = elsewhere
    async with lane(server) as here:
        with pytest.raises(ModelUnusable, match=r"has no /sdapi/v1/sd-models.*--api"):
            await here.card()


@pytest.mark.parametrize(
    ("servers", "told"),
    [
        ((), "name at least one"),
        (("box:7860",), "is no address"),
        (("http://",), "is no address"),
        (("http://box:7860/?a=1",), "is no address"),
        (("http://ann:secret@box:7860",), "into a secret"),
        (("http://box:7860", "http://box:7860/"), "twice"),
    ],
)
def test_addresses_that_are_none_are_refused(servers: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        Options(servers=servers)
    assert "secret@" not in str(refused.value)


async def test_a_lane_is_named_without_scheme_and_password() -> None:
    async with lane("webui", address="https://box.example:7860/forge/") as here:
        assert here.engine.lanes() == ("box.example:7860/forge",)


async def test_requests_that_make_no_sense_are_refused() -> None:
    async with lane("webui") as here:
        card, blank = await here.card(), np.zeros((64, 64, 3), np.uint8)
        plain = await here.request()
        for field, request in (
            ("references", of(plain, references=(blank,))),
            ("source", of(plain, capability="image_to_image")),
            ("mask", of(plain, capability="inpaint", source=blank)),
            ("width", of(plain, width=65)),
            ("loras", of(plain, loras=(Lora("a:1><lora:b"),))),
            ("capability", of(plain, capability="upscale", source=blank)),
        ):
            with pytest.raises(InvalidRequest) as refused:
                here.engine.check(request, card)
            assert refused.value.field == field


async def test_models_of_one_server_go_together_and_alone_where_they_shall() -> None:
    async with lane("webui") as here:
        card, request = await here.card(), await here.request()
        assert here.engine.batch_key(request, card) == here.engine.batch_key(of(request, width=512), card)
    async with lane("webui", group=1) as here:
        assert here.engine.batch_key(await here.request(), await here.card()) is None


def hires(upscaler: str) -> Hires:
    return Hires(upscaler=upscaler, megapixels=0.01)


async def facts_of(server: A1111) -> Facts:
    async with served(server) as address:
        login = tuple(server.login.split(":")) if server.login else None
        asked = Server("The server", address, auth=login)  # type: ignore[arg-type]
        try:
            return await probe(asked)
        finally:
            await asked.aclose()
