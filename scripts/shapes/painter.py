"""The trained pipeline as a user would load it, with the seeds that measuring wants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image

transformers.utils.logging.set_verbosity_error()  # before diffusers is imported: it asks for processors nobody needs
import diffusers  # noqa: E402

diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()

BATCH = 25


class Painter:
    """Paints prompts in batches; the picture at place i always has seed i."""

    def __init__(self, model: Path, *, device: str, steps: int, guidance: float) -> None:
        self._pipeline = diffusers.DiffusionPipeline.from_pretrained(model, dtype=torch.float32).to(device)
        self._call = {"num_inference_steps": steps, "guidance_scale": guidance, "output_type": "np"}
        self._pipeline.set_progress_bar_config(disable=True)
        parts = [getattr(self._pipeline, name) for name in ("vae", "unet", "text_encoder")]
        self.facts = {
            "device": device,
            "sampler": type(self._pipeline.scheduler).__name__,
            "steps": steps,
            "guidance": guidance,
            "downscale": self._pipeline.vae_scale_factor,
            "weights": {type(part).__name__: sum(weight.numel() for weight in part.parameters()) for part in parts},
            "megabytes": sum(file.stat().st_size for file in model.rglob("*") if file.is_file()) / 1e6,
        }

    def paint(self, prompts: Sequence[str], *, size: tuple[int, int], negative: str = "") -> list[np.ndarray]:
        """A picture of `size` (width, height) for every prompt, uint8 RGB."""
        made: list[np.ndarray] = []
        for start in range(0, len(prompts), BATCH):
            told = list(prompts[start : start + BATCH])
            made += self._run(
                self._pipeline, told, start, negative_prompt=[negative] * len(told), width=size[0], height=size[1]
            )
        return made

    def repaint(
        self, picture: np.ndarray, prompt: str, *, strength: float, count: int, mask: np.ndarray | None = None
    ) -> list[np.ndarray]:
        """`count` pictures made from one: of all of it, or of where `mask` is 255."""
        family = diffusers.StableDiffusionImg2ImgPipeline if mask is None else diffusers.StableDiffusionInpaintPipeline
        # The autoencoder is handed in, for by itself from_pipe refuses any class but AutoencoderKL.
        pipeline = family.from_pipe(self._pipeline, vae=self._pipeline.vae, dtype=torch.float32)
        pipeline.set_progress_bar_config(disable=True)
        masks = {} if mask is None else {"mask_image": Image.fromarray(mask), "width": mask.shape[1], "height": mask.shape[0]}
        return self._run(pipeline, [prompt] * count, 0, image=[Image.fromarray(picture)] * count, strength=strength, **masks)

    def _run(self, pipeline: diffusers.DiffusionPipeline, prompts: list[str], seed: int, **call: object) -> list[np.ndarray]:
        generators = [torch.Generator("cpu").manual_seed(seed + index) for index in range(len(prompts))]
        made = pipeline(prompts, generator=generators, **self._call, **call).images
        return list((made * 255).round().astype(np.uint8))
