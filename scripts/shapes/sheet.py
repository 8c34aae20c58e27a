"""Pictures side by side under their prompts, so that a person can check the judge."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 8
CAPTION = 44
FRAME = 4
WRONG = (230, 0, 0)


def sheet(pictures: Sequence[np.ndarray], prompts: Sequence[str], marks: Sequence[bool]) -> Image.Image:
    """A contact sheet; the pictures whose mark is False get a red frame."""
    height, width = pictures[0].shape[:2]
    across, down = width + 2 * FRAME, height + 2 * FRAME + CAPTION
    rows = -(-len(pictures) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * across, rows * down), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(10)
    for index, (picture, prompt, true) in enumerate(zip(pictures, prompts, marks, strict=True)):
        left, top = index % COLUMNS * across, index // COLUMNS * down
        if not true:
            pen.rectangle([left, top, left + width + 2 * FRAME - 1, top + height + 2 * FRAME - 1], fill=WRONG)
        canvas.paste(Image.fromarray(picture), (left + FRAME, top + FRAME))
        told = textwrap.wrap(prompt.removesuffix(" background"), width=26)[:4]
        pen.multiline_text((left + FRAME, top + height + 2 * FRAME), "\n".join(told), fill="black", font=font, spacing=0)
    return canvas
