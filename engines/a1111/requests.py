"""From our requests to the servers' bodies. Every field that has a default of its own is sent, none is ever null."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from engines.a1111 import cards, names
from engines.a1111.options import ModelOptions, Options
from engines.a1111.probing import API, Checkpoint, Facts
from engines.contract import ImageRequest, InvalidRequest, Lora, ModelCard, Picture, Pixels, Size
from engines.http import png

_ORIGINAL = 1
"""`inpainting_fill`: what is masked begins as what was there."""


class Job(Struct, frozen=True):
    """One call of a server."""

    path: str
    fields: dict[str, Any]
    """Without pictures, which `encoded` puts in."""
    pictures: tuple[Picture, ...]
    size: Size
    steps: int
    """Of which the server tells, in all passes; 0 where it tells of none."""
    task: str = ""
    checkpoint: Checkpoint | None = None
    sampler: names.Told | None = None


def check(request: ImageRequest, card: ModelCard) -> None:
    """Raises InvalidRequest for what the card cannot say."""
    if request.capability not in card.capabilities:
        raise InvalidRequest(f"The model does not do {request.capability}.", "capability")
    if request.references:
        raise InvalidRequest("The servers of this family look at no further pictures; hand it in as the source.", "references")
    if request.width % card.size_multiple or request.height % card.size_multiple:
        raise InvalidRequest(f"Both sides must be multiples of {card.size_multiple}.", "width")
    if any("<" in lora.name or ">" in lora.name or ":" in lora.name for lora in request.loras):
        raise InvalidRequest("The name of a LoRA holds none of < > and :.", "loras")
    if request.capability == "text_to_image":
        return
    if request.source is None:
        raise InvalidRequest(f"{request.capability} needs a picture to change.", "source")
    if request.capability == "inpaint" and request.mask is None:
        raise InvalidRequest("inpaint needs a mask: white where the picture shall be painted anew.", "mask")


def jobs(
    request: ImageRequest, source: str, model: ModelOptions, options: Options, facts: Facts, *, saving: bool
) -> Iterator[Job]:
    """The calls that make its pictures. Raises InvalidRequest and ModelUnusable before any of them is sent."""
    size = Size(request.width, request.height)
    if request.capability == "upscale":
        fields = _upscaling(cards.upscaler_of(source, facts), size)
        yield from (Job(f"{API}/extra-single-image", fields, (picture,), size, 0) for picture in request.pictures)
        return
    checkpoint = cards.checkpoint_of(source, facts)
    sampler = names.told(request.sampler, facts, model.schedule) if request.sampler else None
    fields = _fields(request, model, options, facts, checkpoint, sampler)
    passes = _hires(model, size, facts) if request.capability == "text_to_image" else {}
    steps = (request.steps or 0) * (2 if passes else 1)
    if passes and model.hires and model.hires.steps:
        steps = (request.steps or 0) + model.hires.steps
    path = f"{API}/txt2img" if request.capability == "text_to_image" else f"{API}/img2img"
    if request.capability != "text_to_image":
        passes = _changing(request, model)
    for pictures in _together(request.pictures, 1 if saving else model.batch_size):
        # The attempt makes it unique: a task of an attempt before may still be under way.
        task = f"task(darkroom-{request.id}-{request.attempt}-{pictures[0].ordinal})"
        mine = {"seed": -1 if pictures[0].seed is None else pictures[0].seed, "batch_size": len(pictures)}
        more = {**fields, **passes, **mine, "force_task_id": task}
        yield Job(path, more, pictures, size, steps, task, checkpoint, sampler)


def encoded(job: Job, source: Pixels | None, mask: Pixels | None) -> bytes:
    """The body. Blocks: in a thread."""
    fields = dict(job.fields)
    if job.path.endswith("/extra-single-image"):
        fields["image"] = _base64(source)
    elif job.path.endswith("/img2img"):
        fields["init_images"] = [_base64(source)]
        if mask is not None:
            fields["mask"] = _base64(mask)  # white is what is painted anew, as with us
    return msgspec.json.encode(fields)


def _fields(
    request: ImageRequest,
    model: ModelOptions,
    options: Options,
    facts: Facts,
    checkpoint: Checkpoint | None,
    sampler: names.Told | None,
) -> dict[str, Any]:
    prompt, loras = _with_loras(request.prompt, request.loras, facts)
    settings = dict(model.settings)
    if checkpoint is not None:
        settings["sd_model_checkpoint"] = checkpoint.title
    fields: dict[str, Any] = {
        "send_images": True,
        "save_images": False,
        "do_not_save_samples": True,
        "do_not_save_grid": True,
        **model.body,
        **loras,
        "prompt": prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "n_iter": 1,
        "override_settings": settings,
        "override_settings_restore_afterwards": options.restore_checkpoint,
    }
    if request.steps is not None:
        fields["steps"] = request.steps
    if request.guidance_scale is not None:
        fields |= {"cfg_scale": 1.0} if model.guidance == "distilled_cfg_scale" else {}
        fields[model.guidance] = request.guidance_scale
    if sampler is not None:
        fields["sampler_name"] = sampler.sampler
        fields |= {"scheduler": sampler.schedule} if sampler.schedule else {}
    return fields


def _with_loras(prompt: str, wanted: Sequence[Lora], facts: Facts) -> tuple[str, dict[str, Any]]:
    """Within the prompt, or as stable-diffusion.cpp's `lora`. Raises InvalidRequest: servers pass over unknown ones."""
    listed: list[dict[str, Any]] = []
    for lora in wanted:
        if facts.loras is None or lora.name not in facts.loras:
            there = ", ".join(list(facts.loras or {})[:8])
            raise InvalidRequest(f'The server has no LoRA "{lora.name}"; it has {there or "none"}.', "loras")
        if path := facts.loras[lora.name]:
            listed.append({"path": path, "multiplier": lora.weight})
        else:
            prompt += f"<lora:{lora.name}:{lora.weight:g}>"
    return prompt, {"lora": listed} if listed else {}


