"""The rules of the contract, each with what to do about it."""

from __future__ import annotations

import io
from typing import get_args

import numpy as np
from PIL import Image

from engines.contract import (
    Done,
    EngineError,
    Failed,
    ImageReady,
    ImageRequest,
    InvalidRequest,
    Loading,
    ModelCard,
    Progress,
    Replay,
    Size,
    Span,
    UpstreamOutcomeUnknown,
)
from engines.suite.driver import Run
from engines.suite.requests import CAPABILITIES


def card_is_sane(card: ModelCard) -> None:
    assert card.capabilities, "capabilities: name at least one"
    assert len(set(card.capabilities)) == len(card.capabilities), "capabilities: each once"
    assert set(card.capabilities) <= set(CAPABILITIES), f"capabilities: there are {', '.join(CAPABILITIES)}"
    low, high, multiple = card.min_size, card.max_size, card.size_multiple
    assert multiple >= 1, "size_multiple: 1 or more"
    assert 1 <= low.width <= high.width, "min_size, max_size: the width's limits are the wrong way round"
    assert 1 <= low.height <= high.height, "min_size, max_size: the height's limits are the wrong way round"
    for size in card.native_sizes:
        assert _fits(size, card), f"native_sizes: {size.width}x{size.height} is not within the card's own limits and multiple"
    assert len(set(card.native_sizes)) == len(card.native_sizes), "native_sizes: each once"
    assert card.native_sizes or _fits_some(card), "no size within min_size and max_size is a multiple of size_multiple"
    for name, least in (("max_images", 1), ("max_batch", 1), ("max_references", 0), ("max_loras", 0), ("max_prompt", 1)):
        assert getattr(card, name) >= least, f"{name}: {least} or more"
    least_bytes = card.max_source_bytes is None or card.max_source_bytes >= 4096
    assert least_bytes, "max_source_bytes: 4096 or more, or no picture at all would fit; None for the usual"
    assert card.takes_source or card.max_references, "takes_source: without one, max_references is 1 or more"
    assert len(set(card.samplers)) == len(card.samplers), "samplers: each once"
    assert all(card.samplers), "samplers: a name is not empty"
    for name, words in card.choices.items():
        assert words, f"choices: {name} has no word; leave it out where there is nothing to choose"
        assert len(set(words)) == len(words), f"choices: {name} has each word once"
        assert all(words), f"choices: a word of {name} is not empty"
    for name in ("steps", "guidance_scale", "strength"):
        _span_is_sane(name, getattr(card, name))
    if card.steps is not None:
        assert card.steps.low >= 1, "steps: at least 1"
    if card.strength is not None:
        assert card.strength.low >= 0, "strength: from 0"
        assert card.strength.high <= 1, "strength: to 1"
    assert card.replay in get_args(Replay), f"replay: one of {', '.join(get_args(Replay))}"
    assert card.memory_bytes is None or card.memory_bytes >= 0, "memory_bytes: not negative; None when it is not known"


def pictures_are_as_asked(run: Run, request: ImageRequest) -> None:
    """Exactly these, by ordinal, each with its seed, of this size, and no error."""
    assert not run.failures(request), f"failed: {run.failures(request)}"
    ready = [event for event in run.of(request) if isinstance(event, ImageReady)]
    asked = sorted(picture.ordinal for picture in request.pictures)
    assert sorted(event.ordinal for event in ready) == asked, "ImageReady: once for each ordinal that was asked, no other"
    seeds = {picture.ordinal: picture.seed for picture in request.pictures}
    for event in ready:
        assert event.seed == seeds[event.ordinal], (
            f"ImageReady.seed: picture {event.ordinal} has the seed {seeds[event.ordinal]}"
        )
        picture_is_well_made(event, Size(request.width, request.height))


def picture_is_well_made(event: ImageReady, size: Size) -> None:
    assert (event.pixels is None) != (event.encoded is None), "ImageReady: either pixels or encoded, never both"
    assert isinstance(event.parameters, dict), "ImageReady.parameters: a dict"
    if event.encoded is not None:
        with Image.open(io.BytesIO(event.encoded)) as picture:
            picture.load()
            made = Size(*picture.size)
        assert made == size, f"the encoded picture is {made.width}x{made.height}, not {size.width}x{size.height}"
        return
    pixels = event.pixels
    assert isinstance(pixels, np.ndarray), "ImageReady.pixels: a numpy array"
    assert pixels.dtype == np.uint8, f"ImageReady.pixels: uint8, not {pixels.dtype}"
    assert pixels.ndim == 3, f"ImageReady.pixels: (height, width, 3 or 4), not {pixels.shape}"
    asked = (size.height, size.width)
    assert pixels.shape[:2] == asked, f"ImageReady.pixels: (height, width) is {asked}, not {pixels.shape[:2]}"
    assert pixels.shape[2] in (3, 4), f"ImageReady.pixels: 3 or 4 channels, not {pixels.shape[2]}"
    assert pixels.flags.owndata, "ImageReady.pixels: a view may change later, or keep a whole batch alive; hand over a .copy()"
    assert pixels.flags.c_contiguous, "ImageReady.pixels: rows one after the other; hand over a .copy()"


