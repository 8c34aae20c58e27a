"""Which model a request means: ids, aliases, retired models, teams, and the best for "auto"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from engines.contract import Capability, ModelCard
from gateway.catalog import Catalog, ModelEntry
from gateway.errors import InvalidInput, ModelRetired, NotAccepting, UnknownModel
from gateway.routing import Outlook, choose, step_ins, visible

TEAM = frozenset({"0190-team", "painters"})
CATALOG = Catalog(
    models={
        "ink": ModelEntry(id="ink", engine="e", source="s"),
        "oil": ModelEntry(id="oil", engine="e", source="s", aliases=("canvas", "chalk")),
        "secret": ModelEntry(id="secret", engine="e", source="s", teams=("spies",), aliases=("hidden",)),
        "ours": ModelEntry(id="ours", engine="e", source="s", teams=("painters",)),
        "by-id": ModelEntry(id="by-id", engine="e", source="s", teams=("0190-team",)),
        "chalk": ModelEntry(id="chalk", retired="ink"),
        "slate": ModelEntry(id="slate", retired="ink"),
    },
    aliases={"canvas": "oil", "chalk": "oil", "hidden": "secret"},
    defaults={"text_to_image": "oil"},
)
DRAWS = ModelCard(capabilities=("text_to_image",))
MENDS = ModelCard(capabilities=("text_to_image", "inpaint"))
CARDS = {"ink": MENDS, "oil": DRAWS, "secret": MENDS, "ours": MENDS, "by-id": DRAWS}


def chosen(
    wanted: str | None,
    capability: Capability = "text_to_image",
    catalog: Catalog = CATALOG,
    cards: Mapping[str, ModelCard] = CARDS,
    team: frozenset[str] = TEAM,
    outlooks: Mapping[str, Outlook] = {},
    pictures: int = 0,
) -> str:
    return choose(wanted, capability, catalog, cards, outlooks, team, pictures).id


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("ink", "ink"),
        ("canvas", "oil"),
        ("chalk", "oil"),  # an alias beats `retired`
        ("ours", "ours"),
        ("by-id", "by-id"),
    ],
)
def test_a_model_is_found_by_its_id_and_its_aliases(wanted: str, found: str) -> None:
    assert chosen(wanted) == found


def test_a_model_that_is_named_is_given_whatever_it_can_do_and_however_it_is() -> None:
    assert chosen("oil", "inpaint", outlooks={"oil": Outlook(ready=False)}, cards={}) == "oil"


def test_a_retired_model_names_its_replacement() -> None:
    with pytest.raises(ModelRetired) as raised:
        chosen("slate")
    assert raised.value.extra["replacement"] == "ink"
    assert raised.value.field == "model"
    assert '"ink"' in raised.value.message


@pytest.mark.parametrize(
    ("wanted", "says"),
    [("inc", 'did you mean "ink"'), ("canvass", 'did you mean "canvas"'), ("zzz", "there are ink, oil, ours")],
)
def test_an_unknown_model_names_the_nearest(wanted: str, says: str) -> None:
    with pytest.raises(UnknownModel) as raised:
        chosen(wanted)
    assert says in raised.value.message
    assert raised.value.field == "model"


@pytest.mark.parametrize("wanted", ["secret", "hidden", "secrets"])
def test_another_teams_model_is_not_there(wanted: str) -> None:
    with pytest.raises(UnknownModel) as raised:
        chosen(wanted)
    said = raised.value.message.replace(f'"{wanted}"', "")
    assert "secret" not in said
    assert "hidden" not in said


def test_a_team_sees_its_own_models_and_those_of_all() -> None:
    assert [entry.id for entry in visible(CATALOG, TEAM)] == ["ink", "oil", "ours", "by-id"]
    assert [entry.id for entry in visible(CATALOG, frozenset({"spies"}))] == ["ink", "oil", "secret"]


WAITS = {"ink": Outlook(wait_seconds=5), "ours": Outlook(wait_seconds=2)}


@pytest.mark.parametrize(
    ("capability", "outlooks", "found"),
    [
        ("text_to_image", {}, "oil"),  # the operator's default
        ("text_to_image", {"oil": Outlook(wait_seconds=900)}, "oil"),  # preferred, then the wait
        ("text_to_image", {"oil": Outlook(ready=False)}, "ink"),  # a default that is not well is stepped in for
        ("inpaint", {}, "ink"),  # no default: the first in the file
        ("inpaint", WAITS, "ours"),  # or the shortest wait
        ("inpaint", WAITS | {"ours": Outlook(ready=False)}, "ink"),
    ],
)
@pytest.mark.parametrize("wanted", [None, "auto"])
def test_auto_is_the_best_there_is(
    wanted: str | None, capability: Capability, outlooks: dict[str, Outlook], found: str
) -> None:
    assert chosen(wanted, capability, outlooks=outlooks) == found


def test_auto_takes_only_models_that_are_on_offer_and_seen() -> None:
    assert chosen(None, cards={"ink": DRAWS}) == "ink"
    assert chosen(None, "inpaint", team=frozenset(), cards={"ours": MENDS, "ink": MENDS}) == "ink"


def test_no_model_with_the_capability_is_the_callers_affair() -> None:
    with pytest.raises(InvalidInput, match="No model here does upscale") as raised:
        chosen(None, "upscale")
    assert raised.value.field == "model"


def test_no_model_that_is_well_is_ours() -> None:
    down = Outlook(ready=False, reason="the GPU fell off the bus")
    with pytest.raises(NotAccepting, match="ink: the GPU fell off the bus"):
        chosen(None, cards={"ink": DRAWS}, outlooks={"ink": down})


def test_auto_takes_a_model_that_takes_as_many_pictures() -> None:
    one = ModelCard(capabilities=("image_to_image",))
    three = ModelCard(capabilities=("image_to_image",), max_references=2)
    cards = {"ink": one, "oil": three}
    assert chosen("auto", "image_to_image", cards=cards, pictures=1) == "ink"
    assert chosen("auto", "image_to_image", cards=cards, pictures=3) == "oil"
    # None does: its card will say how many are too many.
    assert chosen("auto", "image_to_image", cards=cards, pictures=4) == "ink"


# --------------------------------------------------------------------------------------------------------- fail-over


def stepping_in(
    order: list[str],
    *,
    tried: set[str] = frozenset(),  # type: ignore[assignment]
    capability: Capability = "text_to_image",
    cards: Mapping[str, ModelCard] = CARDS,
    outlooks: Mapping[str, Outlook] = {},
    pictures: int = 0,
    unwell_too: bool = False,
) -> list[str]:
    found = step_ins(order, tried, capability, CATALOG, cards, outlooks, TEAM, pictures, unwell_too=unwell_too)
    return [entry.id for entry in found]


DOWN = Outlook(ready=False, reason="away")


@pytest.mark.parametrize(
    ("order", "more", "found"),
    [
        (["auto"], {}, ["oil", "ink", "ours", "by-id"]),  # the operator's default first, then the file's order
        (["auto"], {"tried": {"oil", "ours"}}, ["ink", "by-id"]),
        (["auto"], {"outlooks": {"oil": DOWN}}, ["ink", "ours", "by-id"]),
        (["auto"], {"outlooks": {"oil": Outlook(doubtful=True)}}, ["ink", "ours", "by-id", "oil"]),
        (["auto"], {"outlooks": {"ink": Outlook(wait_seconds=9)}}, ["oil", "ours", "by-id", "ink"]),
        (["auto"], {"capability": "inpaint"}, ["ink", "ours"]),
        (["ours", "ink"], {}, ["ours", "ink"]),
        (["ours", "auto"], {}, ["ours", "oil", "ink", "by-id"]),
        (["auto", "oil"], {}, ["ink", "ours", "by-id", "oil"]),
        (["canvas"], {}, ["oil"]),  # an alias
        (["canvas", "oil"], {}, ["oil"]),
        (["slate", "secret", "ink"], {}, ["ink"]),  # retired ones and other teams' are left out
        (["ink"], {"cards": {"oil": DRAWS}}, []),  # and so is what is not on offer
        (["ink", "oil"], {"outlooks": {"ink": DOWN}}, ["oil"]),
        (["ink", "oil"], {"outlooks": {"ink": DOWN}, "unwell_too": True}, ["oil", "ink"]),
        (["auto"], {"capability": "inpaint", "pictures": 2}, []),  # none takes so many
    ],
)
def test_who_may_step_in(order: list[str], more: dict[str, Any], found: list[str]) -> None:
    assert stepping_in(order, **more) == found


def test_auto_prefers_those_that_are_surely_well() -> None:
    assert chosen(None, outlooks={"oil": Outlook(doubtful=True)}) == "ink"
    every = {id_: Outlook(doubtful=True) for id_ in CARDS}
    assert chosen(None, outlooks=every) == "oil", "where all are doubtful the default is it again"
