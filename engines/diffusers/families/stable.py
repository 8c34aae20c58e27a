"""The Stable Diffusion line: 1, 2, XL, 3, and what was distilled from them."""

from __future__ import annotations

from engines.contract import Size, Span
from engines.diffusers.families.family import Family, Guidance
from engines.diffusers.families.shapes import MEGAPIXEL, NOISE, STRENGTH, changed, embedded, made, repainted, usual
from engines.samplers import DIFFUSION_NAMES

SD = Family(
    title="Stable Diffusion 1 and 2",
    modes={
        "text_to_image": made("StableDiffusionPipeline"),
        "image_to_image": changed("StableDiffusionImg2ImgPipeline"),
        "inpaint": repainted("StableDiffusionInpaintPipeline"),
    },
    steps=Span(1, 150, 25),
    guidance=usual(7.5, 30.0),
    negative_prompt=True,
    strength=STRENGTH,
    samplers=DIFFUSION_NAMES,
    flow=False,
    multiple=8,
    smallest=Size(8, 8),
    max_batch=8,
    half="float16",
    latents="plain",
)
SD_INPAINT = Family(
    title="Stable Diffusion 1 and 2, inpainting weights",
    modes={"inpaint": repainted("StableDiffusionInpaintPipeline")},
    steps=Span(1, 150, 25),
    guidance=usual(7.5, 30.0),
    negative_prompt=True,
    strength=Span(0.01, 1.0, 1.0),
    samplers=DIFFUSION_NAMES,
    flow=False,
    multiple=8,
    smallest=Size(8, 8),
    max_batch=8,
    half="float16",
    latents="plain",
)
SDXL = Family(
    title="Stable Diffusion XL",
    modes={
        "text_to_image": made("StableDiffusionXLPipeline"),
        "image_to_image": changed("StableDiffusionXLImg2ImgPipeline"),
        "inpaint": repainted("StableDiffusionXLInpaintPipeline"),
    },
    steps=Span(1, 150, 30),
    guidance=Guidance(span=Span(0.0, 30.0, 6.0)),
    negative_prompt=True,
    strength=STRENGTH,
    samplers=DIFFUSION_NAMES,
    flow=False,
    multiple=8,
    native=MEGAPIXEL,
    smallest=Size(512, 512),
    max_batch=4,
    half="float16",
    latents="plain",
)
SDXL_INPAINT = Family(
    title="Stable Diffusion XL, inpainting weights",
    modes={"inpaint": repainted("StableDiffusionXLInpaintPipeline")},
    steps=Span(1, 150, 30),
    guidance=usual(7.5, 30.0),
    negative_prompt=True,
    strength=Span(0.01, 0.999, 0.99),  # at 1 its pipeline forgets the picture, and its makers say to stay below
    samplers=DIFFUSION_NAMES,
    flow=False,
    multiple=8,
    native=MEGAPIXEL,
    smallest=Size(512, 512),
    max_batch=4,
    half="float16",
    latents="plain",
)
LCM = Family(
    title="Latent Consistency Model",
    modes={
        "text_to_image": made("LatentConsistencyModelPipeline"),
        "image_to_image": changed("LatentConsistencyModelImg2ImgPipeline"),
    },
    steps=Span(1, 50, 4),
    guidance=embedded(8.5),
    strength=STRENGTH,
    samplers=("LCM",),
    flow=False,
    multiple=8,
    smallest=Size(8, 8),
    max_batch=8,
    half="float16",
    latents="plain",
)
SD3 = Family(
    title="Stable Diffusion 3",
    modes={
        "text_to_image": made("StableDiffusion3Pipeline"),
        "image_to_image": changed("StableDiffusion3Img2ImgPipeline"),
        "inpaint": repainted("StableDiffusion3InpaintPipeline"),
    },
    steps=Span(1, 100, 28),
    guidance=Guidance(span=Span(0.0, 20.0, 7.0)),
    negative_prompt=True,
    strength=STRENGTH,
    samplers=(*NOISE, "Heun"),
    native=MEGAPIXEL,
    max_batch=2,
    latents="plain",
)