def events_are_in_order(run: Run, *requests: ImageRequest) -> None:
    """[Loading …] [Progress …] ImageReady …, and Done or Failed last, for each request; nothing for anyone else."""
    known = {request.id for request in requests}
    for event in run.events:
        name = type(event).__name__
        assert isinstance(event, Loading | Progress | ImageReady | Failed | Done), f"{name} is no event of the contract"
        assert isinstance(event, Loading) or event.request in known, f"{name}.request: {event.request!r} is not in this batch"
    for request in requests:
        _is_in_order(run, request)


def _is_in_order(run: Run, request: ImageRequest) -> None:
    events = run.of(request)
    ends = [event for event in events if isinstance(event, Done | Failed)]
    assert len(ends) == 1, f"Done or Failed: exactly one for each request, not {[type(end).__name__ for end in ends]}"
    assert events[-1] is ends[0], f"{type(ends[0]).__name__} comes last, not before {type(events[-1]).__name__}"
    for end in ends:
        if isinstance(end, Failed):
            assert isinstance(end.error, EngineError), f"Failed.error: an EngineError, not {end.error!r}"
            assert end.error.message, "Failed.error: say the cause and the cure"
    progress_is_absolute(run, request)


def progress_is_absolute(run: Run, request: ImageRequest) -> None:
    reached = 0
    for event in run.progress(request):
        assert event.total == run.progress(request)[0].total, "Progress.total: the same throughout"
        assert 1 <= event.step <= event.total, f"Progress.step: 1 to total, not {event.step} of {event.total}"
        assert event.step >= reached, f"Progress.step: never falls; {event.step} came after {reached}"
        reached = event.step


def has_alpha(event: ImageReady) -> bool:
    if event.pixels is not None:
        return bool(event.pixels.shape[2] == 4)
    with Image.open(io.BytesIO(event.encoded or b"")) as picture:
        return picture.has_transparency_data


def same_bytes(one: ImageReady, other: ImageReady) -> bool:
    if one.pixels is not None and other.pixels is not None:
        return one.pixels.shape == other.pixels.shape and bool((one.pixels == other.pixels).all())
    return one.encoded == other.encoded


def difference(one: ImageReady, other: ImageReady) -> float:
    """On average, in levels of 255."""
    return float(np.abs(_decoded(one) - _decoded(other)).mean())


def _decoded(event: ImageReady) -> np.ndarray:
    if event.pixels is not None:
        return event.pixels[..., :3].astype(np.int16)
    with Image.open(io.BytesIO(event.encoded or b"")) as picture:
        return np.asarray(picture.convert("RGB")).astype(np.int16)


def is_not_tried_again(error: EngineError | None) -> None:
    """Of a paid request that was sent and got no answer."""
    assert isinstance(error, UpstreamOutcomeUnknown), (
        f"a paid request that was sent and got no answer: raise UpstreamOutcomeUnknown, not {error!r}, after which it would be "
        "sent again and paid for twice. EngineUnavailable(…, begun=False) is for what surely was not sent"
    )
    refusal_is_of_use(error)


def refusal_is_of_use(error: EngineError) -> None:
    assert error.message, f"{type(error).__name__}: say the cause and the cure"
    if isinstance(error, InvalidRequest):
        fields = ("", *ImageRequest.__struct_fields__)
        assert error.field in fields, f"InvalidRequest.field: {error.field!r} is no field of a request"


def _span_is_sane(name: str, span: Span | None) -> None:
    if span is not None:
        assert span.low <= span.default <= span.high, f"{name}: low <= default <= high, not {span}"


def _fits(size: Size, card: ModelCard) -> bool:
    low, high, multiple = card.min_size, card.max_size, card.size_multiple
    return (
        low.width <= size.width <= high.width
        and low.height <= size.height <= high.height
        and size.width % multiple == 0
        and size.height % multiple == 0
    )


def _fits_some(card: ModelCard) -> bool:
    low, high, multiple = card.min_size, card.max_size, card.size_multiple
    return -(-low.width // multiple) * multiple <= high.width and -(-low.height // multiple) * multiple <= high.height
