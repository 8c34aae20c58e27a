"""How this surface answers: pictures in base64, with the `info` and `parameters` that A1111 puts beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from engines import samplers
from engines.contract import Size
from gateway import __version__
from gateway.api.a1111.asked import Img2Img, Processing
from gateway.api.a1111.prompts import with_networks
from gateway.api.answers import in_base64
from gateway.images.records import Image
from gateway.jobs.records import Job
from gateway.storage.metadata import Description, parameters_text

_PICTURES = ("init_images", "mask")


class Generated(Struct, frozen=True, kw_only=True):
    """Pictures, and how they were made."""

    images: tuple[str, ...]
    """In base64, as PNG unless the option samples_format says otherwise; after an interrupt those that were done."""
    parameters: dict[str, Any]
    """The request's fields, with what was taken for those that it left out."""
    info: str
    """A JSON object: all_seeds, infotexts, sd_model_name and so on; job_id is the task's (/v1/tasks/{job_id})."""


class Enlarged(Struct, frozen=True, kw_only=True):
    html_info: str
    """How large it was, and became."""
    image: str
    """In base64."""


class EnlargedAll(Struct, frozen=True, kw_only=True):
    html_info: str
    images: tuple[str, ...]
    """In base64, in the order in which they were sent."""


class PngInfoAnswer(Struct, frozen=True, kw_only=True):
    """What a picture's file says."""

    info: str
    """A1111's infotext; empty where there is none."""
    items: dict[str, Any]
    """All texts within the file."""
    parameters: dict[str, Any]
    """The infotext's fields."""


def generated(job: Job, images: Sequence[Image], data: Sequence[bytes], asked: Processing) -> Generated:
    """Blocks over megabytes: use a thread."""
    return Generated(
        images=tuple(map(in_base64, data)) if asked.send_images is not False else (),
        parameters=_parameters(job, asked),
        info=msgspec.json.encode(_info(job, images, asked)).decode(),
    )


def infotext(job: Job, image: Image) -> str:
    """The same text that the picture's file has."""
    kept = job.request
    about = Description(
        capability=job.does,
        model=job.model,
        engine=job.engine,
        prompt=kept.prompt,
        negative_prompt=kept.negative_prompt,
        steps=kept.steps,
        guidance_scale=kept.guidance_scale,
        sampler=kept.sampler,
        strength=kept.strength,
        seed=image.seed,
        loras=kept.loras,
        made=kept.make,
        upscaler=kept.upscaler,
    )
    return parameters_text(about, Size(image.width, image.height))


def timestamp(job: Job) -> str:
    """As A1111 writes it: 20261121093000."""
    return datetime.fromtimestamp(job.created_at / 1e6, UTC).strftime("%Y%m%d%H%M%S")


def _sampler(job: Job, asked: Processing) -> tuple[str | None, dict[str, str]]:
    """By its whole name, or apart from its schedule to those who asked so."""
    name = job.request.sampler
    if name is None or not asked.scheduler:
        return name, {}
    plain, schedule = samplers.split(name)
    return plain, {"Schedule type": schedule or "Automatic"}


def _info(job: Job, images: Sequence[Image], asked: Processing) -> dict[str, Any]:
    kept, count = job.request, len(images)
    prompt = with_networks(kept.prompt, kept.loras)
    seeds = [image.seed for image in images]
    sampler, more = _sampler(job, asked)
    size = Size(images[0].width, images[0].height) if images else kept.size
    return {
        "prompt": prompt,
        "all_prompts": [prompt] * count,
        "negative_prompt": kept.negative_prompt,
        "all_negative_prompts": [kept.negative_prompt] * count,
        "seed": seeds[0] if seeds else kept.seed,
        "all_seeds": seeds,
        "subseed": -1,
        "all_subseeds": [-1] * count,
        "subseed_strength": 0,
        "width": size.width,
        "height": size.height,
        "sampler_name": sampler,
        "cfg_scale": kept.guidance_scale,
        "steps": kept.steps,
        "batch_size": asked.batch_size or 1,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": job.model,
        "sd_model_hash": None,
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": kept.strength,
        "extra_generation_params": more,
        "index_of_first_image": 0,
        "infotexts": [infotext(job, image) for image in images],
        "styles": list(asked.styles or ()),
        "job_timestamp": timestamp(job),
        "clip_skip": 1,
        "is_using_inpainting_conditioning": False,
        "version": f"Darkroom {__version__}",
        "job_id": job.id,
    }


def _parameters(job: Job, asked: Processing) -> dict[str, Any]:
    kept = job.request
    told: dict[str, Any] = msgspec.to_builtins(asked)
    if not (isinstance(asked, Img2Img) and asked.include_init_images):
        told.update({name: None for name in _PICTURES if name in told})
    taken = {
        "steps": kept.steps,
        "cfg_scale": kept.guidance_scale,
        "sampler_name": kept.sampler,
        "width": kept.size.width,
        "height": kept.size.height,
    }
    return {**told, **{name: value for name, value in taken.items() if told[name] is None}}
