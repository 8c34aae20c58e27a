"""The trainings, seeded and resumable: first the autoencoder, then the UNet with its text encoder."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from shapes import captions, literacy, networks, scenes
from shapes.words import tokenizer

CANVASES = {(128, 128): 0.7, (160, 96): 0.15, (96, 160): 0.15}
"""Width and height of what is drawn, and its share: some wide, some tall, so that other ratios work as well."""
CUTTING = 64
WHOLE_CANVASES_FROM = 0.7
"""Share of the autoencoder's steps after which it sees whole canvases."""
LATENT_SHAKE = 0.04
CAPTION_DROPOUT = 0.1
SAVE_EVERY = 240.0


class Checkpoint:
    """A folder's `NAME.pt`, written whole or not at all, at most once in `SAVE_EVERY` seconds unless forced."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.pt"
        self._written = time.monotonic()

    def load(self) -> dict | None:
        return torch.load(self.path, weights_only=True) if self.path.exists() else None

    def save(self, state: dict, *, force: bool = False) -> None:
        if force or time.monotonic() - self._written > SAVE_EVERY:
            part = self.path.with_suffix(".part")
            torch.save(state, part)
            part.replace(self.path)
            self._written = time.monotonic()


def train_autoencoder(folder: Path, steps: int, *, device: str, rate: float = 1.5e-3) -> AutoencoderTiny:
    """L1 and L2, edges weighing more; the latents are shaken a little, so that the decoder forgives the UNet.

    The network only looks around each place, so it learns from small cuttings first, which are cheap, and from whole
    canvases in the last part.
    """
    torch.manual_seed(1)
    vae = networks.autoencoder().to(device)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=rate, weight_decay=1e-4, betas=(0.9, 0.99))
    average = Average(vae, 0.998)
    checkpoint = Checkpoint(folder, "autoencoder")
    start = _resume(checkpoint, {"model": vae, "optimizer": optimizer, "average": average})
    rng = random.Random(f"autoencoder/{start}")
    began = time.monotonic()
    for step in range(start, steps):
        _set_rate(optimizer, rate, step, steps, decay=0.4)
        whole = step > steps * WHOLE_CANVASES_FROM
        world = [scenes.random_scene(rng) for _ in range(8 if whole else 20)]
        canvas = rng.choice([(160, 96), (96, 160)]) if whole and step % 5 == 0 else (128, 128)
        pictures = _pictures(world, canvas, device) if whole else _cuttings(_pictures(world, canvas, device), rng)
        with torch.autocast(device, torch.bfloat16):
            latents = vae.encode(pictures).latents.float()
            made = vae.decode(latents + LATENT_SHAKE * torch.randn_like(latents)).sample.float()
        off = (made - pictures).abs()
        loss = ((off + off.square()) * _weights(pictures)).mean()
        _descend(loss, optimizer, vae.parameters())
        average.update()
        if step % 100 == 0:
            print(f"autoencoder {step}/{steps} L1 {off.mean():.4f} seconds {time.monotonic() - began:.0f}", flush=True)
        checkpoint.save(_state(step + 1, model=vae, optimizer=optimizer, average=average), force=step + 1 == steps)
    average.copy_to(vae)
    return vae.eval().requires_grad_(False)


def train_denoiser(
    folder: Path, vae: AutoencoderTiny, steps: int, *, device: str, pool: int = 24_000, batch: int = 64, rate: float = 1e-3
) -> tuple:
    """Velocity prediction, every moment weighing the same: what stands where is decided while the noise is high, where
    min-SNR weights would hardly look. The weights kept are an average. In float32: these layers are too small for
    bfloat16 to gain on a CPU."""
    torch.manual_seed(2)
    words = tokenizer(captions.words())
    both = torch.nn.ModuleDict({"unet": networks.unet(), "text": _literate(folder, words, device)}).to(device)
    optimizer = torch.optim.AdamW(both.parameters(), lr=rate, weight_decay=1e-2, betas=(0.9, 0.99), fused=True)
    average = Average(both, 0.9985)
    checkpoint = Checkpoint(folder, "denoiser")
    start = _resume(checkpoint, {"model": both, "optimizer": optimizer, "average": average})
    buckets = _latents(folder, vae, pool, device)
    vae.register_to_config(scaling_factor=buckets["scaling_factor"])
    rng, began, seen = random.Random(f"denoiser/{start}"), time.monotonic(), 0.0
    alphas = networks.noise_schedule().alphas_cumprod.to(device)
    for step in range(start, steps):
        _set_rate(optimizer, rate, step, steps, decay=0.3)
        told, latents = _draw_batch(buckets, rng, batch)
        ids = words(told, padding="max_length", truncation=True, return_tensors="pt").input_ids.to(device)
        loss = _velocity_loss(both, alphas, latents.to(device) * buckets["scaling_factor"], ids)
        _descend(loss, optimizer, both.parameters())
        average.update()
        seen += loss.item()
        if step % 100 == 0:
            loss_seen = seen / (100 if step > start else 1)
            print(f"denoiser {step}/{steps} loss {loss_seen:.4f} seconds {time.monotonic() - began:.0f}", flush=True)
            seen = 0.0
        checkpoint.save(_state(step + 1, model=both, optimizer=optimizer, average=average), force=step + 1 == steps)
    average.copy_to(both)
    return both["unet"].eval(), both["text"].eval(), words


def begin_from(folder: Path, model: Path, autoencoder_steps: int) -> None:
    """Make checkpoints of a model that was written: its autoencoder as finished, its UNet and text encoder to go on with."""
    vae, unet, text = networks.load(model)
    Checkpoint(folder, "text").save(text.state_dict(), force=True)
    both = torch.nn.ModuleDict({"unet": unet, "text": text})
    for name, module, step in (("autoencoder", vae, autoencoder_steps), ("denoiser", both, 0)):
        optimizer = torch.optim.AdamW(module.parameters(), betas=(0.9, 0.99))
        Checkpoint(folder, name).save(_state(step, model=module, optimizer=optimizer, average=Average(module, 0.0)), force=True)


def _literate(folder: Path, words: CLIPTokenizer, device: str, steps: int = 2_500) -> CLIPTextModel:
    """The text encoder that has learned to read, kept beside the checkpoints."""
    checkpoint = Checkpoint(folder, "text")
    state = checkpoint.load()
    if state is None:
        state = literacy.teach(words, steps, device=device).state_dict()
        checkpoint.save(state, force=True)
    text = networks.text_encoder(words)
    text.load_state_dict(state)
    return text


class Average:
    """An exponential moving average of a module's weights, warm from the first step."""

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.module, self.decay, self.count = module, decay, 0
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        self.count += 1
        share = min(self.decay, (1 + self.count) / (10 + self.count))
        for name, value in self.module.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - share)

    def copy_to(self, module: torch.nn.Module) -> None:
        module.load_state_dict(self.weights)

    def state_dict(self) -> dict:
        return {"weights": self.weights, "count": self.count}

    def load_state_dict(self, state: dict) -> None:
        self.weights, self.count = state["weights"], state["count"]


