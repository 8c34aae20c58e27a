"""Metadata as other tools write it."""

from __future__ import annotations

A1111 = """a red fox, <lora:detail:0.7> forest
in the snow
Negative prompt: blurry, low quality
Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1234567890, Size: 832x1216, Model hash: 31e35c80fc, \
Model: sd_xl_base_1.0, VAE hash: 235745af8d, VAE: sdxl_vae.safetensors, Clip skip: 2, Lora hashes: "detail: 5a26f4d3e1c9", \
Version: v1.10.1"""
HIRES = """a red fox
Steps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 5, Size: 512x512, Model: v1-5-pruned, \
Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: Latent, Version: v1.9.4"""
OLD = """a dog
Steps: 20, Sampler: DPM++ SDE Karras, CFG scale: 7.5, Seed: 3, Size: 512x768, Model hash: 81761151, \
Denoising strength: 0.6"""
FORGE = """a poster
Steps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 7, Size: 896x1152, \
Model hash: c161224931, Model: flux1-dev-bnb-nf4, Version: f2.0.1v1.10.1-previous-665-gae278f79"""
INVOKE = {
    "app_version": "5.4.0",
    "generation_mode": "sdxl_img2img",
    "positive_prompt": "a lighthouse",
    "negative_prompt": "people",
    "positive_style_prompt": "oil",
    "width": 1024,
    "height": 768,
    "seed": 4004004004,
    "rand_device": "cpu",
    "cfg_scale": 6.5,
    "steps": 28,
    "scheduler": "dpmpp_2m_sde_k",
    "clip_skip": 0,
    "model": {"key": "a1b2", "hash": "blake3:00ff", "name": "Juggernaut XL", "base": "sdxl", "type": "main"},
    "strength": 0.55,
    "init_image": "f00.png",
    "loras": [{"model": {"key": "k", "hash": "h", "name": "Watercolor", "base": "sdxl", "type": "lora"}, "weight": 0.75}],
    "vae": {"name": "sdxl-vae-fp16-fix", "base": "sdxl"},
}
INVOKE_3 = {
    "app_version": "3.3.0post3",
    "generation_mode": "txt2img",
    "positive_prompt": "landscape",
    "negative_prompt": "",
    "width": 768,
    "height": 432,
    "seed": 356120443,
    "cfg_scale": 7.5,
    "steps": 50,
    "scheduler": "euler_a",
    "model": {"model_name": "stable-diffusion-v1-5", "base_model": "sd-1", "model_type": "main"},
    "loras": [{"lora": {"model_name": "ink", "base_model": "sd-1"}, "weight": 1.0}],
}
INVOKE_2 = {
    "model": "stable diffusion",
    "model_weights": "stable-diffusion-1.5",
    "model_hash": "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
    "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.2.5",
    "image": {
        "prompt": [{"prompt": "a tower [fog]", "weight": 1}],
        "steps": 50,
        "cfg_scale": 7.5,
        "threshold": 0,
        "height": 512,
        "width": 640,
        "seed": 42,
        "type": "txt2img",
        "sampler": "k_lms",
        "postprocessing": None,
    },
}
SWARM = {
    "sui_image_params": {
        "prompt": "a photo of a cat",
        "negativeprompt": "dog",
        "model": "OfficialStableDiffusion/sd_xl_base_1.0",
        "seed": "77",
        "steps": 20,
        "cfgscale": "7.0",
        "aspectratio": "1:1",
        "width": 1024,
        "height": 1024,
        "sampler": "dpmpp_2m",
        "scheduler": "karras",
        "loras": ["styles/ink", "fox.safetensors"],
        "loraweights": ["0.5", "1"],
        "swarm_version": "0.9.3.1",
    },
    "sui_extra_data": {"date": "2024-11-13", "generation_time": "6.11 (prep) and 4.84 (gen) seconds"},
    "sui_models": [{"name": "sd_xl_base_1.0.safetensors", "param": "model", "hash": "0xabcdef"}],
}
NOVELAI = {
    "prompt": "1girl, sky",
    "steps": 28,
    "height": 1216,
    "width": 832,
    "scale": 5.0,
    "uc": "lowres",
    "seed": 2718281828,
    "sampler": "k_euler_ancestral",
    "noise_schedule": "karras",
    "request_type": "PromptGenerateRequest",
}
