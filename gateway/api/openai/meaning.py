"""What a request of this surface means, in the words that all surfaces share. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct

from engines.contract import LocalEngine, ModelCard
from gateway.api.openai.asked import ImageOptions, OpenAIEdit
from gateway.api.tasks.asked import Asked, Generation, ImageToImage
from gateway.api.tasks.handed import Handed
from gateway.catalog import AUTO, Quality
from gateway.errors import DarkroomError, InvalidInput
from gateway.jobs.request import Submission
from gateway.models import Offer

STEPS = {"low": 0.5, "medium": 1.0, "standard": 1.0, "high": 1.5, "hd": 1.5, "xhigh": 2.0, "max": 3.0}
"""How many times its own number of steps a model takes whose maker has no word for quality."""
_PRICED: dict[str, Quality] = {"low": "standard", "medium": "standard", "standard": "standard"}
"""What tariffs call them; all others are `hd`."""
_ALIKE = {"standard": "medium", "hd": "high", "low": "standard", "medium": "standard", "high": "hd"}
"""A word of OpenAI's older or newer models -> what the others say instead."""
_NO_STEPS = frozenset({"medium", "standard"})
_FULL = 100


class Wanted(Struct, frozen=True, kw_only=True):
    """One request: of the image routes, or of a conversation that wants pictures."""

    options: ImageOptions
    """An `OpenAIEdit` where there are pictures."""
    pictures: Sequence[Handed] = ()
    mask: Handed | None = None
    fields: Sequence[str] = ()
    """What the one who asked calls each of the pictures; not given: `image`, `image[1]` and so on."""
    ratio: float | None = None
    """Width over height, where `options` gives no size."""
    megapixels: float | None = None
    shown: Mapping[str, Any] = {}
    """What is wanted again when the job is asked about."""


def check_alone(asked: ImageOptions) -> None:
    """What can be said without a model. Raises InvalidInput for fields that exclude each other."""
    form, compression = asked.output_format or "png", asked.output_compression
    if form == "png" and compression not in (None, _FULL):
        raise InvalidInput("png loses nothing, so that it is not compressed further; ask for webp or jpeg.",
                           field="output_compression")  # fmt: skip
    if form == "jpeg" and asked.background == "transparent":
        raise InvalidInput("jpeg holds nothing transparent; ask for png or webp.", field="background")
    if asked.quality not in (None, "auto") and asked.num_inference_steps is not None:
        raise InvalidInput("num_inference_steps says how much work it is; leave quality out, or that.", field="quality")
    if asked.partial_images and not asked.stream:
        raise InvalidInput("Partial images come in a stream; ask for stream too.", field="partial_images")


def in_words_of_all(wanted: Wanted, model: str | None) -> Asked:
    """`model` is what the client means by its name for it."""
    asked = wanted.options
    shared: dict[str, Any] = {
        "prompt": asked.prompt,
        "model": model or AUTO,
        "size": None if asked.size == "auto" else asked.size,
        "n": asked.n or 1,
        "steps": asked.num_inference_steps,
        "guidance_scale": asked.guidance_scale,
        "sampler": asked.sampler,
        "seed": asked.seed,
        "negative_prompt": asked.negative_prompt or "",
        "output_format": asked.output_format or "png",
        "loras": asked.loras or (),
    }
    if not wanted.pictures:
        return Generation(**shared)
    image, *extra = wanted.pictures
    strength = asked.strength if isinstance(asked, OpenAIEdit) else None
    handed: Any = {"image": image, "extra_images": tuple(extra), "mask": wanted.mask}
    return ImageToImage(**shared, **handed, strength=strength)


def of_its_ratio(wanted: Wanted, submission: Submission) -> Submission:
    """The same, as large as was said by a ratio and an area, or by one of them."""
    if wanted.ratio is None and wanted.megapixels is None:
        return submission
    ratio, megapixels = wanted.ratio or submission.ratio, wanted.megapixels or submission.megapixels
    return msgspec.structs.replace(submission, width=None, height=None, ratio=ratio, megapixels=megapixels)


def with_the_rest(asked: ImageOptions, wanted: Submission, offer: Offer) -> Submission:
    """What this API has fields for and others have not, as this model takes it. Raises InvalidInput."""
    compression = asked.output_compression if wanted.output_format != "png" else None
    work, choices = _work(asked, offer.card)
    priced = None if asked.quality in (None, "auto") else _PRICED.get(str(asked.quality), "hd")
    return msgspec.structs.replace(
        wanted,
        work=work,
        choices={**choices, **_chosen(asked, offer)},
        quality=priced or wanted.quality,
        shown={**wanted.shown, **({"quality": priced} if priced else {})},
        output_compression=compression,
        exact_format=asked.output_format is not None,
    )


@contextmanager
def in_client_words(wanted: Wanted) -> Iterator[None]:
    """What the domain refuses of the pictures, by the names that the client has for them."""
    try:
        yield
    except DarkroomError as error:
        error.field = _called(error.field, wanted.fields)
        raise


def _called(field: str, fields: Sequence[str]) -> str:
    """`extra_images[0].url` -> `image[1]`, or what the client calls that one."""
    name, _, rest = field.partition("[")
    if name.partition(".")[0] == "image":
        place = 0
    elif name == "extra_images" and rest[: rest.find("]")].isdecimal():
        place = int(rest[: rest.find("]")]) + 1
    else:
        return "image" if name == "extra_images" else field
    if place < len(fields):
        return fields[place]
    return "image" if place == 0 else f"image[{place}]"


def _work(asked: ImageOptions, card: ModelCard) -> tuple[float | None, dict[str, str]]:
    """`quality`: the word of the model's maker, else how many times its own steps."""
    word = asked.quality
    if word is None or word == "auto":
        return None, {}
    words = card.choices.get("quality", ())
    if words:
        return None, {"quality": _ALIKE.get(word, word) if word not in words and _ALIKE.get(word) in words else word}
    if card.steps is not None:
        return STEPS[word], {}
    return None, {} if word in _NO_STEPS else {"quality": word}


def _chosen(asked: ImageOptions, offer: Offer) -> dict[str, str]:
    """What is left here is for the card to allow or to refuse; left out is what every model does anyway."""
    offered = offer.card.choices
    chosen: dict[str, str] = {}
    if asked.background == "transparent" or (asked.background == "opaque" and "background" in offered):
        chosen["background"] = asked.background
    # Vivid is what DALL·E does unasked, and what its clients send whatever the model is.
    if asked.style == "natural" or (asked.style == "vivid" and "style" in offered):
        chosen["style"] = asked.style
    # What runs here is moderated by nobody; how strictly a cloud does it is for whoever has the account.
    if asked.moderation == "low" and not isinstance(offer.engine, LocalEngine):
        chosen["moderation"] = asked.moderation
    fidelity = asked.input_fidelity if isinstance(asked, OpenAIEdit) else None
    if fidelity == "high" or (fidelity == "low" and "input_fidelity" in offered):
        chosen["input_fidelity"] = fidelity
    return chosen