def _hires(model: ModelOptions, size: Size, facts: Facts) -> dict[str, Any]:
    """Where the picture is larger than the model's own: a first pass that is smaller, and a second of the size asked for."""
    if model.hires is None or size.width * size.height <= model.hires.megapixels * 2**20:
        return {}
    step, least = cards.MULTIPLE, 64
    return {
        "enable_hr": True,
        "width": max(least, int(size.width / model.hires.scale) // step * step),
        "height": max(least, int(size.height / model.hires.scale) // step * step),
        "hr_resize_x": size.width,
        "hr_resize_y": size.height,
        "hr_upscaler": cards.hires_upscaler(model.hires.upscaler, facts),
        "hr_second_pass_steps": model.hires.steps,
        "denoising_strength": model.hires.strength,
    }


def _changing(request: ImageRequest, model: ModelOptions) -> dict[str, Any]:
    fields: dict[str, Any] = {"resize_mode": 0, "include_init_images": False}
    if request.strength is not None:
        fields["denoising_strength"] = request.strength
    if request.capability == "inpaint":
        fields |= {
            "mask_blur": model.mask_blur,
            "inpainting_fill": _ORIGINAL,
            "inpaint_full_res": model.only_masked,
            "inpaint_full_res_padding": model.padding,
            "inpainting_mask_invert": 0,
        }
    return fields


def _upscaling(upscaler: str, size: Size) -> dict[str, Any]:
    return {
        "resize_mode": 1,
        "upscaling_resize_w": size.width,
        "upscaling_resize_h": size.height,
        "upscaling_crop": True,
        "upscaler_1": upscaler,
        "show_extras_results": True,
    }


def _together(pictures: Sequence[Picture], most: int) -> Iterator[tuple[Picture, ...]]:
    """Those whose seeds follow each other, as a server counts them within one call."""
    some: list[Picture] = []
    for picture in pictures:
        follows = some and some[-1].seed is not None and picture.seed == some[-1].seed + 1
        if some and (len(some) >= most or not follows):
            yield tuple(some)
            some = []
        some.append(picture)
    if some:
        yield tuple(some)


def _base64(pixels: Pixels | None) -> str:
    if pixels is None:
        raise InvalidRequest("A picture to change is missing.", "source")
    return base64.b64encode(png(pixels)).decode("ascii")
