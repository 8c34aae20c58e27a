"""What a model cannot do is refused before it is queued or charged, with the field and what the model can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engines import samplers
from engines.contract import Capability, Lora, ModelCard, Span
from gateway.errors import InvalidInput
from gateway.nearest import did_you_mean, listed

SEED_END = 2**53
"""JSON's numbers are exact up to here (RFC 8259, section 6)."""
NEEDS_SOURCE: tuple[Capability, ...] = ("image_to_image", "inpaint", "upscale")


class Asked(Protocol):
    """A submission, as far as a card has a say in it; None: left to us. `gateway.jobs.request.Submission` is one."""

    @property
    def capability(self) -> Capability: ...
    @property
    def prompt(self) -> str: ...
    @property
    def negative_prompt(self) -> str: ...
    @property
    def n(self) -> int: ...
    @property
    def steps(self) -> int | None: ...
    @property
    def guidance_scale(self) -> float | None: ...
    @property
    def sampler(self) -> str | None: ...
    @property
    def strength(self) -> float | None: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def source(self) -> object | None: ...
    @property
    def mask(self) -> object | None: ...
    @property
    def references(self) -> Sequence[object]: ...
    @property
    def loras(self) -> Sequence[Lora]: ...
    @property
    def choices(self) -> Mapping[str, str]: ...
    @property
    def hires(self) -> object | None: ...


def check(asked: Asked, card: ModelCard, model: str) -> None:
    """Raises InvalidInput for the first thing that the model cannot do. The size is checked by `geometry`."""
    if asked.capability not in card.capabilities:
        can = listed(card.capabilities)
        raise InvalidInput(f'The model "{model}" cannot do {asked.capability}; it can do {can}.', field="capability")
    _check_prompts(asked, card, model)
    _check_pictures(asked, card, model)
    _check_number("steps", asked.steps, card.steps, model)
    _check_number("guidance_scale", asked.guidance_scale, card.guidance_scale, model)
    if asked.strength is not None and asked.source is None:
        raise InvalidInput("strength says how much of a picture is made anew; it needs a source picture.", field="strength")
    _check_number("strength", asked.strength, card.strength, model)
    sampler_name(asked.sampler, card, model)
    _check_seed(asked, card, model)
    _check_choices(asked.choices, card, model)
    if len(asked.loras) > card.max_loras:
        raise InvalidInput(f'The model "{model}" {_takes(card.max_loras, "LoRA", len(asked.loras))}.', field="loras")
    if asked.hires is not None:
        raise InvalidInput(
            f'The model "{model}" makes no second, larger pass (hires fix); ask for the size itself.', field="hires"
        )


def sampler_name(wanted: str | None, card: ModelCard, model: str) -> str | None:
    """The sampler in the card's spelling, the card's default for None. Raises InvalidInput naming the nearest."""
    if wanted is None:
        return card.samplers[0] if card.samplers else None
    if not card.samplers:
        raise InvalidInput(f'The model "{model}" does not let its sampler be chosen; leave it out.', field="sampler")
    for name in (wanted, samplers.resolve(wanted)):
        if name in card.samplers:
            return name
    near = samplers.nearest(wanted, card.samplers, 1)
    meant = f'; did you mean "{near[0]}"?' if near else "."
    raise InvalidInput(f'The model "{model}" has no sampler "{wanted}"{meant} It has {listed(card.samplers)}.', field="sampler")


def _check_prompts(asked: Asked, card: ModelCard, model: str) -> None:
    if not asked.prompt.strip() and asked.capability != "upscale":
        raise InvalidInput("The prompt is empty; say what the picture shall show.", field="prompt")
    if asked.negative_prompt and not card.negative_prompt:
        raise InvalidInput(f'The model "{model}" takes no negative prompt; leave it out.', field="negative_prompt")
    for field, text in (("prompt", asked.prompt), ("negative_prompt", asked.negative_prompt)):
        if len(text) > card.max_prompt:
            what = f"The {field.replace('_', ' ')} has {len(text)} characters"
            raise InvalidInput(f'{what}; the model "{model}" takes {card.max_prompt} at most.', field=field)


def _check_pictures(asked: Asked, card: ModelCard, model: str) -> None:
    if not 1 <= asked.n <= card.max_images:
        most = "one picture" if card.max_images == 1 else f"1 to {card.max_images} pictures"
        more = "; for more, ask again" if asked.n > 1 else ""
        raise InvalidInput(f'The model "{model}" makes {most} per request, not {asked.n}{more}.', field="n")
    if len(asked.references) > card.max_references:
        takes = _takes(card.max_references, "reference picture", len(asked.references))
        raise InvalidInput(f'The model "{model}" {takes}.', field="references")
    if asked.capability in NEEDS_SOURCE and asked.source is None and not asked.references:
        raise InvalidInput(f"{asked.capability} needs the picture that is to be changed.", field="source")
    if asked.source is not None and asked.capability == "image_to_image" and not card.takes_source:
        raise InvalidInput(f'The model "{model}" changes no picture; hand it in as a reference.', field="source")
    if asked.capability not in NEEDS_SOURCE and asked.source is not None:
        raise InvalidInput(f"{asked.capability} changes no picture; leave the source out.", field="source")
    if asked.capability == "inpaint" and asked.mask is None:
        raise InvalidInput("inpaint needs a mask of what is to be repainted.", field="mask")
    if asked.capability != "inpaint" and asked.mask is not None:
        raise InvalidInput(f"{asked.capability} takes no mask; ask for inpaint.", field="mask")


def _check_number(field: str, value: float | None, span: Span | None, model: str) -> None:
    if value is None:
        return
    if span is None:
        raise InvalidInput(f'The model "{model}" has no {field}; leave it out.', field=field)
    # Not a number is neither below nor above.
    if not span.low <= value <= span.high:
        raise InvalidInput(f'The model "{model}" takes {field} from {span.low:g} to {span.high:g}, not {value:g}.', field=field)


def _check_choices(asked: Mapping[str, str], card: ModelCard, model: str) -> None:
    for name, word in asked.items():
        words = card.choices.get(name, ())
        if not words:
            raise InvalidInput(f'The model "{model}" lets no {name} be chosen; leave it out.', field=name)
        if word not in words:
            near = did_you_mean(word, words) or ";"
            raise InvalidInput(f'The model "{model}" has no {name} "{word}"{near} it has {listed(words)}.', field=name)


def _check_seed(asked: Asked, card: ModelCard, model: str) -> None:
    if asked.seed is None:
        return
    if not card.seeds:
        raise InvalidInput(f'The model "{model}" takes no seed: its pictures cannot be repeated. Leave it out.', field="seed")
    if not 0 <= asked.seed <= SEED_END - asked.n:
        raise InvalidInput(
            f"A seed is a whole number from 0 to {SEED_END - 1}, each further picture's being one more.", field="seed"
        )


def _takes(most: int, what: str, given: int) -> str:
    if most == 0:
        return f"takes no {what}; leave it out"
    return (f"takes one {what} at most" if most == 1 else f"takes at most {most} {what}s") + f", not {given}"
