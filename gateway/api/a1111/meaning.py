"""What a request on the A1111 surface means, in the domain's words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from engines import infotext, samplers
from engines.contract import Capability, ModelCard, Size
from gateway import cards
from gateway.api.a1111 import accepted
from gateway.api.a1111.asked import Img2Img, Processing, Txt2Img
from gateway.api.a1111.following import SURFACE, TASK
from gateway.api.a1111.preparing import CUT, Plan
from gateway.api.a1111.prompts import Words
from gateway.api.a1111.settings import FORMAT, FORMATS, MODEL, QUALITY
from gateway.api.gallery.inspecting import matched
from gateway.catalog import AUTO, Catalog, ModelEntry
from gateway.errors import InvalidInput
from gateway.images.reading import a1111
from gateway.jobs.request import Hires, Idempotency, InputPicture, Submission
from gateway.models import Offer

USUAL_SIDE = 512
"""A1111's default: of the one side that is left out where the other is given."""
LONGEST = 8.0
"""How many times longer than wide a result may be that takes its ratio from a picture."""
_PLAIN = frozenset({"", "automatic", "none", "normal", "simple", "uniform", "discrete"})
"""Schedule types that spread nothing otherwise than the model does."""


class Pictures(Struct, frozen=True):
    """What was handed in, as it is kept; blank and of one pixel before that."""

    source: InputPicture | None = None
    mask: InputPicture | None = None


def capability(asked: Processing) -> Capability:
    if not isinstance(asked, Img2Img):
        return "text_to_image"
    return "inpaint" if asked.mask else "image_to_image"


def check_alone(asked: Processing) -> None:
    """What can be said without a model. Raises InvalidInput."""
    accepted.refuse(asked, accepted.PROCESSING)
    if asked.distilled_cfg_scale not in (None, 3.5) and asked.cfg_scale not in (None, 1):
        raise InvalidInput("A model has one guidance: give cfg_scale, or distilled_cfg_scale.", field="distilled_cfg_scale")
    if isinstance(asked, Img2Img):
        accepted.refuse(asked, accepted.CHANGING)
        if asked.mask:
            accepted.refuse(asked, accepted.MASKED)


def with_infotext(asked: Processing) -> Processing:
    """With what its `infotext` says where it says nothing itself; the model is another's business."""
    if not asked.infotext:
        return asked
    said, fields = infotext.parse(asked.infotext), a1111.read(asked.infotext)
    given: dict[str, Any] = {
        "prompt": said.prompt,
        "negative_prompt": said.negative_prompt,
        "steps": fields.steps,
        "cfg_scale": fields.guidance_scale,
        "sampler_name": fields.sampler,
        "seed": fields.seed,
        "denoising_strength": fields.strength,
    }
    if asked.width is None and asked.height is None:
        given |= {"width": fields.width, "height": fields.height}
    left_out = {name: value for name, value in given.items() if value is not None and getattr(asked, name) in (None, "", -1)}
    return msgspec.structs.replace(asked, **left_out)


def model_of(
    asked: Processing, chosen: Mapping[str, Any], catalog: Catalog, seen: Iterable[ModelEntry]
) -> tuple[str | None, str]:
    """The model that is wanted, as `routing.choose` takes it, and the field that says so; None leaves it to us."""
    override = (asked.override_settings or {}).get(MODEL)
    said, field = (asked.model, "model") if asked.model else (override or chosen.get(MODEL), MODEL)
    if not said and asked.infotext:
        return matched(a1111.read(asked.infotext).model.name, seen), "infotext"
    return (model_called(str(said), catalog, seen) if said else None), f"override_settings.{MODEL}" if override else field


def model_called(name: str, catalog: Catalog, seen: Iterable[ModelEntry]) -> str:
    """By id, alias, title or file, with or without a hash behind it ("shapes [0123abcd]"); as it is where none is called so."""
    if name == AUTO or name in catalog.models or name in catalog.aliases:
        return name
    plain = name.rpartition(" [")[0] if name.endswith("]") else name
    return matched(plain, seen) or plain or name


def without_what_it_lacks(asked: Processing, card: ModelCard) -> tuple[Processing, tuple[str, ...]]:
    """Front ends of this family always send steps, a guidance and a sampler. Of a model that knows no such thing they
    change nothing, so they are left out; and told."""
    lacks = {
        "steps": card.steps is None,
        "cfg_scale": card.guidance_scale is None,
        "distilled_cfg_scale": card.guidance_scale is None,
        "sampler_name": not card.samplers,
        "sampler_index": not card.samplers,
        "scheduler": not card.samplers,
        "denoising_strength": card.strength is None and isinstance(asked, Img2Img),
    }
    left_out = tuple(name for name, lacking in lacks.items() if lacking and getattr(asked, name, None) is not None)
    return msgspec.structs.replace(asked, **dict.fromkeys(left_out)), left_out


