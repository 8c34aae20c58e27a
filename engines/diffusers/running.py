"""One run: a batch of requests, made in as few calls of the pipeline as fit, each picture from a noise of its own."""

from __future__ import annotations

import itertools
import math
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import torch

from engines import samplers
from engines.contract import (
    Batch,
    ContentRejected,
    Done,
    EngineError,
    Event,
    Failed,
    ImageReady,
    ModelUnusable,
    Pixels,
    Size,
)
from engines.diffusers import calls, pixels, troubles
from engines.diffusers.calls import Row
from engines.diffusers.previews import Previews
from engines.diffusers.quiet import quiet
from engines.diffusers.resident import Resident, accepted
from engines.diffusers.watching import Canceled, Pace, Watch

BATCH_TOLERANCE = 2
"""Levels of 255 that any pixel may differ in float32 between a picture made alone and the same one made in a batch:
kernels add up in another order when the batch is wider. Alone it is always the same bytes."""

CURE = "Ask for fewer or smaller pictures, or set `offload`, `vae_tiling` or a smaller `max_batch` in the model's entry."


def run(resident: Resident, batch: Batch, emit: Callable[[Event], None]) -> None:
    """Raises OutOfMemory, EngineCrashed or ModelUnusable for the whole batch."""
    passes = _passes(batch, resident.max_batch)
    pace = Pace(passes)
    first = batch.requests[0]
    previews = Previews(resident, first.width, first.height)
    outcome: dict[str, list[EngineError | None]] = {request.id: [] for request in batch.requests}
    with quiet(), troubles.of_memory(resident.device, CURE):
        for rows in passes:
            wanted = [row for row in rows if not batch.canceled(row.request.id)]
            if wanted:
                _make(resident, wanted, Watch(wanted, batch, emit, pace, previews), outcome)
            pace.passed(rows)
    for request, results in outcome.items():
        errors = [error for error in results if error is not None]
        made = len(results) - len(errors)
        emit(Failed(request, errors[0]) if errors and not made else Done(request, usage={"pictures": made}))


def _passes(batch: Batch, largest: int) -> list[list[Row]]:
    """Rows in the order of the requests, in passes of nearly the same width."""
    rows = [
        Row(request, picture, secrets.randbits(32) if picture.seed is None else picture.seed)
        for request in batch.requests
        for picture in request.pictures
    ]
    count = max(1, math.ceil(len(rows) / largest))
    bounds = [len(rows) * index // count for index in range(count + 1)]
    return [rows[start:end] for start, end in itertools.pairwise(bounds)]


def _make(resident: Resident, rows: Sequence[Row], watch: Watch, outcome: dict[str, list[EngineError | None]]) -> None:
    """One call of the pipeline, and its pictures handed over."""
    try:
        images, rejected = _call(resident, rows, watch)
    except Canceled:
        return
    for row, made, flagged in zip(rows, images, rejected, strict=True):
        if watch.batch.canceled(row.request.id):
            continue
        error = _refusal(made, flagged)
        outcome[row.request.id].append(error)
        if error is None and made is not None:
            watch.emit(_ready(resident, row, made))


def _call(resident: Resident, rows: Sequence[Row], watch: Watch) -> tuple[list[Pixels | None], list[bool]]:
    """The pictures, and which of them the pipeline's own safety checker flagged."""
    pipeline = resident.pipeline(rows[0].request.capability)
    try:
        images, flags = _answer(resident, pipeline, rows, watch)
        return pixels.finished(images), flags or [False] * len(rows)
    except (Canceled, EngineError):
        raise
    except Exception as error:
        if troubles.is_shortage(error):
            raise
        raise troubles.of_running(error, resident.facts.folder) from None
    finally:
        if resident.options.offload == "model" and hasattr(pipeline, "maybe_free_model_hooks"):
            pipeline.maybe_free_model_hooks()


def _answer(resident: Resident, pipeline: Any, rows: Sequence[Row], watch: Watch) -> tuple[torch.Tensor, list[bool]]:
    takes = accepted(pipeline)
    _equip(resident, pipeline, rows)
    call = watch.follow(pipeline, calls.arguments(resident, rows, takes), takes)
    # Some pipelines draw from torch's global generator too (language models that write tokens): let the seed hold there.
    torch.manual_seed(rows[0].seed)
    if resident.family.modular:
        return _stacked(pipeline(**call, output="images")), []
    answer = pipeline(**call)
    return _stacked(answer.images), list(getattr(answer, "nsfw_content_detected", None) or [])


def _equip(resident: Resident, pipeline: Any, rows: Sequence[Row]) -> None:
    """What is a part of the pipeline and no argument: a fresh scheduler, and for some families the guidance."""
    request = rows[0].request
    scheduler = resident.scheduler(samplers.resolve(request.sampler) if request.sampler else None)
    parts = {} if scheduler is None else {"scheduler": scheduler}
    guidance, scale = resident.family.guidance, calls.scale_of(resident, request)
    if guidance is not None and guidance.kind == "guider" and scale is not None:
        guider = resident.guider(scale)
        parts |= {} if guider is None else {"guider": guider}
    if resident.family.modular:
        pipeline.update_components(**parts)
    else:
        for name, part in parts.items():
            setattr(pipeline, name, part)


def _refusal(made: Pixels | None, flagged: bool) -> EngineError | None:
    if flagged:
        return ContentRejected("The model's safety checker took the picture away. Another prompt or seed may pass.")
    if made is None:
        return ModelUnusable(
            "The model made no picture but NaN: its weights overflow in half precision."
            ' Set `dtype = "bfloat16"` or "float32" in its entry.'
        )
    return None


def _ready(resident: Resident, row: Row, made: Pixels) -> ImageReady:
    request = row.request
    fitted = pixels.fitted(made, Size(request.width, request.height))
    parameters = {} if fitted is made else {"made_at": f"{made.shape[1]}x{made.shape[0]}"}
    if request.mask is not None and request.source is not None and resident.family.modes[request.capability].mask:
        fitted = pixels.kept(fitted, request.source, request.mask)
    return ImageReady(
        request=request.id, ordinal=row.picture.ordinal, seed=row.seed, pixels=fitted, parameters=parameters
    )  # fmt: skip


def _stacked(images: Any) -> torch.Tensor:
    """(n, channels, height, width), of a tensor or of a list of them."""
    return images if isinstance(images, torch.Tensor) else torch.stack(list(images))
