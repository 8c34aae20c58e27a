"""The pipeline as anyone would call it, in a process of its own: what the queue is measured beside.

For each line on standard input, a number of pictures, it says how many seconds they took.
"""

from __future__ import annotations

import sys
import time


def main(folder: str, prompt: str, steps: int, guidance: float, side: int) -> None:
    import diffusers
    import torch
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float16 if device == "cuda" else torch.float32
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=dtype)
    pipeline.to(device).set_progress_bar_config(disable=True)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        for seed in range(int(line)):
            generator = torch.Generator(device="cpu").manual_seed(seed)
            pipeline(prompt, num_inference_steps=steps, guidance_scale=guidance, width=side, height=side, generator=generator)
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
