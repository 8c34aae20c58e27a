#!/usr/bin/env python3
"""Make README's picture: what the bundled model draws for some prompts, each through `darkroom generate`.

Quicker while `scripts/darkroom serve` runs. Writes .github/pictures/shapes.png, or the file that is named.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = (
    "a red circle on a blue background",
    "a large yellow star on a purple background",
    "a green triangle on a white background",
    "a pink ring on a black background",
    "an orange cross on a gray background",
    "a white square on a red background",
    "a yellow star above a purple ring on a black background",
    "a red circle left of a blue square on a white background",
    "a large green square below a small pink circle on a gray background",
    "a white cross right of an orange triangle on a blue background",
    "a small black star above a large red triangle on a yellow background",
    "a purple ring left of a green circle on a pink background",
)
SIDE, COLUMNS, CAPTION, GAP = 256, 6, 58, 10
PAPER, INK = (250, 250, 248), (60, 60, 66)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=ROOT / ".github" / "pictures" / "shapes.png")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures = [_make(prompt, args.seed, Path(folder) / f"{index}.png") for index, prompt in enumerate(PROMPTS)]
    args.file.parent.mkdir(parents=True, exist_ok=True)
    _sheet(pictures).save(args.file, optimize=True)
    print(f"wrote {args.file}")


def _make(prompt: str, seed: int, file: Path) -> Image.Image:
    command = Path(sys.executable).with_name("darkroom")
    size = f"{SIDE}x{SIDE}"
    subprocess.run(
        [command, "generate", prompt, "--model", "shapes", "--seed", str(seed), "--size", size, "-o", file], check=True
    )
    with Image.open(file) as picture:
        return picture.convert("RGB")


def _sheet(pictures: list[Image.Image]) -> Image.Image:
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP) + GAP, rows * (SIDE + CAPTION + GAP) + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for index, (picture, prompt) in enumerate(zip(pictures, PROMPTS, strict=True)):
        x, y = GAP + index % COLUMNS * (SIDE + GAP), GAP + index // COLUMNS * (SIDE + CAPTION + GAP)
        sheet.paste(picture, (x, y))
        pen.multiline_text((x, y + SIDE + 6), "\n".join(textwrap.wrap(prompt, 34)), fill=INK, font=font)
    return sheet


if __name__ == "__main__":
    main()
