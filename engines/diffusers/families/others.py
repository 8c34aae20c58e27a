"""Qwen, Z-Image, Krea, ERNIE, Ideogram, GLM, Chroma, LongCat, HunyuanImage, Anima."""

from __future__ import annotations

from engines.contract import Size, Span
from engines.diffusers.families.family import Family, Guidance
from engines.diffusers.families.shapes import (
    LEVELS,
    MEGAPIXEL,
    NOISE,
    QWEN,
    STRENGTH,
    changed,
    edited,
    looking,
    made,
    repainted,
    true_cfg,
    usual,
)

Z_IMAGE = Family(
    title="Z-Image",
    modes={
        "text_to_image": made("ZImagePipeline"),
        "image_to_image": changed("ZImageImg2ImgPipeline"),
        "inpaint": repainted("ZImageInpaintPipeline"),
    },
    steps=Span(1, 100, 50),
    guidance=Guidance(span=Span(0.0, 20.0, 4.0), off=0.0),
    negative_prompt=True,
    strength=STRENGTH,
    samplers=NOISE,
    native=MEGAPIXEL,
    latents="plain",
)
QWEN_IMAGE = Family(
    title="Qwen-Image",
    modes={
        "text_to_image": made("QwenImagePipeline"),
        "image_to_image": changed("QwenImageImg2ImgPipeline"),
        "inpaint": repainted("QwenImageInpaintPipeline"),
    },
    steps=Span(1, 100, 50),
    guidance=true_cfg(4.0),
    negative_prompt=True,
    strength=STRENGTH,
    samplers=NOISE,
    native=QWEN,
    latents="packed",
)
QWEN_EDIT = Family(
    title="Qwen-Image-Edit",
    modes={
        "image_to_image": edited("QwenImageEditPipeline"),
        "inpaint": repainted("QwenImageEditInpaintPipeline", strength=False, call={"strength": 1.0}),
    },
    steps=Span(1, 100, 50),
    guidance=true_cfg(4.0),
    negative_prompt=True,
    samplers=NOISE,
    native=MEGAPIXEL,
    latents="packed",
)
QWEN_EDIT_PLUS = Family(
    title="Qwen-Image-Edit Plus",
    modes={"image_to_image": edited("QwenImageEditPlusPipeline", references=True)},
    steps=Span(1, 100, 40),
    guidance=true_cfg(4.0),
    negative_prompt=True,
    samplers=LEVELS,
    native=MEGAPIXEL,
    references=2,  # its makers train with up to three pictures, the source included
    latents="packed",
)
QWEN_21 = Family(
    title="Qwen-Image-2.1",
    modes={"text_to_image": looking("QwenImage21Pipeline"), "image_to_image": edited("QwenImage21Pipeline", references=True)},
    steps=Span(1, 100, 40),
    guidance=true_cfg(1.0),
    negative_prompt=True,
    samplers=NOISE,
    multiple=32,
    native=MEGAPIXEL,
    references=10,
)
KREA2 = Family(
    title="Krea 2",
    modes={"text_to_image": made("Krea2Pipeline")},
    steps=Span(1, 100, 28),
    distilled_steps=8,
    guidance=Guidance(span=Span(0.0, 20.0, 4.5), off=0.0),
    negative_prompt=True,
    samplers=NOISE,
    native=MEGAPIXEL,
    smallest=Size(512, 512),
    latents="packed",
)
ERNIE = Family(
    title="ERNIE-Image",
    modes={"text_to_image": made("ErnieImagePipeline")},
    steps=Span(1, 100, 50),
    guidance=usual(4.0),
    negative_prompt=True,
    samplers=NOISE,
    native=MEGAPIXEL,
    call={"use_pe": False},  # its rewriter draws words by chance, so that a seed would not make the picture again
)
IDEOGRAM = Family(
    title="Ideogram 4",
    modes={"text_to_image": made("Ideogram4Pipeline")},
    steps=Span(4, 100, 48),
    guidance=Guidance(argument="guidance_schedule", kind="schedule", span=Span(1.0, 20.0, 7.0)),
    native=(Size(2048, 2048), *MEGAPIXEL),
    smallest=Size(512, 512),
)
GLM = Family(
    title="GLM-Image",
    modes={"text_to_image": made("GlmImagePipeline"), "image_to_image": edited("GlmImagePipeline", references=True)},
    steps=Span(1, 100, 50),
    guidance=usual(1.5),
    multiple=32,
    native=MEGAPIXEL,
    smallest=Size(512, 512),
    references=3,
)
CHROMA = Family(
    title="Chroma",
    modes={
        "text_to_image": made("ChromaPipeline"),
        "image_to_image": changed("ChromaImg2ImgPipeline"),
        "inpaint": repainted("ChromaInpaintPipeline"),
    },
    steps=Span(1, 100, 35),
    guidance=usual(5.0),
    negative_prompt=True,
    strength=STRENGTH,
    samplers=NOISE,
    native=MEGAPIXEL,
    latents="packed",
)
LONGCAT = Family(
    title="LongCat-Image",
    modes={"text_to_image": made("LongCatImagePipeline")},
    steps=Span(1, 100, 50),
    guidance=usual(4.5),
    negative_prompt=True,
    samplers=NOISE,
    native=MEGAPIXEL,
    latents="packed",
    call={"enable_prompt_rewrite": False},  # as with ERNIE's rewriter
)
LONGCAT_EDIT = Family(
    title="LongCat-Image-Edit",
    modes={"image_to_image": edited("LongCatImageEditPipeline")},
    steps=Span(1, 100, 50),
    guidance=usual(4.5),
    negative_prompt=True,
    samplers=NOISE,
    native=MEGAPIXEL,
    latents="packed",
)
HUNYUAN = Family(
    title="HunyuanImage",
    modes={"text_to_image": made("HunyuanImagePipeline")},
    steps=Span(1, 100, 50),
    guidance=Guidance(argument="guider", kind="guider", span=Span(1.0, 20.0, 3.5)),
    negative_prompt=True,
    samplers=NOISE,
    multiple=32,
    native=(Size(2048, 2048), *MEGAPIXEL),
)
ANIMA = Family(
    title="Anima",
    modes={
        "text_to_image": made("AnimaModularPipeline"),
        "image_to_image": changed("AnimaModularPipeline"),
    },
    steps=Span(1, 100, 50),
    guidance=Guidance(argument="guider", kind="guider", span=Span(1.0, 20.0, 4.0)),
    negative_prompt=True,
    strength=STRENGTH,
    native=MEGAPIXEL,
    modular=True,
)
