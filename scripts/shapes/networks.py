"""The parts of the model, untrained, in the standard Stable Diffusion layout."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from shapes.words import TEXT_LENGTH

TEXT_WIDTH = 96
LATENT_CHANNELS = 4
DOWNSCALE = 16


def autoencoder() -> AutoencoderTiny:
    """Five levels, so 16 times smaller a side: the network that denoises has only 8 x 8 places to think about.

    It has no normalisation layers (those of AutoencoderKL wash out what matters here, a color that fills the canvas).
    """
    return AutoencoderTiny(
        encoder_block_out_channels=(24,) * 5,
        decoder_block_out_channels=(32,) * 5,
        num_encoder_blocks=(1, 1, 2, 3, 3),
        num_decoder_blocks=(3, 3, 3, 2, 1),
        latent_channels=LATENT_CHANNELS,
    ).to(memory_format=torch.channels_last)


def unet() -> UNet2DConditionModel:
    """Two levels with cross-attention on both and in the middle, 4.2 million weights."""
    return UNet2DConditionModel(
        sample_size=128 // DOWNSCALE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(64, 128),
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        mid_block_type="UNetMidBlock2DCrossAttn",
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    ).to(memory_format=torch.channels_last)


def text_encoder(words: CLIPTokenizer) -> CLIPTextModel:
    """Four small layers of CLIP's text half, taught to read first and then trained on together with the UNet."""
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=TEXT_LENGTH,
        projection_dim=TEXT_WIDTH,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    return CLIPTextModel(config)


def noise_schedule() -> DPMSolverMultistepScheduler:
    """Stable Diffusion's betas; the network predicts velocity (Salimans & Ho 2022, arXiv 2202.00512, section 4)."""
    return DPMSolverMultistepScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        steps_offset=1,
    )


def load(folder: Path) -> tuple[AutoencoderTiny, UNet2DConditionModel, CLIPTextModel]:
    """The three networks of a pipeline that `save` wrote, in float32."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    vae, denoiser = (network.to(memory_format=torch.channels_last) for network in (pipeline.vae, pipeline.unet))
    return vae, denoiser, pipeline.text_encoder


def save(folder: Path, vae: AutoencoderTiny, denoiser: UNet2DConditionModel, text: CLIPTextModel, words: CLIPTokenizer) -> None:
    """Write the whole pipeline as fp16 safetensors."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        unet=denoiser,
        text_encoder=text,
        tokenizer=words,
        scheduler=noise_schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16).save_pretrained(folder, safe_serialization=True)
