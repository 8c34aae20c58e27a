"""The diffusers engine while it works: progress, previews, cancels, and what goes wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from engines.contract import ContentRejected, Done, EngineCrashed, Failed, ModelUnusable, OutOfMemory, Progress
from engines.diffusers.engine import DiffusersEngine
from engines.suite import SuiteBatch
from tests.engines.dots import asked, events, made, ready

# ---------------------------------------------------------------------------- progress and previews


def test_every_step_is_told(loaded: DiffusersEngine) -> None:
    seen = events(loaded, asked(sampler="Euler", steps=5))
    assert [(event.step, event.total) for event in seen if isinstance(event, Progress)] == [(n, 5) for n in range(1, 6)]
    assert isinstance(seen[-1], Done)


def test_a_pipeline_without_a_callback_is_followed_by_its_scheduler(
    loaded: DiffusersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engines.diffusers import running, watching

    takes = running.accepted
    before = made(loaded, asked(sampler="Euler", steps=5))
    monkeypatch.setattr(running, "accepted", lambda pipeline: takes(pipeline) - {"callback_on_step_end"})
    seen = events(loaded, asked(sampler="Euler", steps=5), watched={"r"})
    steps = [event for event in seen if isinstance(event, Progress)]
    assert [(event.step, event.total) for event in steps] == [(n, 5) for n in range(1, 6)]
    assert steps[0].preview is not None
    assert (ready(seen)[0].pixels == before).all()
    assert watching.Canceled not in [type(event) for event in seen]


def test_only_who_watches_gets_previews(loaded: DiffusersEngine) -> None:
    seen = events(loaded, asked("r", seeds=(3, 1)), asked("s"), watched={"s"})
    frames = {event.request: event.preview for event in seen if isinstance(event, Progress) and event.preview is not None}
    assert set(frames) == {"s"}
    assert frames["s"].dtype == np.uint8
    assert frames["s"].shape[2] == 3


def test_previews_are_a_few_a_second_at_most(loaded: DiffusersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.diffusers import watching

    clock = iter(range(1000))
    monkeypatch.setattr(watching.time, "monotonic", lambda: next(clock) / 20)
    seen = events(loaded, asked(sampler="Euler", steps=20), watched={"r"})
    shown = [event.step for event in seen if isinstance(event, Progress) and event.preview is not None]
    assert shown == [1, 7, 13, 19], "20 steps in a second, a frame every 0.3 s"


def test_a_look_changes_nothing(loaded: DiffusersEngine) -> None:
    (seen,) = ready(events(loaded, asked(), watched={"r"}))
    assert (seen.pixels == made(loaded, asked())).all()


def test_a_larger_decoder_is_not_run_but_projected(loaded: DiffusersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.diffusers import previews

    monkeypatch.setattr(previews, "CHEAP_WEIGHTS", 0)
    seen = events(loaded, asked(sampler="Euler"), watched={"r"})
    frame = next(event.preview for event in seen if isinstance(event, Progress))
    assert frame is not None
    assert frame.shape == (64, 64, 3), "8 x 8 latents, enlarged"
    resident = loaded._resident("dot", "cpu")
    assert resident.projection.shape == (5, 3)
    resident.projection = None


def test_a_projection_is_fitted_to_its_decoder() -> None:
    """A decoder that is linear but for its enlarging is found again."""
    from engines.diffusers.previews import fit

    mixed = torch.tensor([[0.2, 0.1, 0.0], [0.0, 0.2, -0.1], [0.1, 0.0, 0.1], [-0.1, 0.1, 0.0], [0.05, -0.05, 0.1]]) / 2
    assert torch.allclose(fit(_Linear(mixed)), mixed, atol=1e-4)


class _Linear(torch.nn.Module):
    """Four channels of latents, four times enlarged."""

    config = SimpleNamespace(latent_channels=4, scaling_factor=1.0, shift_factor=None)

    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.matrix = torch.nn.Parameter(matrix, requires_grad=False)

    def decode(self, latents: torch.Tensor, **_: Any) -> tuple[torch.Tensor]:
        given = torch.cat((latents, torch.ones_like(latents[:, :1])), 1)
        return (torch.einsum("nchw,cd->ndhw", given, self.matrix).repeat_interleave(4, 2).repeat_interleave(4, 3),)


# --------------------------------------------------------------------------------- cancels and errors


def test_a_canceled_run_stops_at_its_next_step(loaded: DiffusersEngine) -> None:
    batch, seen = SuiteBatch([asked(steps=20)]), []

    def emit(event: Any) -> None:
        seen.append(event)
        batch.cancel("r")

    loaded.run(batch, "cpu", emit)
    assert [type(event) for event in seen] == [Progress, Done]
    assert not ready(seen)
    made(loaded, asked())


def test_one_who_leaves_takes_no_mate_along(loaded: DiffusersEngine) -> None:
    batch, seen = SuiteBatch([asked("r"), asked("s")]), []

    def emit(event: Any) -> None:
        seen.append(event)
        batch.cancel("r")

    loaded.run(batch, "cpu", emit)
    assert not ready(seen, "r")
    assert len(ready(seen, "s")) == 1
    assert len([event for event in seen if isinstance(event, Progress) and event.request == "r"]) == 1


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"), OutOfMemory),
        (RuntimeError("expected /home/me/models/x/unet/file.bin to be here"), EngineCrashed),
        (ValueError("no"), EngineCrashed),
    ],
)
def test_what_goes_wrong_is_told_in_the_contracts_words(
    loaded: DiffusersEngine, monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: type[Exception]
) -> None:
    unet = loaded._resident("dot", "cpu").modules()["unet"]

    def fail(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr(unet, "forward", fail)
    with pytest.raises(expected) as caught:
        events(loaded, asked())
    assert "/home" not in str(caught.value)
    monkeypatch.undo()
    made(loaded, asked())


def test_a_model_that_is_not_loaded_is_a_crash(new_engine: DiffusersEngine) -> None:
    with pytest.raises(EngineCrashed, match="not loaded"):
        events(new_engine, asked())


def test_pictures_of_no_numbers_fail_alone(loaded: DiffusersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    vae = loaded._resident("dot", "cpu").vae
    decode = vae.decode

    def overflow(*arguments: Any, **named: Any) -> Any:
        (images, *rest) = decode(*arguments, **named)
        images[0] = float("nan")
        return (images, *rest)

    monkeypatch.setattr(vae, "decode", overflow)
    seen = events(loaded, asked("r"), asked("s"))
    assert not ready(seen, "r")
    assert len(ready(seen, "s")) == 1
    (failed,) = [event for event in seen if isinstance(event, Failed)]
    assert failed.request == "r"
    assert isinstance(failed.error, ModelUnusable)
    assert "dtype" in failed.error.message


def test_a_flagged_picture_is_rejected_and_not_shown_black(loaded: DiffusersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = loaded._resident("dot", "cpu").pipeline("text_to_image")

    def check(images: torch.Tensor, *_: Any) -> tuple[torch.Tensor, list[bool]]:
        images[0] = 0
        return images, [True] + [False] * (len(images) - 1)

    monkeypatch.setattr(pipeline, "run_safety_checker", check)
    seen = events(loaded, asked("r"), asked("s", seeds=(4, 5)))
    assert [type(event.error) for event in seen if isinstance(event, Failed)] == [ContentRejected]
    assert not ready(seen, "r")
    assert len(ready(seen, "s")) == 2
    seen = events(loaded, asked("r", seeds=(4, 5)))
    assert [event.ordinal for event in ready(seen)] == [1], "one of two flagged: the other is delivered"
    assert seen[-1] == Done("r", usage={"pictures": 1})
