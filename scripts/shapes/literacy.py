"""The text encoder learns to read before the UNet hears of it.

Left to the denoising loss, "above" never came to mean anything: in pixels, and in all gradients, two shapes in the wrong
order cost little more than in the right one, and the UNet settled on the mean of both. Here the loss is about words
alone. The tokens after the sentence, the only ones whose causal attention sees all of it, take turns: those in even
places must know of one shape where it stands, what it is and its color, those in odd places of the other. So the
UNet's queries at the top need only find the token that says "top". The small heads that ask are thrown away.
"""

from __future__ import annotations

import random
import time

import torch
from torch.nn import functional as F
from transformers import CLIPTextModel, CLIPTokenizer

from shapes import captions, networks
from shapes.scenes import COLORS, SHAPES, SIZES, Scene, random_scene
from shapes.words import TEXT_LENGTH

NOTHING = "nothing"
FIRST, SECOND = ("middle", "top", "left"), ("bottom", "right")
PLACES = {"above": ("top", "bottom"), "below": ("bottom", "top"), "left of": ("left", "right"), "right of": ("right", "left")}
QUESTIONS = {
    "place": (NOTHING, "middle", "top", "bottom", "left", "right"),
    "shape": (NOTHING, *SHAPES),
    "color": (NOTHING, *COLORS),
    "size": (NOTHING, *SIZES),
    "ground": tuple(COLORS),
}


def answers(scene: Scene) -> list[list[int]]:
    """What the tokens in even places and those in odd ones must say of a scene: of the thing in the middle, at the top or
    on the left, and of the one at the bottom or on the right. Each answer is a place in its list of `QUESTIONS`."""
    places = PLACES[scene.relation] if scene.relation else ("middle",)
    told = {place: (place, thing.shape, thing.color, thing.size) for place, thing in zip(places, scene.things, strict=True)}
    ends = [next((told[place] for place in some if place in told), (NOTHING,) * 4) for some in (FIRST, SECOND)]
    return [[words.index(said) for words, said in zip(QUESTIONS.values(), (*end, scene.ground), strict=True)] for end in ends]


def teach(words: CLIPTokenizer, steps: int, *, device: str, batch: int = 128, rate: float = 1.5e-3) -> CLIPTextModel:
    """A text encoder that can answer `QUESTIONS`; captions that say less leave it guessing, as they should."""
    torch.manual_seed(3)
    rng = random.Random("literacy")
    text = networks.text_encoder(words).to(device)
    heads = torch.nn.Linear(networks.TEXT_WIDTH, sum(map(len, QUESTIONS.values()))).to(device)
    weights = [*text.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=1e-2, betas=(0.9, 0.99), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    began = time.monotonic()
    for step in range(steps):
        world = [random_scene(rng) for _ in range(batch)]
        told = [captions.full(scene) if rng.random() < 0.5 else captions.loose(scene, rng) for scene in world]
        loss = torch.stack(_losses(text, heads, words, told, world, device)).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step + 1 == steps:
            right = _understood(text, heads, words, rng, device)
            print(
                f"text {step}/{steps} loss {loss:.3f} understood {right:.3f} seconds {time.monotonic() - began:.0f}", flush=True
            )
    return text


def _losses(
    text: CLIPTextModel, heads: torch.nn.Linear, words: CLIPTokenizer, told: list[str], world: list[Scene], device: str
) -> list[torch.Tensor]:
    asked, after = _asked(text, heads, words, told, device)
    truths = _truths(world, device)
    return [F.cross_entropy(guess[after], truth[after]) for guess, truth in zip(asked, truths, strict=True)]


def _asked(
    text: CLIPTextModel, heads: torch.nn.Linear, words: CLIPTokenizer, told: list[str], device: str
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    """Each question's guesses at every token, and which tokens come after the sentence."""
    ids = words(told, padding="max_length", truncation=True, return_tensors="pt").input_ids.to(device)
    guesses = heads(text(ids).last_hidden_state).split([len(options) for options in QUESTIONS.values()], dim=-1)
    return guesses, ids == words.eos_token_id


def _truths(world: list[Scene], device: str) -> torch.Tensor:
    """(question, scene, token): the right answer of every token, if it came after the sentence."""
    ends = torch.tensor([answers(scene) for scene in world], device=device)  # (scene, end, question)
    return ends.permute(2, 0, 1).repeat(1, 1, TEXT_LENGTH // 2)


@torch.no_grad()
def _understood(text: CLIPTextModel, heads: torch.nn.Linear, words: CLIPTokenizer, rng: random.Random, device: str) -> float:
    """The share of full captions of two things, of combinations that are never taught, that are read without a fault."""
    world = [random_scene(rng, held=True, things=2) for _ in range(200)]
    guesses, after = _asked(text, heads, words, [captions.full(scene) for scene in world], device)
    read = torch.stack([guess.argmax(-1) for guess in guesses]) == _truths(world, device)
    return (read | ~after).all(0).all(1).float().mean().item()
