"""What a Tasks request means, in the domain's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from engines.contract import Capability, Lora, ModelCard, Size
from gateway import cards
from gateway.api.tasks.asked import Asked, ImageToImage, Quality
from gateway.catalog import ModelEntry
from gateway.errors import InvalidInput
from gateway.jobs.request import Idempotency, InputPicture, Submission
from gateway.wallet.tariffs import graded

STANDARD_MEGAPIXELS = 1.0
LONGEST = 8.0
"""How many times longer than wide a result may be that takes its ratio from a source."""
_HERE = {"source": "image", "references": "extra_images", "capability": "model"}
"""The domain's word for a field -> the one that this surface has for it."""


class Pictures(Struct, frozen=True):
    """What was handed in, as it is kept."""

    given: Sequence[InputPicture] = ()
    mask: InputPicture | None = None


def capability(asked: Asked) -> Capability:
    """A mask makes an inpainting of what would be image_to_image."""
    if not isinstance(asked, ImageToImage):
        return "text_to_image"
    return "image_to_image" if asked.mask is None else "inpaint"


def check_alone(asked: Asked) -> None:
    """What can be said without a model. Raises InvalidInput for fields that exclude each other."""
    if asked.size is not None:
        for field in ("quality", "aspect_ratio"):
            if getattr(asked, field) is not None:
                raise InvalidInput(f"size says it all; leave {field} out, or size.", field=field)
    elif asked.quality == "hd" and asked.aspect_ratio in (None, "auto"):
        raise InvalidInput("hd needs an aspect_ratio, such as 1:1; auto goes with standard only.", field="aspect_ratio")


def check_card(
    asked: Asked, entry: ModelEntry, card: ModelCard, more: Callable[[Submission], Submission] = lambda wanted: wanted
) -> None:
    """What the model cannot do, seen before any picture is fetched; `more` is what a surface asks for besides.

    Raises InvalidInput in this surface's words.
    """
    given = [InputPicture(blob="", width=1, height=1)] * (len(asked.pictures) if isinstance(asked, ImageToImage) else 0)
    pictures = Pictures(given, given[0] if isinstance(asked, ImageToImage) and asked.mask else None)
    with in_our_words():
        cards.check(more(submission(asked, pictures, entry, card, bulk=False)), card, entry.id)


def submission(
    asked: Asked,
    pictures: Pictures,
    entry: ModelEntry,
    card: ModelCard,
    *,
    bulk: bool,
    idempotency: Idempotency | None = None,
) -> Submission:
    """`pictures` are those that the request names."""
    wanted = capability(asked)
    source, references = cards.arrange(pictures.given, wanted, card)
    width, height = _made(asked, pictures, entry, card)
    return Submission(
        surface="tasks",
        capability=wanted,
        prompt=asked.prompt,
        model=asked.model,
        negative_prompt=asked.negative_prompt,
        width=width,
        height=height,
        ratio=_ratio(asked, pictures),
        megapixels=_megapixels(asked, entry),
        quality=_quality(asked, entry),
        n=asked.n,
        steps=asked.steps,
        guidance_scale=asked.guidance_scale,
        sampler=asked.sampler,
        strength=asked.strength if isinstance(asked, ImageToImage) else None,
        seed=asked.seed,
        source=source,
        mask=pictures.mask,
        references=references,
        loras=tuple(Lora(each.name, each.weight) for each in asked.loras),
        output_format=asked.output_format,
        bulk=bulk,
        webhook=asked.webhook.url if asked.webhook else None,
        idempotency=idempotency,
        shown={"quality": _quality(asked, entry), "aspect_ratio": asked.aspect_ratio or "auto"},
    )


@contextmanager
def in_our_words() -> Iterator[None]:
    """What the domain refuses, by the names that the fields have here."""
    try:
        yield
    except InvalidInput as error:
        error.field = _HERE.get(error.field, error.field)
        raise


def _sides(asked: Asked) -> tuple[int | None, int | None]:
    if asked.size is None:
        return None, None
    width, _, height = asked.size.partition("x")
    return int(width), int(height)


def _made(asked: Asked, pictures: Pictures, entry: ModelEntry, card: ModelCard) -> tuple[int | None, int | None]:
    """Without an upscaler a source's ratio is met as nearly as the model can; one that is asked for is met or refused."""
    if asked.size is not None or asked.aspect_ratio not in (None, "auto") or not pictures.given or entry.upscaler:
        return _sides(asked)
    nearest = cards.nearest_size(_ratio(asked, pictures) or 1.0, _megapixels(asked, entry), card)
    return nearest.width, nearest.height


def _ratio(asked: Asked, pictures: Pictures) -> float | None:
    """None: the model's own."""
    if asked.aspect_ratio not in (None, "auto"):
        width, _, height = str(asked.aspect_ratio).partition(":")
        return int(width) / int(height)
    if asked.size is not None or not pictures.given:
        return None
    first = pictures.given[0]
    return min(max(first.width / first.height, 1 / LONGEST), LONGEST)


def _megapixels(asked: Asked, entry: ModelEntry) -> float | None:
    """None where a size is given, and where nothing is said about it by anyone: then it is the model's own."""
    if asked.size is not None:
        return None
    if asked.quality == "hd":
        return entry.megapixels.hd
    said = asked.quality is not None or asked.aspect_ratio not in (None, "auto")
    return entry.megapixels.standard or (STANDARD_MEGAPIXELS if said else None)


def _quality(asked: Asked, entry: ModelEntry) -> Quality:
    """Of a size the quality that comes nearest to it."""
    width, height = _sides(asked)
    if width is None or height is None:
        return asked.quality or "standard"
    return graded(entry, Size(width, height), None, None)[0]
