"""The families: pipeline class as model_index.json names it -> how it is called.

Steps and guidance are those of the makers' model pages, not of diffusers' signatures, which mislead (a distilled model
still says 50 steps); classes and arguments are read from diffusers 0.42.1, and a test holds them against the installed
one. Not here: Qwen-Image-Layered (it makes several pictures where one was asked for, which the contract cannot say), and
those that nobody should start with: HiDream-I1, Kolors, Kandinsky, Sana, Lumina, PRX.
"""

from __future__ import annotations

import difflib

from engines.contract import ModelUnusable
from engines.diffusers.families import flux, others, stable
from engines.diffusers.families.family import Family, Guidance, Mode

__all__ = ["ALIASES", "FAMILIES", "HUB", "Family", "Guidance", "Mode", "family_of"]

FAMILIES: dict[str, Family] = {
    "StableDiffusionPipeline": stable.SD,
    "StableDiffusionInpaintPipeline": stable.SD_INPAINT,
    "StableDiffusionXLPipeline": stable.SDXL,
    "StableDiffusionXLInpaintPipeline": stable.SDXL_INPAINT,
    "LatentConsistencyModelPipeline": stable.LCM,
    "StableDiffusion3Pipeline": stable.SD3,
    "FluxPipeline": flux.FLUX,
    "FluxFillPipeline": flux.FLUX_FILL,
    "FluxKontextPipeline": flux.KONTEXT,
    "Flux2KleinPipeline": flux.KLEIN,
    "Flux2KleinKVPipeline": flux.KLEIN_KV,
    "Flux2Pipeline": flux.FLUX2,
    "Flux3ModularPipeline": flux.FLUX3,
    "Flux3DistilledModularPipeline": flux.FLUX3_DISTILLED,
    "ZImagePipeline": others.Z_IMAGE,
    "QwenImagePipeline": others.QWEN_IMAGE,
    "QwenImageEditPipeline": others.QWEN_EDIT,
    "QwenImageEditPlusPipeline": others.QWEN_EDIT_PLUS,
    "QwenImage21Pipeline": others.QWEN_21,
    "Krea2Pipeline": others.KREA2,
    "ErnieImagePipeline": others.ERNIE,
    "Ideogram4Pipeline": others.IDEOGRAM,
    "GlmImagePipeline": others.GLM,
    "ChromaPipeline": others.CHROMA,
    "LongCatImagePipeline": others.LONGCAT,
    "LongCatImageEditPipeline": others.LONGCAT_EDIT,
    "HunyuanImagePipeline": others.HUNYUAN,
    "AnimaModularPipeline": others.ANIMA,
}

ALIASES: dict[str, str] = {
    "StableDiffusionImg2ImgPipeline": "StableDiffusionPipeline",
    "StableDiffusionXLImg2ImgPipeline": "StableDiffusionXLPipeline",
    "LatentConsistencyModelImg2ImgPipeline": "LatentConsistencyModelPipeline",
    "FluxImg2ImgPipeline": "FluxPipeline",
    "FluxInpaintPipeline": "FluxPipeline",
}
"""Classes that name a mode of a family whose weights do every mode."""

HUB: dict[str, str] = {
    "stabilityai/stable-diffusion-xl-base-1.0": "StableDiffusionXLPipeline",
    "stabilityai/stable-diffusion-3.5-large": "StableDiffusion3Pipeline",
    "stabilityai/stable-diffusion-3.5-large-turbo": "StableDiffusion3Pipeline",
    "black-forest-labs/FLUX.1-schnell": "FluxPipeline",
    "black-forest-labs/FLUX.1-dev": "FluxPipeline",
    "black-forest-labs/FLUX.1-Kontext-dev": "FluxKontextPipeline",
    "black-forest-labs/FLUX.1-Fill-dev": "FluxFillPipeline",
    "black-forest-labs/FLUX.2-klein-4B": "Flux2KleinPipeline",
    "black-forest-labs/FLUX.2-klein-9B": "Flux2KleinPipeline",
    "black-forest-labs/FLUX.2-klein-9b-kv": "Flux2KleinKVPipeline",
    "black-forest-labs/FLUX.2-dev": "Flux2Pipeline",
    "black-forest-labs/flux-3-image-klein": "Flux3DistilledModularPipeline",
    "Tongyi-MAI/Z-Image-Turbo": "ZImagePipeline",
    "Tongyi-MAI/Z-Image": "ZImagePipeline",
    "Qwen/Qwen-Image-2512": "QwenImagePipeline",
    "Qwen/Qwen-Image-Edit-2511": "QwenImageEditPlusPipeline",
    "Qwen/Qwen-Image-2.1": "QwenImage21Pipeline",
    "krea/Krea-2-Turbo": "Krea2Pipeline",
    "krea/Krea-2-Raw": "Krea2Pipeline",
    "baidu/ERNIE-Image-Turbo": "ErnieImagePipeline",
    "ideogram-ai/ideogram-4-nf4": "Ideogram4Pipeline",
    "zai-org/GLM-Image": "GlmImagePipeline",
    "lodestones/Chroma1-HD": "ChromaPipeline",
    "meituan-longcat/LongCat-Image": "LongCatImagePipeline",
    "meituan-longcat/LongCat-Image-Edit": "LongCatImageEditPipeline",
    "meituan-longcat/LongCat-Image-Edit-Turbo": "LongCatImageEditPipeline",
}
"""Hub ids whose class is known before they are downloaded."""


def family_of(class_name: str, override: str | None = None) -> Family:
    """The family of a pipeline class, or the one that the entry names instead. Raises ModelUnusable."""
    wanted = override or class_name
    found = FAMILIES.get(ALIASES.get(wanted, wanted))
    if found is None:
        near = difflib.get_close_matches(wanted, FAMILIES, 2, 0.6)
        hint = f" The nearest known: {', '.join(near)}." if near else ""
        raise ModelUnusable(
            f"The pipeline class {wanted!r} is not known to the diffusers engine.{hint}"
            " If the model is called like a known one, name that class as `family` in its entry."
        )
    return found