def _velocity_loss(both: torch.nn.ModuleDict, alphas: torch.Tensor, latents: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    moments = torch.randint(0, len(alphas), (len(latents),), device=latents.device)
    signal = alphas[moments].view(-1, 1, 1, 1)
    noise = torch.randn_like(latents)
    noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
    velocity = signal.sqrt() * noise - (1 - signal).sqrt() * latents
    hidden = both["text"](ids).last_hidden_state
    guess = both["unet"](noisy.contiguous(memory_format=torch.channels_last), moments, hidden).sample
    return F.mse_loss(guess, velocity)


def _latents(folder: Path, vae: AutoencoderTiny, pool: int, device: str) -> dict:
    """Scenes drawn and encoded once, kept beside the checkpoints; `scaling_factor` makes their deviation one."""
    path = folder / "latents.pt"
    rng = random.Random("latents")
    buckets: dict = {}
    for canvas, share in CANVASES.items():
        world = [scenes.random_scene(rng) for _ in range(int(pool * share))]
        buckets[canvas] = {"scenes": world}
    if not path.exists():
        encoded = {
            f"{w}x{h}": torch.cat(list(_encode(vae, bucket["scenes"], (w, h), device))) for (w, h), bucket in buckets.items()
        }
        torch.save(encoded, path)
    encoded = torch.load(path, weights_only=True)
    for w, h in CANVASES:
        buckets[w, h]["latents"] = encoded[f"{w}x{h}"].float()
    buckets["scaling_factor"] = 1 / buckets[128, 128]["latents"].std().item()
    return buckets


@torch.no_grad()
def _encode(vae: AutoencoderTiny, world: list[scenes.Scene], canvas: tuple[int, int], device: str) -> Iterator[torch.Tensor]:
    for start in range(0, len(world), 64):
        with torch.autocast(device, torch.bfloat16):
            yield vae.encode(_pictures(world[start : start + 64], canvas, device)).latents.float().cpu()


def _draw_batch(buckets: dict, rng: random.Random, batch: int) -> tuple[list[str], torch.Tensor]:
    canvas = rng.choices(list(CANVASES), list(CANVASES.values()))[0]
    chosen = rng.choices(range(len(buckets[canvas]["scenes"])), k=batch)
    told = ["" if rng.random() < CAPTION_DROPOUT else captions.loose(buckets[canvas]["scenes"][i], rng) for i in chosen]
    return told, buckets[canvas]["latents"][chosen]


def _pictures(world: list[scenes.Scene], canvas: tuple[int, int], device: str) -> torch.Tensor:
    drawn = np.stack([scenes.draw(scene, *canvas) for scene in world])
    values = torch.from_numpy(drawn).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    return values.contiguous(memory_format=torch.channels_last)


def _cuttings(pictures: torch.Tensor, rng: random.Random) -> torch.Tensor:
    x, y = (rng.randrange(side - CUTTING + 1) for side in (pictures.shape[3], pictures.shape[2]))
    return pictures[:, :, y : y + CUTTING, x : x + CUTTING].contiguous(memory_format=torch.channels_last)


def _weights(pictures: torch.Tensor) -> torch.Tensor:
    """1 on plain ground, more where colors change nearby: shapes are told by their edges."""
    changes = (pictures - F.avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)).abs().sum(1, keepdim=True)
    return 1 + 4 * F.avg_pool2d((4 * changes).clamp(max=1), 5, 1, 2)


def _descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer, parameters: Iterator[torch.nn.Parameter]) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(parameters), 1.0)
    optimizer.step()


def _set_rate(optimizer: torch.optim.Optimizer, rate: float, step: int, steps: int, *, decay: float) -> None:
    """Warm up over 200 steps, hold, and fall along a half cosine over the last share `decay` of all steps."""
    left = (steps - step) / (steps * decay)
    fall = 0.5 - 0.5 * math.cos(math.pi * min(1.0, left))
    for group in optimizer.param_groups:
        group["lr"] = rate * min(1.0, (step + 1) / 200) * max(fall, 0.01)


def _state(step: int, **parts: object) -> dict:
    return {"step": step, **{name: part.state_dict() for name, part in parts.items()}}  # type: ignore[attr-defined]


def _resume(checkpoint: Checkpoint, parts: dict) -> int:
    state = checkpoint.load()
    if state is None:
        return 0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return state["step"]
