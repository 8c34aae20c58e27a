"""Write a tiny untrained model into a folder, for tests of the plumbing: `python scripts/make_model.py FOLDER`.

`dot` is a Stable Diffusion of 32 x 32 pixels in the standard layout (model_index.json, safetensors, CLIP tokenizer), with
seeded random weights in half precision, under 1 MB. Its pictures are coloured noise, but every prompt, seed, size and
sampler has its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from tokenizers import pre_tokenizers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

SIDE = 32
"""Pixels."""
LATENT_CHANNELS = 4
DOWNSCALE = 4
WIDTH, LENGTH = 32, 77
START, END = "<|startoftext|>", "<|endoftext|>"


def make_dot(folder: Path, seed: int = 0) -> Path:
    """Write the model; the same seed writes the same weights. Answers the folder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        words = letters()
        pipeline = StableDiffusionPipeline(
            vae=autoencoder(),
            unet=denoiser(),
            text_encoder=text_encoder(words),
            tokenizer=words,
            scheduler=noise_schedule(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.to(dtype=torch.float16).save_pretrained(folder, safe_serialization=True)
    return folder


def autoencoder() -> AutoencoderKL:
    levels = (8, 16, 16)
    return AutoencoderKL(
        block_out_channels=levels,
        down_block_types=("DownEncoderBlock2D",) * len(levels),
        up_block_types=("UpDecoderBlock2D",) * len(levels),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=SIDE,
        mid_block_add_attention=False,
    )


def denoiser() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=SIDE // DOWNSCALE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def letters() -> CLIPTokenizer:
    """Each letter is a token, or two at the end of a word: enough to tell prompts apart."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, *(letter + "</w>" for letter in alphabet), START, END]
    vocab = {piece: index for index, piece in enumerate(pieces)}
    marks = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=LENGTH, **marks)


def text_encoder(words: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(text_config(words))


def text_config(words: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        projection_dim=WIDTH,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )


def noise_schedule() -> PNDMScheduler:
    """Stable Diffusion 1.5's own."""
    return PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to write it")
    parser.add_argument("--seed", type=int, default=0, help="of the weights")
    asked = parser.parse_args()
    make_dot(asked.folder, asked.seed)
    size = sum(file.stat().st_size for file in asked.folder.rglob("*") if file.is_file())
    print(f"{asked.folder}: {size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
