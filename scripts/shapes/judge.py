"""Reads a picture back into a scene, knowing nothing of the network that made it.

The ground is what most of the border is; what differs from it falls into connected parts; each part's color is
that of its inner pixels, and its shape the one whose mask, drawn at many sizes and places, covers it best.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from shapes.regions import at_edge, components, narrowed, shared_out, widened
from shapes.scenes import COLORS, OVERSAMPLE, RADII, RELATIONS, SHAPES, SIZES, Scene, Thing, mask

SPECKLE = 0.003
"""Share of the picture below which a part is no thing, another color in a thing no stain and what hangs on to it no
excess, rims apart; the smallest thing that is ever drawn, a star, covers 0.011."""
CLUTTER = 0.02
"""Share of the picture that all speckles together may cover."""
PURE = 0.9
"""Share of its inner pixels that must have a thing's color."""
FIT = 0.75
"""Intersection over union that the best shape must reach; drawn things, blurred ones too, reach 0.87."""
EDGE = 2
"""Pixels along an outline that say nothing about color: they are mixed, and an autoencoder blurs them."""
INNER = 0.1
"""Share of a part that must be left after its rim is taken away, for the rest to stand for its color."""
STRAY = 50
"""Distance in RGB from all mixtures of a thing's color and the ground's; orange and yellow are 76 apart."""
STEPS = (-1.5, 0.0, 1.5)
"""Pixels by which candidates are moved, either way, from where the centroid puts them."""
STRETCHES = (0.92, 1.0, 1.08)
"""By which candidates are larger or smaller than the area says."""
FIT_GAINED = 0.2
"""More than what moving and stretching ever add to a candidate's fit."""
OPPOSITE = {"above": "below", "below": "above", "left of": "right of", "right of": "left of", "": ""}

_NAMES = tuple(COLORS)
_PALETTE = np.array([COLORS[name] for name in _NAMES], np.float32)


@dataclass(frozen=True)
class Verdict:
    """What stands in a picture. `relation` tells how the first of two things stands to the second; `untold` counts
    what is too large for a speckle and is none of the shapes or not of one color."""

    things: tuple[Thing, ...]
    ground: str
    relation: str = ""
    untold: int = 0


def judge(picture: np.ndarray) -> Verdict:
    """Read a picture, uint8 RGB of (height, width, 3)."""
    pixels = picture.astype(np.float32)
    height, width = pixels.shape[:2]
    least, side = SPECKLE * width * height, min(width, height)
    labels = np.argmax(pixels @ (2 * _PALETTE.T) - (_PALETTE**2).sum(1), axis=2)
    ground = int(np.bincount(labels[at_edge(labels.shape, EDGE)]).argmax())
    parts, sizes = components(labels != ground)
    backdrop = _middle(picture[parts == 0]) if sizes[0] else _PALETTE[ground]
    found = []
    untold = int(sizes[1:][sizes[1:] < least].sum() > CLUTTER * width * height)
    for index in np.flatnonzero(sizes >= least):
        for region, color, pure in _split(parts == index, labels) if index else ():
            if region.sum() < least:
                continue
            cover, stray = _cover(picture, region, labels == color, backdrop, parts == 0)
            shape, fit, x, y, radius = _fit(cover)
            thing = Thing(shape, _NAMES[color], "", x / width, y / height, radius / side)
            stains = narrowed(stray & (labels != color), EDGE).sum()
            excess = (region & ~widened(mask(thing, width, height), 2 * EDGE)).sum()
            untold += bool(not pure or fit < FIT or stains >= least or excess >= least)
            found.append(thing)
    things = tuple(replace(thing, size=size_word(thing.radius, len(found))) for thing in found)
    return Verdict(things, _NAMES[ground], relation(*things) if len(things) == 2 else "", untold)


