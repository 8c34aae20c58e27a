"""Black Forest Labs' models. Guidance of FLUX.1 and FLUX.2-dev is an input of the network; there is no negative prompt."""

from __future__ import annotations

from engines.contract import Span
from engines.diffusers.families.family import Family, Guidance
from engines.diffusers.families.shapes import (
    LEVELS,
    MEGAPIXEL,
    NOISE,
    STRENGTH,
    changed,
    edited,
    embedded,
    looking,
    made,
    repainted,
    usual,
)

FLUX = Family(
    title="FLUX.1",
    modes={
        "text_to_image": made("FluxPipeline"),
        "image_to_image": changed("FluxImg2ImgPipeline"),
        "inpaint": repainted("FluxInpaintPipeline"),
    },
    steps=Span(1, 100, 28),
    guidance=embedded(3.5),
    strength=STRENGTH,
    samplers=NOISE,
    native=MEGAPIXEL,
    max_batch=2,
    latents="packed",
)
FLUX_FILL = Family(
    title="FLUX.1 Fill",
    modes={"inpaint": repainted("FluxFillPipeline")},
    steps=Span(1, 100, 50),
    guidance=embedded(30.0),
    strength=Span(0.01, 1.0, 1.0),
    samplers=NOISE,
    native=MEGAPIXEL,
    latents="packed",
)
KONTEXT = Family(
    title="FLUX.1 Kontext",
    modes={
        "image_to_image": edited("FluxKontextPipeline", area="max_area"),
        "text_to_image": made("FluxKontextPipeline", area="max_area"),
        "inpaint": repainted(
            "FluxKontextInpaintPipeline", area="max_area", strength=False, call={"strength": 1.0, "_auto_resize": False}
        ),
    },
    steps=Span(1, 100, 28),
    guidance=embedded(3.5),
    samplers=NOISE,
    native=MEGAPIXEL,
    latents="packed",
)
KLEIN = Family(
    title="FLUX.2 klein",
    modes={
        "text_to_image": looking("Flux2KleinPipeline"),
        "image_to_image": edited("Flux2KleinPipeline", references=True),
        "inpaint": repainted("Flux2KleinInpaintPipeline", strength=False, call={"strength": 1.0}),
    },
    steps=Span(1, 100, 50),
    distilled_steps=4,
    guidance=usual(4.0),
    samplers=NOISE,
    native=MEGAPIXEL,
    references=4,
)
KLEIN_KV = Family(
    title="FLUX.2 klein KV",
    modes={
        "text_to_image": looking("Flux2KleinKVPipeline"),
        "image_to_image": edited("Flux2KleinKVPipeline", references=True),
    },
    steps=Span(1, 50, 4),
    samplers=NOISE,
    native=MEGAPIXEL,
    references=4,
)
FLUX2 = Family(
    title="FLUX.2",
    modes={"text_to_image": looking("Flux2Pipeline"), "image_to_image": edited("Flux2Pipeline", references=True)},
    steps=Span(1, 100, 50),
    guidance=embedded(4.0),
    samplers=LEVELS,
    native=MEGAPIXEL,
    references=6,
)
FLUX3 = Family(
    title="FLUX.3",
    modes={"text_to_image": looking("Flux3ModularPipeline"), "image_to_image": edited("Flux3ModularPipeline", references=True)},
    steps=Span(1, 100, 50),
    guidance=Guidance(argument="guider", kind="guider", span=Span(1.0, 20.0, 4.0)),
    negative_prompt=True,
    native=MEGAPIXEL,
    references=10,
    modular=True,
)
FLUX3_DISTILLED = Family(
    title="FLUX.3, distilled",
    modes={
        "text_to_image": looking("Flux3DistilledModularPipeline"),
        "image_to_image": edited("Flux3DistilledModularPipeline", references=True),
    },
    steps=Span(1, 50, 16),
    native=MEGAPIXEL,
    references=10,
    modular=True,
)
