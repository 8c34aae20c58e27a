"""Which model a request means: an id, an alias, or the best there is. Pure over the catalog, the cards and a snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from engines.contract import Capability, ModelCard
from gateway.cards import takes
from gateway.catalog import AUTO, Catalog, ModelEntry
from gateway.errors import InvalidInput, ModelRetired, NotAccepting, UnknownModel
from gateway.nearest import did_you_mean, listed


class Outlook(Struct, frozen=True):
    """How things stand for one model just now, as the lanes tell."""

    ready: bool = True
    """Some lane that can run it is well."""
    wait_seconds: float = 0.0
    """Until a job that comes now would begin, as far as is known."""
    doubtful: bool = False
    """Its lanes failed, and have yet to show that they are well again."""
    reason: str = ""
    """Why it is not ready."""


UNKNOWN = Outlook()


def choose(
    wanted: str | None,
    capability: Capability,
    catalog: Catalog,
    cards: Mapping[str, ModelCard],
    outlooks: Mapping[str, Outlook],
    team: Collection[str],
    pictures: int = 0,
) -> ModelEntry:
    """The model that runs the request. `cards` holds the merged card of each model that is on offer, `outlooks` what is
    known of them, `team` the caller's team by its id and its name, `pictures` how many are handed in.

    A model that is named is returned whether or not it can do what is asked: its card says that better. Raises
    UnknownModel naming the nearest, ModelRetired, InvalidInput when no model has the capability, and NotAccepting when
    those that have it cannot run now.
    """
    if wanted is None or wanted == AUTO:
        return _best(capability, catalog, cards, outlooks, team, pictures)
    entry = catalog.models.get(wanted)
    if entry is not None and not entry.retired and _sees(team, entry):
        return entry
    # An alias beats `retired`: that is how callers of a retired id are served.
    owner = catalog.models.get(catalog.aliases.get(wanted, ""))
    if owner is not None and not owner.retired and _sees(team, owner):
        return owner
    if entry is not None and entry.retired and _sees(team, entry):
        raise ModelRetired(
            f'The model "{wanted}" is retired; ask for "{entry.retired}".', field="model", replacement=entry.retired
        )
    names = [entry.id for entry in visible(catalog, team)]
    aliases = [alias for alias, id_ in catalog.aliases.items() if id_ in names]
    near = did_you_mean(wanted, [*names, *aliases]) or ";"
    raise UnknownModel(f'There is no model "{wanted}"{near} there are {listed(names) or "none"}.', field="model")


def visible(catalog: Catalog, team: Collection[str]) -> Iterable[ModelEntry]:
    """The models that a team may ask for, in the file's order; retired ones are left out."""
    return (entry for entry in catalog.models.values() if not entry.retired and _sees(team, entry))


def step_ins(
    order: Sequence[str],
    tried: Collection[str],
    capability: Capability,
    catalog: Catalog,
    cards: Mapping[str, ModelCard],
    outlooks: Mapping[str, Outlook],
    team: Collection[str],
    pictures: int = 0,
    *,
    unwell_too: bool = False,
) -> list[ModelEntry]:
    """The models that may have a job whose own cannot run it, the first one first: those that are well, can do it, and have
    not had it yet; `unwell_too` adds those behind them that cannot run just now. `order` names them by id or alias; in it
    `auto` is all others, the best first.
    """
    able = _able(capability, catalog, cards, team)
    able = [entry for entry in able if takes(pictures, capability, cards[entry.id]) and entry.id not in tried]
    well = _by_merit(able, capability, catalog, outlooks)
    named = [catalog.aliases.get(name, name) for name in order]
    in_order = _in_order(named, well)
    return [*in_order, *_in_order(named, [entry for entry in able if entry not in well])] if unwell_too else in_order


def _in_order(named: Sequence[str], entries: Iterable[ModelEntry]) -> list[ModelEntry]:
    found = {entry.id: entry for entry in entries}
    others = [id_ for id_ in found if id_ not in named]
    ids = [id_ for name in named for id_ in (others if name == AUTO else (name,))]
    return [found[id_] for id_ in dict.fromkeys(ids) if id_ in found]


def _best(
    capability: Capability,
    catalog: Catalog,
    cards: Mapping[str, ModelCard],
    outlooks: Mapping[str, Outlook],
    team: Collection[str],
    pictures: int,
) -> ModelEntry:
    """Where none takes so many pictures any is returned that has the capability: its card says what is too much."""
    able = _able(capability, catalog, cards, team)
    able = [entry for entry in able if takes(pictures, capability, cards[entry.id])] or able
    if well := _by_merit(able, capability, catalog, outlooks):
        return well[0]
    if able:
        why = "; ".join(f"{entry.id}: {outlooks[entry.id].reason or 'no lane'}" for entry in able)
        raise NotAccepting(f"No model that does {capability} can run now ({why}). Try again later.")
    raise InvalidInput(f"No model here does {capability}; GET /v1/models tells what each can do.", field="model")


def _able(capability: Capability, catalog: Catalog, cards: Mapping[str, ModelCard], team: Collection[str]) -> list[ModelEntry]:
    return [entry for entry in visible(catalog, team) if entry.id in cards and capability in cards[entry.id].capabilities]


def _by_merit(
    able: Iterable[ModelEntry], capability: Capability, catalog: Catalog, outlooks: Mapping[str, Outlook]
) -> list[ModelEntry]:
    """Of those that are well the operator's default, then those with the shortest wait, in the file's order; last those that
    may be well again."""
    preferred = catalog.defaults.get(capability)

    def merit(entry: ModelEntry) -> tuple[bool, bool, float]:
        outlook = outlooks.get(entry.id, UNKNOWN)
        return outlook.doubtful, entry.id != preferred, outlook.wait_seconds

    return sorted((entry for entry in able if outlooks.get(entry.id, UNKNOWN).ready), key=merit)


def _sees(team: Collection[str], entry: ModelEntry) -> bool:
    return not entry.teams or any(name in team for name in entry.teams)
