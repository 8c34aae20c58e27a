"""What a measured model is told about: a table for the terminal, and the card that lies beside its weights."""

from __future__ import annotations

from shapes.evaluation import KINDS, PARTS, TARGETS, Group, Result
from shapes.scenes import COLORS, RELATIONS, SHAPES, combinations


def table(result: Result) -> str:
    """All figures for a person at a terminal."""
    lines = [
        f"{result.count} prompts of either kind, all of combinations never trained; "
        f"{result.steps} steps of {result.sampler}, guidance {result.guidance:g}, on {result.device}",
        "",
        f"{'':12}{''.join(f'{name:>14}' for name in KINDS.values())}",
    ]
    for part in (*PARTS, "all right"):
        lines.append(f"{part:12}{''.join(f'{_share(result.groups[kind], part):>14}' for kind in KINDS)}")
    lines.append(f"{'target':12}{''.join(f'{TARGETS[kind]:>14.1%}' for kind in KINDS)}")
    for kind, name in KINDS.items():
        worst = ", ".join(f"{words} ({count})" for words, count in result.groups[kind].confusions.items())
        lines.append(f"worst with {name}: {worst or 'nothing'}")
    lines += ["", f"{'negative prompts':48}{'':10}{'without':>9}{'with':>9}{'still true':>12}"]
    lines += [
        f"{negative.prompt:48}{negative.negative:10}{negative.without:>9.0%}{negative.with_:>9.0%}{negative.true:>12.0%}"
        for negative in result.negatives
    ]
    lines += [
        "",
        "other ratios: " + ", ".join(f"{size} {share:.0%} right" for size, share in result.ratios.items()),
        f"image to image (a red circle made a blue square, strength 0.75): {result.image_to_image:.0%} right",
        f"inpainting (the right half made a green star): {result.inpaint:.0%} right, "
        f"the kept half changed by {result.inpaint_kept:.1f} of 255 levels",
        f"{result.seconds_batched:.2f} s a picture in batches, {result.seconds_alone:.2f} s alone; "
        f"{sum(result.weights.values()) / 1e6:.2f} million weights, {result.megabytes:.1f} MB",
    ]
    return "\n".join(lines)


def card(result: Result) -> str:
    """The model's own card, as Markdown."""
    held, trained = len(combinations(True)), len(combinations(False))
    rows = "\n".join(
        f"| {part} | {' | '.join(_share(result.groups[kind], part) for kind in KINDS)} |" for part in (*PARTS, "**all right**")
    )
    negatives = "\n".join(
        f"| {negative.prompt} | {negative.negative} | {negative.without:.0%} | {negative.with_:.0%} |"
        for negative in result.negatives
    )
    weights = "\n".join(f"- `{name}`: {count / 1e6:.2f} million weights" for name, count in result.weights.items())
    return f"""---
license: apache-2.0
pipeline_tag: text-to-image
library_name: diffusers
---
# shapes

A tiny latent diffusion model in the Stable Diffusion layout, so that a gateway can make a real picture from a prompt
without a GPU, a download or an account. It was trained from nothing on flat scenes that the project's own code draws;
no picture and no text of anybody else's went into it.

## What it knows

One or two flat shapes on a plain ground, at 128 x 128.

- shapes: {", ".join(SHAPES)}
- colors: {", ".join(COLORS)}
- sizes: small, large, or none stated
- relations of two shapes: {", ".join(RELATIONS)}

Prompts look like this:

- a red circle on a blue background
- a large yellow star above a small purple ring on a black background

A shape or a color may be left open ("a red shape on a black background"), and a negative prompt such as "red" or
"circle" steers away from it.

## Parts

{weights}
- `CLIPTokenizer`, in which every word above is one token

The autoencoder makes {result.downscale} x {result.downscale} pixels one place of 4 latent channels; the UNet predicts velocity.
{result.megabytes:.1f} MB as fp16 safetensors.

## How it was trained

By `.venv/bin/python scripts/train_shapes.py`:
first the autoencoder; then the text encoder alone, which must tell from a caption what stands where; then the UNet
together with the text encoder, on captions that are true but often say less than the whole, and on none in one of
ten. It is seeded and goes on from its checkpoints.
{held} of the {held + trained} combinations of shape, color and ground were never shown.

## Figures

`.venv/bin/python scripts/train_shapes.py --evaluate{_flags(result)}`:
{result.count} prompts with one object and {result.count} with two, in
which every object's combination with its ground was held out; {result.steps} steps of `{result.sampler}`,
guidance {result.guidance:g}. A judge that knows nothing of the network reads each picture back, by color and by the drawn
shape that covers it best. "Size" is asked of the prompts that state one; "count" is as many shapes as asked for and
nothing else. All right means shape, color, ground and count for one object (target {TARGETS["one"]:.0%}), and every row
for two (target {TARGETS["two"]:.0%}).

| | {" | ".join(KINDS.values())} |
|---|---|---|
{rows}

Negative prompts: the share of pictures that show what the prompt leaves open, without and with it as the negative
prompt, on the same seeds.

| prompt | negative | without | with |
|---|---|---|---|
{negatives}

- image to image, a red circle made a blue square at strength 0.75: {result.image_to_image:.0%} right
- inpainting, the right half made a green star: {result.inpaint:.0%} right; the other half changed by
  {result.inpaint_kept:.1f} of 255 levels on average
- at other ratios: {", ".join(f"{size} {share:.0%} right" for size, share in result.ratios.items())}

## Limits

It is for first steps, demonstrations and tests. It knows no word but those above and passes over all others; nothing
with three objects, no pattern, text, person or scene. It was trained and measured at 128 x 128, 160 x 96 and 96 x 160
only; sides must be multiples of {result.downscale}.

## Licence

Apache-2.0, as the project.
"""


def _flags(result: Result) -> str:
    asked = {"count": result.count, "steps": result.steps, "guidance": result.guidance}
    usual = {"count": 200, "steps": 20, "guidance": 2.0}
    return "".join(f" --{name} {value:g}" for name, value in asked.items() if value != usual[name])


def _share(group: Group, part: str) -> str:
    if part.strip("*") == "all right":
        return f"{group.right:.1%}"
    return "-" if part == "relation" and group.things == 1 else f"{group.parts[part]:.1%}"
