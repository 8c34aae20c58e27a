"""The world that the bundled model knows: flat scenes of one or two shapes, how they are drawn and how they are told.

Lengths are fractions of the picture's shorter side for radii, and of its own axis for centres, so that one
scene can be drawn on a canvas of any ratio.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (222, 40, 40),
    "orange": (244, 140, 34),
    "yellow": (246, 214, 50),
    "green": (36, 160, 72),
    "blue": (46, 84, 222),
    "purple": (128, 56, 176),
    "pink": (246, 150, 190),
    "black": (22, 22, 24),
    "white": (246, 246, 246),
    "gray": (128, 128, 130),
}
SHAPES = ("circle", "square", "triangle", "star", "ring", "cross")
RELATIONS = {"above": (0, -1), "below": (0, 1), "left of": (-1, 0), "right of": (1, 0)}
SIZES = ("small", "", "large")
RADII = {1: {"small": (0.17, 0.22), "": (0.26, 0.33), "large": (0.38, 0.43)},
         2: {"small": (0.115, 0.135), "": (0.16, 0.19), "large": (0.2, 0.225)}}  # fmt: skip
RING_HOLE = 0.55
CROSS_ARM = 0.36
OVERSAMPLE = 4


@dataclass(frozen=True)
class Thing:
    """One shape: `x`, `y` its centre, `radius` half its height."""

    shape: str
    color: str
    size: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Scene:
    """One or two things on a ground; `relation` tells how the first stands to the second ("" for one thing)."""

    things: tuple[Thing, ...]
    ground: str
    relation: str = ""


@cache
def held_out(shape: str, color: str, ground: str) -> bool:
    """Whether this combination is kept from training: about one in nine, chosen by a hash, the same for ever."""
    digest = hashlib.sha256(f"{shape}/{color}/{ground}".encode()).digest()
    return digest[0] % 9 == 0


@cache
def combinations(held: bool) -> tuple[tuple[str, str, str], ...]:
    """All (shape, color, ground) that are, or are not, held out; a thing never has its ground's color."""
    return tuple((s, c, g) for s in SHAPES for c in COLORS for g in COLORS if c != g and held_out(s, c, g) == held)


@cache
def _beside(held: bool, color: str, ground: str) -> tuple[tuple[str, str], ...]:
    """The (shape, color) of what may stand on that ground with a thing of that color."""
    return tuple((s, c) for s, c, g in combinations(held) if g == ground and c != color)


def place(rng: random.Random, kinds: list[tuple[str, str, str]], ground: str, relation: str) -> Scene:
    """Lay out things given as (shape, color, size), with the freedom that every scene of the world has."""
    if len(kinds) == 1:
        centres = [(0.5 + rng.uniform(-0.05, 0.05), 0.5 + rng.uniform(-0.05, 0.05))]
    else:
        dx, dy = RELATIONS[relation]
        gap = [rng.uniform(0.235, 0.26) for _ in range(2)]
        along = [(0.5 + dx * gap[0], 0.5 + dy * gap[0]), (0.5 - dx * gap[1], 0.5 - dy * gap[1])]
        centres = [(x + (not dx) * rng.uniform(-0.07, 0.07), y + (not dy) * rng.uniform(-0.07, 0.07)) for x, y in along]
    things = [
        Thing(shape, color, size, x, y, rng.uniform(*RADII[len(kinds)][size]))
        for (shape, color, size), (x, y) in zip(kinds, centres, strict=True)
    ]
    return Scene(tuple(things), ground, relation)


def random_scene(rng: random.Random, *, held: bool = False, things: int | None = None) -> Scene:
    """A scene of the training world (or, with `held`, of the held-out one), two things in six out of ten."""
    count = things or (1 if rng.random() < 0.4 else 2)
    shape, color, ground = rng.choice(combinations(held))
    kinds = [(shape, color, rng.choice(SIZES) if rng.random() < 0.6 else "")]
    if count == 2:
        options = _beside(held, color, ground)
        if not options:
            return random_scene(rng, held=held, things=things)
        other = rng.choice(options)
        kinds.append((*other, rng.choice(SIZES) if rng.random() < 0.6 else ""))
    return place(rng, kinds, ground, rng.choice(list(RELATIONS)) if count == 2 else "")


def outline(thing: Thing, width: int, height: int) -> list[list[tuple[float, float]]]:
    """The thing as polygons in pixels: the first is filled, the others are holes in it."""
    cx, cy, r = thing.x * width, thing.y * height, thing.radius * min(width, height)

    def round_(radius: float) -> list[tuple[float, float]]:
        return [(cx + radius * math.cos(a * math.tau / 96), cy + radius * math.sin(a * math.tau / 96)) for a in range(96)]

    def points(*pairs: tuple[float, float]) -> list[tuple[float, float]]:
        return [(cx + x * r, cy + y * r) for x, y in pairs]

    match thing.shape:
        case "circle":
            return [round_(r)]
        case "ring":
            return [round_(r), round_(r * RING_HOLE)]
        case "square":
            return [points((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9))]
        case "triangle":
            return [points((0, -1), (1.05, 0.85), (-1.05, 0.85))]
        case "cross":
            a = CROSS_ARM
            upper, lower = (
                [(-1, a), (-1, -a), (-a, -a), (-a, -1), (a, -1), (a, -a)],
                [(1, -a), (1, a), (a, a), (a, 1), (-a, 1), (-a, a)],
            )
            return [points(*upper, *lower)]
        case "star":
            tips = [(1.08 if i % 2 == 0 else 0.46, math.pi * i / 5 - math.pi / 2) for i in range(10)]
            return [points(*((q * math.cos(a), q * math.sin(a)) for q, a in tips))]
    raise ValueError(f"no shape is called {thing.shape!r}; there are {', '.join(SHAPES)}")


def mask(thing: Thing, width: int, height: int) -> np.ndarray:
    """The thing as a boolean array of (height, width)."""
    canvas = Image.new("1", (width, height))
    _fill(ImageDraw.Draw(canvas), outline(thing, width, height), 1, 0)
    return np.asarray(canvas)


def draw(scene: Scene, width: int, height: int) -> np.ndarray:
    """The scene as uint8 RGB of (height, width, 3), edges smoothed by oversampling."""
    canvas = Image.new("RGB", (width * OVERSAMPLE, height * OVERSAMPLE), COLORS[scene.ground])
    pen = ImageDraw.Draw(canvas)
    for thing in scene.things:
        polygons = outline(thing, width * OVERSAMPLE, height * OVERSAMPLE)
        _fill(pen, polygons, COLORS[thing.color], COLORS[scene.ground])
    return np.asarray(canvas.reduce(OVERSAMPLE))


def _fill(pen: ImageDraw.ImageDraw, polygons: list[list[tuple[float, float]]], inside: object, outside: object) -> None:
    for index, polygon in enumerate(polygons):
        pen.polygon(polygon, fill=inside if index == 0 else outside)  # type: ignore[arg-type]
