"""Samplers and schedule types: what a server has under our names, and what it must be told for one of them.

Servers take an unknown name for another one without a word (measured: Forge, stable-diffusion.cpp; A1111 for schedule
types), so every name that is sent is one that the server has listed.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from engines import samplers
from engines.a1111.probing import Facts, Schedule
from engines.contract import InvalidRequest, ModelUnusable

_PLAIN_SCHEDULES = ("Uniform", "discrete")
"""What A1111's relatives and stable-diffusion.cpp call the plain schedule, under which nothing is spread otherwise."""
_SIMPLE_START = "Euler"
"""The default where a model's entry names none: right for every kind of model."""


class Told(Struct, frozen=True):
    """What a request says of the sampler."""

    sampler: str
    schedule: str | None = None
    """None: the field is left out."""


def offered(facts: Facts, schedule: str | None) -> dict[str, Told]:
    """By our name, what the server is told; the default first. `schedule` is for names that say none.

    Raises ModelUnusable for a schedule type that the server lacks.
    """
    usual = _named(schedule, facts) if schedule else None
    found: dict[str, Told] = {}
    for name, told in _all(facts, usual):
        found.setdefault(name, told)
    first = [name for name in found if name == _SIMPLE_START]
    return {name: found[name] for name in (*first, *found)}


def told(name: str, facts: Facts, schedule: str | None) -> Told:
    """Raises InvalidRequest for a sampler that this server lacks."""
    table = offered(facts, schedule)
    known = table.get(name) or table.get(samplers.resolve(name) or "")
    if known is None:
        near = samplers.nearest(name, table)
        raise InvalidRequest(f'The server has no sampler "{name}".{_meant(near)}', "sampler")
    return known


def agrees(sent: Told, said_sampler: str, said_schedule: str | None) -> bool:
    """Whether the answer's `info` tells of the sampler that was sent; the schedule counts where both sides name one."""
    one, other = _split(sent.sampler), _split(said_sampler)
    if _plain(one[0]) != _plain(other[0]):
        return False
    asked, had = sent.schedule or one[1], said_schedule or other[1]
    return not asked or not had or _plain(asked) == _plain(had)


def _all(facts: Facts, usual: Schedule | None) -> Iterator[tuple[str, Told]]:
    for row in facts.samplers:
        known = samplers.resolve(row.name) or row.name
        if facts.schedules is None or samplers.split(known)[1]:
            yield known, Told(row.name)
            continue
        # Left to itself it would be spread, under a name that with us says that it is not.
        automatic = row.schedule and samplers.resolve(row.name)
        plain = usual or (_first(facts, _PLAIN_SCHEDULES) if automatic else None)
        yield known, Told(row.name, plain.label if plain else None)
        for schedule in samplers.SCHEDULES:
            spread = samplers.resolve(known, schedule)
            has = _first(facts, (schedule,))
            if spread and has and spread != known:
                yield spread, Told(row.name, has.label)


def _named(schedule: str, facts: Facts) -> Schedule:
    """Raises ModelUnusable, naming what there is."""
    if facts.schedules is None:
        raise ModelUnusable("`schedule`: this server has no schedule types; they are part of its samplers' names.")
    if found := _first(facts, (schedule,)):
        return found
    labels = ", ".join(row.label for row in facts.schedules)
    raise ModelUnusable(f'`schedule`: the server has no schedule type "{schedule}"; it has {labels}.')


def _first(facts: Facts, names: tuple[str, ...]) -> Schedule | None:
    for name in names:
        for row in facts.schedules or ():
            if _plain(name) in (_plain(row.name), _plain(row.label)):
                return row
    return None


def _split(name: str) -> tuple[str, str | None]:
    known = samplers.resolve(name)
    return samplers.split(known) if known else (name, None)


def _plain(name: str) -> str:
    return "".join(each for each in name.lower().replace("++", "pp") if each.isalnum())


def _meant(near: list[str]) -> str:
    return f" Did you mean {' or '.join(near)}?" if near else ""
