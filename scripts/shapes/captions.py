"""How a scene is told: the full sentence, and the looser ways of saying it that training mixes in."""

from __future__ import annotations

import random
import string

from shapes.scenes import COLORS, RELATIONS, SHAPES, Scene, Thing

LEADS = ("a picture of", "an image of", "a drawing of", "a photo of", "an icon of", "a simple drawing of", "a flat icon of")
TAILS = ("beautiful", "detailed", "minimalist", "high quality", "flat design", "centered", "vector art")


def words() -> list[str]:
    """Every word that shall be one token."""
    phrases = [*COLORS, *SHAPES, *RELATIONS, *LEADS, *TAILS, "large", "small", "a", "an", "on", "background", "shape", "and"]
    return sorted({word for phrase in phrases for word in phrase.split()})


def full(scene: Scene) -> str:
    """The whole truth: "a large yellow star above a small purple ring on a black background"."""
    told = f" {scene.relation} ".join(_noun(thing) for thing in scene.things)
    return f"{told} on a {scene.ground} background"


def loose(scene: Scene, rng: random.Random) -> str:
    """One of the ways in which people would say less or other than `full`, never anything untrue."""
    if rng.random() < 0.08:  # a single word, as negative prompts are
        thing = rng.choice(scene.things)
        return rng.choice([thing.color, thing.shape, f"{thing.color} {thing.shape}", f"{scene.ground} background"])
    nouns = [
        _noun(thing, color=rng.random() > 0.06, shape=rng.random() > 0.06, size=rng.random() > 0.1) for thing in scene.things
    ]
    told = f" {scene.relation} ".join(nouns)
    if len(nouns) == 2 and rng.random() < 0.04:
        told = " and ".join(rng.sample(nouns, 2))
    dice = rng.random()
    if dice < 0.82:
        told += f" on a {scene.ground} background"
    elif dice < 0.9:
        told += f" on {scene.ground}"
    if rng.random() < 0.08:
        told = f"{rng.choice(LEADS)} {told}"
    if rng.random() < 0.08:
        told = f"{told}, {rng.choice([rng.choice(TAILS), _gibberish(rng)])}"
    return told


def _noun(thing: Thing, *, color: bool = True, shape: bool = True, size: bool = True) -> str:
    kept = [thing.size if size else "", thing.color if color else "", thing.shape if shape else "shape"]
    told = " ".join(word for word in kept if word)
    return f"an {told}" if told[0] in "aeiou" else f"a {told}"


def _gibberish(rng: random.Random) -> str:
    """Words that the model cannot know, so that it learns to pass over them."""
    return " ".join("".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 8))) for _ in range(rng.randint(1, 2)))