def size_word(radius: float, count: int) -> str:
    """The word for a radius, by the middles between the ranges from which scenes draw theirs."""
    ranges = RADII[min(count, 2)]
    bounds = [(ranges[smaller][1] + ranges[larger][0]) / 2 for smaller, larger in itertools.pairwise(SIZES)]
    return SIZES[sum(radius > bound for bound in bounds)]


def relation(first: Thing, second: Thing) -> str:
    """How the first stands to the second, by the axis along which their centres are farther apart."""
    dx, dy = first.x - second.x, first.y - second.y
    along = (int(np.sign(dx)), 0) if abs(dx) > abs(dy) else (0, int(np.sign(dy)))
    return next((word for word, direction in RELATIONS.items() if direction == along), "")


def paired(scene: Scene, verdict: Verdict) -> tuple[Thing, ...] | None:
    """What was seen for each of the scene's things, paired in the way that makes most parts true; None for too few."""
    pairings = itertools.permutations(verdict.things, len(scene.things))
    return max(pairings, key=lambda seen: sum(_compared(scene, seen).values()), default=None)


def score(scene: Scene, verdict: Verdict) -> dict[str, bool]:
    """Which parts of what was asked for the picture shows. `size` asks for stated sizes only."""
    seen = paired(scene, verdict)
    parts = _compared(scene, seen) if seen else dict.fromkeys(("shape", "color", "size", "relation"), False)
    count = len(verdict.things) == len(scene.things) and not verdict.untold
    return {**parts, "ground": scene.ground == verdict.ground, "count": count}


def _compared(scene: Scene, seen: tuple[Thing, ...]) -> dict[str, bool]:
    pairs = list(zip(scene.things, seen, strict=True))
    return {
        "shape": all(asked.shape == found.shape for asked, found in pairs),
        "color": all(asked.color == found.color for asked, found in pairs),
        "size": all(asked.size in ("", found.size) for asked, found in pairs),
        "relation": scene.relation == (relation(*seen) if len(seen) == 2 else ""),
    }


def right(scene: Scene, verdict: Verdict) -> bool:
    """One thing: shape, color and ground. Two things: every part. Never with a thing too many or one untold."""
    parts = score(scene, verdict)
    asked = ("shape", "color", "ground", "count") if len(scene.things) == 1 else tuple(parts)
    return all(parts[name] for name in asked)


def _split(part: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, int, bool]]:
    """A part as (region, color, whether it is of that one color); two things that touch are two regions."""
    depths = (narrowed(part, pixels) for pixels in range(2 * EDGE, 0, -1))
    inner = next((kept for kept in depths if kept.sum() > INNER * part.sum()), part)
    shares = np.bincount(labels[inner], minlength=len(_NAMES)) / inner.sum()
    main = int(shares.argmax())
    colors = [color for color in range(len(_NAMES)) if shares[color] > 1 - PURE]
    if shares[main] >= PURE or len(colors) < 2:
        yield part, main, bool(shares[main] >= PURE)
        return
    seeds = np.zeros(part.shape, np.int64)
    for color in colors:
        seeds[inner & (labels == color)] = color + 1
    owners = shared_out(part, seeds)
    for color in colors:
        pieces, sizes = components(owners == color + 1)
        yield from ((pieces == index, color, True) for index in range(1, len(sizes)))


