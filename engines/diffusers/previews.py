"""Frames of a picture that is being made: a cheap look at the latents, for who watches.

Latents are close to a linear image of the picture's colours, so one matrix of (channels, 3) shows it (known for Stable
Diffusion since 2022). The matrix is not a table of magic numbers here but fitted, once per loaded model, against that
model's own decoder: a few random latents are decoded, and least squares does the rest. A model so small that its decoder
costs next to nothing is decoded instead.
"""

from __future__ import annotations

from typing import Any

import torch

from engines.contract import Pixels
from engines.diffusers.resident import Resident

SECONDS = 0.3
"""Between two previews of a run: some three a second, as much as an eye follows and less than 1 % of a GPU's time."""
CHEAP_WEIGHTS, CHEAP_PLACES = 5_000_000, 32 * 32
"""Up to these, in weights and in latents of height x width, the decoder itself is cheap: tens of ms on one CPU core."""
_SAMPLES, _SIDE, _COARSE = 16, 8, 2
"""Random latents that are decoded to fit a projection: on the shapes model's decoder within 4 % of the best matrix there is."""
_SMALLEST = 64
"""Pixels a side under which a frame is enlarged."""


class Previews:
    """The frames of one run."""

    def __init__(self, resident: Resident, width: int, height: int) -> None:
        self.resident = resident
        self.width, self.height = width, height
        self._next = 0.0

    def due(self, now: float) -> bool:
        """Whether it is time for one; the first is due at once. Offloaded models have none: a look would fetch the decoder."""
        return now >= self._next and self.resident.family.latents is not None and self.resident.options.offload == "none"

    def frames(self, latents: torch.Tensor, rows: list[int], now: float) -> list[Pixels | None]:
        self._next = now + SECONDS
        try:
            with torch.no_grad():
                plain = self._plain(latents[rows])
                return list(self._colours(plain)) if plain is not None else [None] * len(rows)
        except RuntimeError:
            # A frame is a courtesy: its failure (no memory for it, a shape not met before) must not cost the picture.
            return [None] * len(rows)

    def _plain(self, latents: torch.Tensor) -> torch.Tensor | None:
        """As (n, channels, height, width), and of a spread of 1 at most: some samplers keep the noise's own scale."""
        if self.resident.family.latents == "packed" and latents.ndim == 3:
            latents = _unpacked(latents, self.width, self.height)
        if latents.ndim == 5 and latents.shape[2] == 1:
            latents = latents[:, :, 0]
        if latents.ndim != 4 or latents.shape[1] != _channels(self.resident.vae):
            return None
        floats = latents.float()
        return floats / floats.std(dim=(1, 2, 3), keepdim=True).clamp(min=1.0)

    def _colours(self, latents: torch.Tensor) -> list[Pixels]:
        vae = self.resident.vae
        if latents.shape[-2] * latents.shape[-1] <= CHEAP_PLACES and _weights(vae) <= CHEAP_WEIGHTS:
            colours = _decoded(vae, latents)
        else:
            if self.resident.projection is None:
                self.resident.projection = fit(vae)
            matrix = self.resident.projection.to(latents.device)
            colours = torch.einsum("nchw,cd->ndhw", torch.cat((latents, torch.ones_like(latents[:, :1])), 1), matrix)
        bytes_ = ((colours / 2 + 0.5).clamp(0, 1) * 255).to(torch.uint8)
        scale = max(1, _SMALLEST // max(bytes_.shape[-2:]))
        bigger = bytes_.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        return [row.copy() for row in bigger.permute(0, 2, 3, 1).cpu().numpy()]


def fit(vae: Any) -> torch.Tensor:
    """(channels + 1, 3): colours from -1 to 1 out of latents and a one."""
    draw = torch.Generator("cpu").manual_seed(0)
    channels = _channels(vae)
    # Coarse fields, as pictures are, and strong ones: white noise would teach the decoder's answer to noise.
    coarse = torch.randn(_SAMPLES, channels, _COARSE, _COARSE, generator=draw) * 1.5
    latents = torch.nn.functional.interpolate(coarse, size=(_SIDE, _SIDE), mode="bilinear")
    weight = next(vae.parameters())
    colours = _decoded(vae, latents.to(weight.device)).cpu().clamp(-1, 1)
    seen = torch.nn.functional.adaptive_avg_pool2d(colours, (_SIDE, _SIDE)).permute(0, 2, 3, 1).reshape(-1, 3)
    given = torch.cat((latents.permute(0, 2, 3, 1).reshape(-1, channels), torch.ones(len(seen), 1)), 1)
    return torch.linalg.lstsq(given, seen).solution


def _decoded(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """The decoder's colours from -1 to 1, as float32; half-precision decoders that overflow are widened for the moment."""
    dtype = next(vae.parameters()).dtype
    widened = dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
    config = vae.config
    if getattr(config, "latents_std", None):
        shape = (1, -1, 1, 1)
        latents = latents * torch.tensor(config.latents_std, device=latents.device).view(shape)
        latents = latents + torch.tensor(config.latents_mean, device=latents.device).view(shape)
    else:
        latents = latents / config.scaling_factor + (getattr(config, "shift_factor", None) or 0.0)
    if widened:
        vae.to(torch.float32)
    try:
        if hasattr(config, "z_dim"):
            return vae.decode(latents.unsqueeze(2).to(dtype), return_dict=False)[0][:, :3, 0].float()
        return vae.decode(latents.to(torch.float32 if widened else dtype), return_dict=False)[0][:, :3].float()
    finally:
        if widened:
            vae.to(dtype)


def _unpacked(latents: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """FLUX's tokens of 2 x 2 latents, back to (n, channels, height, width)."""
    count, tokens, packed = latents.shape
    across = round((tokens * width / height) ** 0.5)
    grid = latents.view(count, tokens // across, across, packed // 4, 2, 2)
    return grid.permute(0, 3, 1, 4, 2, 5).reshape(count, packed // 4, 2 * (tokens // across), 2 * across)


def _channels(vae: Any) -> int:
    return int(getattr(vae.config, "z_dim", None) or vae.config.latent_channels)


def _weights(vae: Any) -> int:
    return sum(weight.numel() for weight in vae.parameters())