def submission(
    asked: Processing,
    words: Words,
    pictures: Pictures,
    offer: Offer,
    settings: Mapping[str, Any],
    *,
    model: str | None,
    bulk: bool,
    idempotency: Idempotency | None = None,
) -> Submission:
    """`settings` are the options of this call."""
    what, card = capability(asked), offer.card
    form = FORMATS[settings.get(FORMAT) or "png"]
    source, references = cards.arrange([pictures.source] if pictures.source else [], what, card)
    width, height, ratio = _size(asked, pictures.source, offer)
    return Submission(
        surface=SURFACE,
        capability=what,
        prompt=words.prompt,
        model=model,
        negative_prompt=words.negative_prompt,
        width=width,
        height=height,
        ratio=ratio,
        n=(asked.batch_size or 1) * (asked.n_iter or 1),
        steps=asked.steps,
        guidance_scale=_guidance(asked),
        sampler=sampler_of(asked, card),
        strength=asked.denoising_strength if isinstance(asked, Img2Img) else None,
        seed=None if asked.seed in (None, -1) else asked.seed,
        source=source,
        mask=pictures.mask,
        references=references,
        loras=words.loras,
        hires=_hires(asked) if isinstance(asked, Txt2Img) and asked.enable_hr else None,
        output_format=form,
        output_compression=None if form == "png" else settings.get(QUALITY),
        exact_format=FORMAT in settings,
        bulk=bulk,
        idempotency=idempotency,
        preset=words.used,
        user_prompt=(asked.prompt or "") if words.used else None,
        shown={TASK: asked.force_task_id} if asked.force_task_id else {},
    )


def plan(asked: Img2Img, source: InputPicture) -> Plan:
    """What is done to the picture and its mask before a model sees them."""
    masked, width, height = bool(asked.mask), asked.width, asked.height
    keeps = (width is None and height is None) or (masked and asked.inpaint_full_res is not False)
    both = asked.mask_blur
    across, down = (asked.mask_blur_x, asked.mask_blur_y) if both is None else (both, both)
    if masked and not all(0 <= (each or 0) <= 1024 for each in (across, down)):
        raise InvalidInput("A mask is softened by 0 to 1024 pixels.", field="mask_blur")
    return Plan(
        size=None if keeps else Size(width or USUAL_SIDE, height or USUAL_SIDE),
        mode=CUT if asked.resize_mode is None else asked.resize_mode,
        invert=masked and asked.inpainting_mask_invert == 1,
        blur=(across or 0, down or 0) if masked else (0, 0),
        fill=masked and not asked.inpainting_fill,
    )


def sampler_of(asked: Processing, card: ModelCard) -> str | None:
    """By our name, with its schedule. Raises InvalidInput for a schedule that the sampler is not run with."""
    name, schedule = asked.sampler_name or asked.sampler_index, (asked.scheduler or "").strip()
    plain = schedule.lower() in _PLAIN
    if not name and not plain and card.samplers:
        name = samplers.split(card.samplers[0])[0]
    known = samplers.resolve(name) if name else None
    if not name or known is None or plain:
        return name or None
    alone, own = samplers.split(known)
    spread = known if own and own.lower() == schedule.lower() else samplers.resolve(alone, schedule) if own is None else None
    if spread is None:
        there = ", ".join(("Automatic", *samplers.SCHEDULES))
        raise InvalidInput(
            f'The sampler "{name}" is not run with the schedule type "{schedule}"; there are {there}.', field="scheduler"
        )
    return spread


def _guidance(asked: Processing) -> float | None:
    """Forge runs distilled models at a cfg_scale of 1: their guidance is the other number."""
    if asked.distilled_cfg_scale is not None and asked.cfg_scale in (None, 1):
        return asked.distilled_cfg_scale
    return asked.cfg_scale


def _size(asked: Processing, source: InputPicture | None, offer: Offer) -> tuple[int | None, int | None, float | None]:
    """Width, height; or a ratio, where the picture that was handed in gives it."""
    if isinstance(asked, Img2Img) and source is not None:
        if asked.mask and asked.inpaint_full_res is not False:
            return source.width, source.height, None
        if asked.width is None and asked.height is None:
            ratio = min(max(source.width / source.height, 1 / LONGEST), LONGEST)
            if offer.entry.upscaler:
                return None, None, ratio
            nearest = cards.nearest_size(ratio, None, offer.card)
            return nearest.width, nearest.height, None
    if asked.width is None and asked.height is None:
        return None, None, None
    return (
        USUAL_SIDE if asked.width is None else asked.width,
        USUAL_SIDE if asked.height is None else asked.height,
        None,
    )


def _hires(asked: Txt2Img) -> Hires:
    return Hires(
        scale=asked.hr_scale,
        width=asked.hr_resize_x or None,
        height=asked.hr_resize_y or None,
        upscaler=asked.hr_upscaler,
        steps=asked.hr_second_pass_steps or None,
        strength=asked.denoising_strength,
        model=asked.hr_checkpoint_name,
        sampler=asked.hr_sampler_name,
        prompt=asked.hr_prompt or "",
        negative_prompt=asked.hr_negative_prompt or "",
        guidance_scale=asked.hr_cfg,
    )