def _cover(
    picture: np.ndarray, region: np.ndarray, colored: np.ndarray, backdrop: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much of each pixel the thing covers, from 0 to 1: where it lies between the ground's color and its own. Also
    which pixels of the region are of neither nor between them."""
    core = narrowed(region, EDGE) & colored
    own = _middle(picture[core if core.any() else region & colored])
    reach = widened(region, EDGE) & (region | free)
    way, gone = own - backdrop, picture[reach] - backdrop
    share = (gone @ way / max(float(way @ way), 1.0)).clip(0, 1)
    cover, off = np.zeros(region.shape, np.float32), np.zeros(region.shape, np.float32)
    cover[reach], off[reach] = share, np.linalg.norm(gone - share[:, None] * way, axis=1)
    return cover, region & (off > STRAY)


def _middle(colors: np.ndarray) -> np.ndarray:
    """The median in each channel: bytes are sorted in a tenth of the time that numpy's own takes."""
    ordered = np.sort(colors, axis=0, kind="stable")
    return (ordered[(len(ordered) - 1) // 2].astype(np.float32) + ordered[len(ordered) // 2]) / 2


def _fit(cover: np.ndarray) -> tuple[str, float, float, float, float]:
    """The best shape, how well it fits (intersection over union), its centre and its radius in pixels. Area and
    centroid say where each shape would have to be; the candidates lie around that."""
    ys, xs = np.nonzero(cover > 0.05)
    top, left = int(ys.min()), int(xs.min())
    cover = cover[top : int(ys.max()) + 1, left : int(xs.max()) + 1]
    area = float(cover.sum())
    across, along = (float(cover.sum(axis) @ (np.arange(cover.shape[1 - axis]) + 0.5)) / area for axis in (0, 1))
    cover = (2 * cover - 0.5).clip(0, 1)  # so that a blurred outline costs a small shape no more than a large one
    sharp = float(cover.sum())
    guesses = []
    for shape in SHAPES:
        unit, lower = _unit(shape)
        radius = (area / unit) ** 0.5
        x, y = across, along - lower * radius
        guesses.append((_overlap(cover, sharp, shape, radius, x, y), shape, radius, x, y))
    hopeful = max(guesses)[0] - FIT_GAINED
    best = ("", -1.0, 0.0, 0.0, 0.0)
    for _, shape, radius, x, y in (guess for guess in guesses if guess[0] >= hopeful):
        for stretch, dx, dy in itertools.product(STRETCHES, STEPS, STEPS):
            fit = _overlap(cover, sharp, shape, radius * stretch, x + dx, y + dy)
            if fit > best[1]:
                best = (shape, fit, left + x, top + y, radius)
    return best


def _overlap(cover: np.ndarray, area: float, shape: str, radius: float, x: float, y: float) -> float:
    """Intersection over union of what is covered and a shape drawn around (x, y), to half a pixel."""
    stamp, total = _stamp(shape, round(radius * 2), round(x * 2) % 2, round(y * 2) % 2)
    half = stamp.shape[0] // 2
    left, top = round(x * 2) // 2 - half, round(y * 2) // 2 - half
    height, width = cover.shape
    seen = cover[max(top, 0) : top + 2 * half, max(left, 0) : left + 2 * half]
    under = stamp[max(-top, 0) : height - top, max(-left, 0) : width - left]
    shared = float(np.minimum(seen, under).sum())
    return shared / (area + total - shared)


@lru_cache(maxsize=16384)
def _stamp(shape: str, halves: int, right_: int, down: int) -> tuple[np.ndarray, float]:
    """A shape of `halves` / 2 pixels radius, smooth-edged, on a square whose centre it misses by half pixels."""
    radius = halves / 2
    side = 2 * (int(radius * 1.1) + 2)
    centre = [0.5 + shift / 2 / side for shift in (right_, down)]
    drawn = mask(Thing(shape, "", "", *centre, radius / side), side * OVERSAMPLE, side * OVERSAMPLE)
    stamp = drawn.reshape(side, OVERSAMPLE, side, OVERSAMPLE).mean((1, 3), dtype=np.float32)
    return stamp, float(stamp.sum())


@lru_cache(maxsize=len(SHAPES))
def _unit(shape: str) -> tuple[float, float]:
    """A shape's area in squared radii, and how far below its centre its centroid lies in radii."""
    side, radius = 1024, 0.4
    drawn = mask(Thing(shape, "", "", 0.5, 0.5, radius), side, side)
    lower = float(np.nonzero(drawn)[0].mean() + 0.5) / side - 0.5
    return float(drawn.sum()) / (radius * side) ** 2, lower / radius
