"""Other families than the dot model's, as tiny: random weights, real pipelines, in the layouts of the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    AutoencoderTiny,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers import pre_tokenizers
from transformers import (
    CLIPTextModelWithProjection,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from scripts.make_model import denoiser, letters, noise_schedule, text_config, text_encoder

_LEVELS = {"block_out_channels": (8, 16, 16, 16), "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 64}
_BLOCKS = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{{ m['content'] if m['content'] is string else m['content'][0]['text'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build(name: str, folder: Path) -> Path:
    """One of `MAKERS`, saved in half precision. Answers the folder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = MAKERS[name]()
    half = torch.float16 if name == "sdxl" else torch.bfloat16
    made.to(dtype=half).save_pretrained(folder)
    return folder


def _decoder(channels: int, shift: float | None = None) -> AutoencoderKL:
    more = {"use_quant_conv": False, "use_post_quant_conv": False, "scaling_factor": 0.3, "shift_factor": shift}
    return AutoencoderKL(latent_channels=channels, **_LEVELS, **_BLOCKS, **more)


def _t5() -> tuple[T5Tokenizer, T5EncoderModel]:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), *((chr(code), -2.0) for code in range(33, 127))]
    words = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)
    return words, T5EncoderModel(T5Config(vocab_size=len(words), d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=4))


def _qwen_words() -> Qwen2Tokenizer:
    vocab = {piece: index for index, piece in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    marks = {"pad_token": "<|endoftext|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>"}
    words = Qwen2Tokenizer(vocab=vocab, merges=[], additional_special_tokens=["<|im_start|>", "<think>", "</think>"], **marks)
    words.chat_template = _TEMPLATE
    return words


def _qwen3(words: Qwen2Tokenizer, hidden: int, layers: int) -> Qwen3Config:
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8}
    heads["vocab_size"] = len(words) + 16
    return Qwen3Config(hidden_size=hidden, intermediate_size=32, num_hidden_layers=layers, **heads)


def _sdxl() -> Any:
    words = letters()
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=64,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 32,
        norm_num_groups=4,
    )
    return StableDiffusionXLPipeline(
        vae=_decoder(4),
        text_encoder=text_encoder(words),
        text_encoder_2=CLIPTextModelWithProjection(text_config(words)),
        tokenizer=words,
        tokenizer_2=words,
        unet=unet,
        scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1),
    )


def _sd3() -> Any:
    words = letters()
    widths = {"caption_projection_dim": 32, "joint_attention_dim": 64, "pooled_projection_dim": 64, "pos_embed_max_size": 32}
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=8, patch_size=1, in_channels=16, num_layers=1, attention_head_dim=8, num_attention_heads=4, **widths
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_decoder(16, 0.06),
        text_encoder=CLIPTextModelWithProjection(text_config(words)),
        tokenizer=words,
        text_encoder_2=CLIPTextModelWithProjection(text_config(words)),
        tokenizer_2=words,
        text_encoder_3=None,
        tokenizer_3=None,
    )


def _flux() -> Any:
    words, (words_2, encoder_2) = letters(), _t5()
    widths = {"joint_attention_dim": 32, "pooled_projection_dim": 32, "axes_dims_rope": (4, 4, 8), "guidance_embeds": True}
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=_decoder(16, 0.1),
        text_encoder=text_encoder(words),
        tokenizer=words,
        text_encoder_2=encoder_2,
        tokenizer_2=words_2,
        transformer=FluxTransformer2DModel(
            in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2, **widths
        ),
    )


def _z_image() -> Any:
    words = _qwen_words()
    widths = {"dim": 32, "cap_feat_dim": 32, "axes_dims": [4, 4, 8], "axes_lens": [512, 64, 64]}
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_decoder(16, 0.1),
        text_encoder=Qwen3Model(_qwen3(words, 32, 3)),
        tokenizer=words,
        transformer=ZImageTransformer2DModel(n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, **widths),
    )


def _klein() -> Any:
    words = _qwen_words()
    widths = {"joint_attention_dim": 48, "timestep_guidance_channels": 16, "axes_dims_rope": (4, 4, 4, 4)}
    heads = {"attention_head_dim": 16, "num_attention_heads": 2, "guidance_embeds": False}
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=AutoencoderKLFlux2(latent_channels=8, **_LEVELS, **_BLOCKS),
        text_encoder=Qwen3ForCausalLM(_qwen3(words, 16, 28)),
        tokenizer=words,
        transformer=Flux2Transformer2DModel(in_channels=32, num_layers=1, num_single_layers=1, **heads, **widths),
        is_distilled=True,
    )


def _qwen() -> Any:
    words = _qwen_words()
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6}
    sizes = {"hidden_size": 16, "intermediate_size": 16}
    text = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "vocab_size": len(words) + 16}
    config = Qwen2_5_VLConfig(
        text_config={**sizes, **text, "rope_parameters": rope},
        vision_config={**sizes, "depth": 2, "num_heads": 2, "out_hidden_size": 16},
    )
    return QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0, use_dynamic_shifting=True, shift_terminal=0.02),
        vae=AutoencoderKLQwenImage(base_dim=8, z_dim=16, dim_mult=[1, 2, 2, 2], num_res_blocks=1),
        text_encoder=Qwen2_5_VLForConditionalGeneration(config),
        tokenizer=words,
        transformer=QwenImageTransformer2DModel(
            num_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=16, axes_dims_rope=(4, 6, 6)
        ),
    )


def _small_decoder() -> Any:
    """The dot model with a distilled decoder in its place, as the bundled model has one."""
    words, blocks = letters(), (8, 8, 8)
    return StableDiffusionPipeline(
        vae=AutoencoderTiny(
            encoder_block_out_channels=blocks,
            decoder_block_out_channels=blocks,
            num_encoder_blocks=(1, 1, 1),
            num_decoder_blocks=(1, 1, 1),
            latent_channels=4,
        ),
        unet=denoiser(),
        text_encoder=text_encoder(words),
        tokenizer=words,
        scheduler=noise_schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


MAKERS = {
    "small_decoder": _small_decoder,
    "sdxl": _sdxl,
    "sd3": _sd3,
    "flux": _flux,
    "z_image": _z_image,
    "klein": _klein,
    "qwen": _qwen,
}
