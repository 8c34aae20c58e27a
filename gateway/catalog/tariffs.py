"""`[tariffs]`: what a picture costs, as rules that are looked up when a job is priced."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, TypeAlias, get_args

from msgspec import Struct

from engines.contract import Capability
from gateway.catalog.decoding import decode_value, refuse_unknown, shown
from gateway.catalog.kinds import CAPABILITIES, Price
from gateway.catalog.problems import Place
from gateway.nearest import did_you_mean, listed

Surface = Literal["gallery", "tasks", "studio", "openwebui", "openai", "a1111", "mcp"]
Quality = Literal["standard", "hd"]
Resolution = Literal["low", "standard", "high", "4k"]
SURFACES: tuple[Surface, ...] = get_args(Surface)
"""How `Submission.surface` and `[tariffs]` call the APIs."""
GRADES: dict[str, tuple[str, ...]] = {"quality": get_args(Quality), "resolution": get_args(Resolution)}
OTHERWISE = "otherwise"
KEYS = (*SURFACES, *CAPABILITIES, *GRADES, OTHERWISE)
UNITS = 10_000
"""Of a credit: money is kept in whole ten-thousandths."""


class Rule(Struct, frozen=True, kw_only=True):
    """A price and when it holds; None holds always."""

    price: int
    """For a picture, in ten-thousandths of a credit."""
    surface: Surface | None = None
    capability: Capability | None = None
    quality: Quality | None = None
    resolution: Resolution | None = None


Tariff: TypeAlias = tuple[Rule, ...]


def find(tariff: Tariff, **case: str) -> int | None:
    """The price of the most exact rule that fits the case (`surface`, `capability`, `quality`, `resolution`).

    Of two that say equally much the one that says the earlier of these four counts. None where no rule fits.
    """
    fitting = [rule for rule in tariff if all(getattr(rule, axis) in (None, word) for axis, word in case.items())]
    return max(fitting, key=_exactness).price if fitting else None


def read_tariff(name: str, value: Any, place: Place) -> Tariff:
    """What is written under a name: a price, or a table by surface, capability, quality or resolution, in any order.

    A name of a surface holds for that surface alone. What is wrong is reported.
    """
    return tuple(_rules(value, {"surface": name} if name in SURFACES else {}, place))


def refuse_idle(tariffs: Collection[str], models: Any, written_ids: Collection[str], place: Place) -> None:
    """Report every tariff that no job could ever be priced by; `models` are the `[[models]]` as they are written."""
    named = {table.get("tariff") for table in models if isinstance(table, dict)} if isinstance(models, list) else set()
    known = [*SURFACES, *written_ids]
    for name in tariffs:
        if name not in known and name not in named:
            near = did_you_mean(name, [*known, *(each for each in named if isinstance(each, str))])
            place.at(name).refuse(
                f"no surface and no model is called so, and no model names this tariff{near or ';'} "
                f"there are the surfaces {listed(SURFACES)} and the models {listed(written_ids) or 'none'}"
            )


def _rules(value: Any, case: Mapping[str, str], place: Place) -> Iterator[Rule]:
    if not isinstance(value, dict):
        price = decode_value(value, Price, place)
        if price is not None:
            yield Rule(price=int(price * UNITS), **case)  # type: ignore[arg-type]
        return
    if not value:
        place.refuse(f"is empty; give a price, or prices by {listed(KEYS)}")
    for key, inner in value.items():
        yield from _case(key, inner, case, place.at(key))


def _case(key: str, inner: Any, case: Mapping[str, str], place: Place) -> Iterator[Rule]:
    axis = "surface" if key in SURFACES else "capability" if key in CAPABILITIES else key
    if key not in KEYS:
        place.refuse(f"no such key{did_you_mean(key, KEYS) or ';'} allowed here: {listed(KEYS)}")
    elif axis in case:
        place.refuse(f"this is within {case[axis]} already; a price holds for one {axis}")
    elif key == OTHERWISE:
        if isinstance(inner, dict):
            place.refuse(f"{OTHERWISE} is a price, not a table")
        else:
            yield from _rules(inner, case, place)
    elif key not in GRADES:
        yield from _rules(inner, {**case, axis: key}, place)
    elif not isinstance(inner, dict):
        place.refuse(f"{shown(inner)} is no table; give prices by {listed(GRADES[key])}")
    else:
        refuse_unknown(inner, GRADES[key], place)
        for word in GRADES[key]:
            if word in inner:
                yield from _rules(inner[word], {**case, key: word}, place.at(word))


def _exactness(rule: Rule) -> tuple[int, list[bool]]:
    said = [each is not None for each in (rule.surface, rule.capability, rule.quality, rule.resolution)]
    return sum(said), said
