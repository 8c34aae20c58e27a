#!/usr/bin/env python3
"""Train, or measure, the bundled model "shapes": a small Stable Diffusion that draws what our own code can draw."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

BUNDLED = Path(__file__).resolve().parent.parent / "engines" / "diffusers" / "shapes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluate", action="store_true", help="measure the model with the judge instead of training it")
    parser.add_argument("--model", type=Path, default=BUNDLED, help="where the model is written, or read with --evaluate")
    parser.add_argument(
        "--work", type=Path, default=Path(".shapes-work"), help="checkpoints and latents; training goes on from there"
    )
    parser.add_argument("--autoencoder-steps", type=int, default=6000)
    parser.add_argument("--denoiser-steps", type=int, default=16000)
    parser.add_argument(
        "--begin-from", type=Path, metavar="MODEL", help="where --work is empty: train this model's UNet further, keep the rest"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    measuring = parser.add_argument_group("with --evaluate")
    measuring.add_argument("--count", type=int, default=200, help="how many prompts with one object, and with two")
    measuring.add_argument("--steps", type=int, default=20, help="sampling steps")
    measuring.add_argument("--guidance", type=float, default=2.0)
    measuring.add_argument(
        "--sheet", type=Path, metavar="FILE", help="write the first 64 pictures as a PNG, wrong ones framed red"
    )
    measuring.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    measuring.add_argument("--write-card", action="store_true", help="write the model's README.md with these figures")
    measuring.add_argument("--no-targets", action="store_true", help="do not fail when a target is missed")
    args = parser.parse_args()
    if args.evaluate:
        sys.exit(evaluate(args))
    train(args)


def evaluate(args: argparse.Namespace) -> int:
    """Measure and print; the exit status is 1 when a target is missed."""
    from shapes import card, evaluation

    result = evaluation.report(
        args.model, device=args.device, count=args.count, steps=args.steps, guidance=args.guidance, sheet_at=args.sheet
    )
    print(card.table(result))
    if args.json:
        args.json.write_text(json.dumps(result.to_json(), indent=2) + "\n")
    if args.write_card:
        (args.model / "README.md").write_text(card.card(result))
    for line in result.missed():
        print(f"missed: {line}", file=sys.stderr)
    return 1 if result.missed() and not args.no_targets else 0


def train(args: argparse.Namespace) -> None:
    """Both trainings, going on from the checkpoints in `--work`, and the model written at the end."""
    from shapes import networks, training

    args.work.mkdir(parents=True, exist_ok=True)
    if args.begin_from and not any(args.work.iterdir()):
        training.begin_from(args.work, args.begin_from, args.autoencoder_steps)
    vae = training.train_autoencoder(args.work, args.autoencoder_steps, device=args.device)
    unet, text, words = training.train_denoiser(args.work, vae, args.denoiser_steps, device=args.device)
    networks.save(args.model, vae, unet, text, words)
    print(f"wrote {args.model}; measure it with: .venv/bin/python scripts/train_shapes.py --evaluate")


if __name__ == "__main__":
    main()
