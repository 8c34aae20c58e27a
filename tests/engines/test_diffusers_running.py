"""The diffusers engine at work on the dot model: three modes, seeds, batches, samplers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from engines.contract import ImageRequest, ModelSpec, Picture, Progress
from engines.diffusers.engine import DiffusersEngine
from engines.diffusers.options import ModelOptions
from engines.samplers import DIFFUSION_NAMES
from tests.engines.dots import RAMP, apart, asked, changed, events, made, painted, ready

# -------------------------------------------------------------------------------------------- modes


@pytest.mark.parametrize("request_", [asked(), changed(), painted()], ids=lambda request: request.capability)
def test_each_mode_makes_the_same_bytes_again(loaded: DiffusersEngine, request_: ImageRequest) -> None:
    first = made(loaded, request_)
    assert (first.shape, first.dtype) == ((32, 32, 3), np.uint8)
    assert (first == made(loaded, request_)).all()
    assert apart(first, made(loaded, replace(request_, prompt="zzz"))) > 0
    assert apart(first, made(loaded, replace(request_, pictures=(Picture(0, 2),)))) > 0


def test_other_sizes(loaded: DiffusersEngine) -> None:
    assert made(loaded, asked(width=48, height=24)).shape == (24, 48, 3)


def test_strength_says_how_much_is_made_anew(loaded: DiffusersEngine) -> None:
    steps = [
        [event.total for event in events(loaded, changed(steps=10, strength=strength)) if isinstance(event, Progress)]
        for strength in (0.01, 0.5, 1.0)
    ]
    assert [totals[0] for totals in steps] == [len(totals) for totals in steps]
    assert len(steps[0]) < len(steps[1]) < len(steps[2])


def test_what_the_mask_leaves_out_is_kept_to_the_byte(loaded: DiffusersEngine) -> None:
    pixels = made(loaded, painted())
    assert (pixels[:, 16:] == RAMP[:, 16:]).all()
    assert apart(pixels[:, :16], RAMP[:, :16]) > 20


def test_a_transparent_source_is_taken_on_white(loaded: DiffusersEngine) -> None:
    clear = np.dstack([RAMP, np.zeros((32, 32), np.uint8)])
    white = np.full((32, 32, 3), 255, np.uint8)
    assert (made(loaded, changed(source=clear)) == made(loaded, changed(source=white))).all()


def test_guidance_and_negative_prompt_bite(loaded: DiffusersEngine) -> None:
    plain = made(loaded, asked(guidance_scale=5.0))
    assert apart(plain, made(loaded, asked(guidance_scale=1.0))) > 0
    assert apart(plain, made(loaded, asked(guidance_scale=5.0, negative_prompt="blurry"))) > 0
    unguided = asked(guidance_scale=1.0)
    assert (made(loaded, unguided) == made(loaded, replace(unguided, negative_prompt="blurry"))).all()


def test_a_long_prompt_is_cut_in_silence(loaded: DiffusersEngine, capfd: pytest.CaptureFixture[str]) -> None:
    made(loaded, asked(prompt="word " * 200))
    assert capfd.readouterr() == ("", "")


# --------------------------------------------------------------------------------- seeds and batches


def test_a_seed_is_drawn_where_none_is_given(loaded: DiffusersEngine) -> None:
    first, second = ready(events(loaded, asked(seeds=(None, None))))
    assert first.seed != second.seed
    assert first.pixels is not None
    assert apart(first.pixels, made(loaded, asked(seeds=(first.seed,)))) <= 2


@pytest.mark.parametrize("sampler", [None, "Euler a", "DPM++ 2M SDE Karras"])
def test_in_a_batch_it_is_the_same_picture(loaded: DiffusersEngine, sampler: str | None) -> None:
    """Within the tolerance that `running.BATCH_TOLERANCE` states: other prompts, other seeds, noise at every step or not."""
    from engines.diffusers.running import BATCH_TOLERANCE

    mates = [
        asked("r", (5,), prompt="a red dot", sampler=sampler, steps=8),
        asked("s", (6, 7), prompt="two dots, one of them green", sampler=sampler, steps=8),
        asked("t", (8,), prompt="", sampler=sampler, steps=8),
    ]
    together = events(loaded, *mates)
    for mate in mates:
        for event, picture in zip(ready(together, mate.id), mate.pictures, strict=True):
            alone = made(loaded, replace(mate, pictures=(picture,)))
            assert event.pixels is not None
            assert apart(event.pixels, alone) <= BATCH_TOLERANCE


@pytest.mark.parametrize("make", [changed, painted])
def test_sources_and_masks_of_a_batch_stay_with_their_requests(loaded: DiffusersEngine, make: Any) -> None:
    one, other = make(name="r"), make(name="s", source=255 - RAMP)
    together = events(loaded, one, other)
    for request in (one, other):
        (event,) = ready(together, request.id)
        assert event.pixels is not None
        assert apart(event.pixels, made(loaded, request)) <= 2


def test_more_pictures_than_fit_are_made_in_passes(dot: ModelSpec, new_engine: DiffusersEngine) -> None:
    new_engine.load(replace(dot, options=ModelOptions(max_batch=2)), "cpu")
    seen = events(new_engine, asked("r", (1, 2, 3, 4, 5)), asked("s", (6,)))
    assert sorted(event.ordinal for event in ready(seen)) == [0, 1, 2, 3, 4]
    assert len(ready(seen, "s")) == 1
    progress = [(event.step, event.total) for event in seen if isinstance(event, Progress) and event.request == "r"]
    total = progress[0][1]
    assert progress == [(step, total) for step in range(1, total + 1)]
    new_engine.unload(replace(dot, options=ModelOptions(max_batch=2)), "cpu")


# ------------------------------------------------------------------------------------------ samplers


@pytest.mark.parametrize("sampler", DIFFUSION_NAMES)
def test_every_sampler_makes_a_picture(loaded: DiffusersEngine, sampler: str) -> None:
    pixels = made(loaded, asked(sampler=sampler))
    assert pixels.std() > 5, "not one flat colour"


def test_a_run_leaves_no_trace_in_the_next(loaded: DiffusersEngine) -> None:
    before = made(loaded, asked())
    for sampler in ("Euler a", "DPM++ 2M Karras", "Heun"):
        made(loaded, asked(sampler=sampler))
    assert (made(loaded, asked()) == before).all()
    assert (made(loaded, asked(sampler="PLMS")) == before).all(), "the model's own, by its name"
