"""What people type into a search field, taken apart. Pure, and never an error: what means nothing special is text.

red circle          both words, or words that begin so
"red circle"        these words one after the other
-blue  -"on white"  not these
tag:hero  model:shapes  -tag:"work in progress"
before:2026-05-01  after:2026  seed:42  rights:commercial
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice

from msgspec import Struct, structs

from gateway.images.tokens import MOST_TERMS, Term, in_a_row, terms
from gateway.images.wanted import Wanted

LONGEST = 1_000
"""Characters of a query that are looked at."""
MOST_PARTS = 32
"""Of one query, as `tokens.MOST_TERMS`."""
_PART = re.compile(
    r"""(?P<minus>-?)(?:(?P<key>tag|model|before|after|seed|rights):)?"""
    r"""(?:["“„”](?P<quoted>[^"“„”]*)["“”]|(?P<bare>[^\s"“„”]\S*))""",
    re.IGNORECASE,
)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_SEED = re.compile(r"\d{1,16}", re.ASCII)
_LARGEST_SEED = 2**53 - 1
"""As surfaces take them."""


class Query(Struct, frozen=True, kw_only=True):
    """All of it must hold; times are microseconds since the epoch."""

    words: str = ""
    """Text whose words are found by their beginnings."""
    phrases: tuple[str, ...] = ()
    """Texts that stand so, whole words next to each other."""
    without: tuple[str, ...] = ()
    """Texts none of which may be found: a word anywhere, several where they stand next to each other."""
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    without_models: tuple[str, ...] = ()
    before: int | None = None
    """Made earlier than this."""
    after: int | None = None
    """Made then or later."""
    seed: int | None = None
    commercial: bool = False
    """By models whose licences allow commercial use."""
    nothing: bool = False
    """It asks for what no picture can be, such as two seeds, or for text without a letter, a digit or an emoji."""


def parse(text: str) -> Query:
    """What is past the bounds is not looked at."""
    asked = _Asked()
    for match in islice(_PART.finditer(text[:LONGEST].replace("\0", " ")), MOST_PARTS):
        asked.take(match)
    return asked.query()


def narrowed(wanted: Wanted, text: str, commercial: frozenset[str]) -> Wanted:
    """What of it `text` asks for as well; `commercial` are the models whose licences allow commercial use."""
    query = parse(text)
    asked = [*(wanted.terms or ()), *terms(query.words), *_whole(*query.phrases)]
    is_text = wanted.terms is not None or bool(query.words or query.phrases)
    models = [*([] if wanted.model is None else [wanted.model]), *query.models]
    before = None if query.before is None else query.before - 1
    seeds = {seed for seed in (wanted.seed, query.seed) if seed is not None}
    # What has no letters, such as a dash between other words, asks for nothing by itself.
    has_other = query.nothing is False and not asked
    return structs.replace(
        wanted,
        terms=tuple(dict.fromkeys(asked))[:MOST_TERMS] if is_text and not has_other else wanted.terms,
        phrases=(*wanted.phrases, *query.phrases),
        without=(*wanted.without, *(tuple(each) for each in map(_whole, query.without) if len(each) == 1)),
        without_phrases=(*wanted.without_phrases, *(each for each in query.without if len(_whole(each)) > 1)),
        nothing=wanted.nothing or query.nothing or len(set(models)) > 1 or len(seeds) > 1,
        model=models[0] if models else None,
        models=_both(wanted.models, commercial if query.commercial else None),
        without_models=(*wanted.without_models, *query.without_models),
        tags=(*wanted.tags, *query.tags),
        without_tags=(*wanted.without_tags, *query.without_tags),
        since=max((each for each in (wanted.since, query.after) if each is not None), default=None),
        until=min((each for each in (wanted.until, before) if each is not None), default=None),
        seed=min(seeds, default=None),
    )


def has_phrase(phrase: str, texts: Iterable[str]) -> bool:
    """Whether one of the texts has the phrase: its words whole and next to each other, whatever signs are between."""
    wanted = in_a_row(phrase)
    return any(wanted in f" {in_a_row(text).strip()} " for text in texts)


def _whole(*texts: str) -> list[Term]:
    """Of each text the words as they are, not those that begin so."""
    return [Term(term.text, False) for text in texts for term in terms(text)]


def _both(some: frozenset[str] | None, others: frozenset[str] | None) -> frozenset[str] | None:
    if some is None or others is None:
        return others if some is None else some
    return some & others


class _Asked:
    """Gathers a query, part by part."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._lists: dict[str, list[str]] = {name: [] for name in ("phrases", "without", "tag", "-tag", "model", "-model")}
        self._times: dict[str, int] = {}
        self._seeds: set[int] = set()
        self._commercial = False

    def take(self, part: re.Match[str]) -> None:
        said = part["bare"] if part["quoted"] is None else part["quoted"].strip()
        key = (part["key"] or "").lower()
        if key in ("tag", "model") and said:
            self._lists[part["minus"] + key].append(said)
        elif not key or part["minus"] or not self._filter(key, said):
            self._text(part, f"{key}:{said}" if key else said)

    def _filter(self, key: str, said: str) -> bool:
        """False for what is none."""
        if key == "rights" and said.lower() == "commercial":
            self._commercial = True
        elif key == "seed" and _SEED.fullmatch(said) and int(said) <= _LARGEST_SEED:
            self._seeds.add(int(said))
        elif key in ("before", "after") and (moment := _moment(said)) is not None:
            narrower = min if key == "before" else max
            self._times[key] = narrower(self._times.get(key, moment), moment)
        else:
            return False
        return True

    def _text(self, part: re.Match[str], said: str) -> None:
        if part["minus"]:
            self._lists["without"].append(said)
        elif part["quoted"] is not None and terms(said):
            self._lists["phrases"].append(said)
        else:
            self._words.append(said)

    def query(self) -> Query:
        words = " ".join(self._words)
        lists = {name: tuple(dict.fromkeys(found)) for name, found in self._lists.items()}
        found = Query(
            words=words,
            phrases=lists["phrases"],
            without=tuple(said for said in lists["without"] if terms(said)),
            tags=lists["tag"],
            without_tags=lists["-tag"],
            models=lists["model"],
            without_models=lists["-model"],
            before=self._times.get("before"),
            after=self._times.get("after"),
            seed=min(self._seeds, default=None),
            commercial=self._commercial,
        )
        says_nothing = found == Query(words=words) and not terms(words)
        return structs.replace(found, nothing=says_nothing or len(self._seeds) > 1 or len(set(found.models)) > 1)


def _moment(said: str) -> int | None:
    """When a year, a month, a day (UTC) or an instant begins."""
    date = _DATE.fullmatch(said)
    try:
        if date:
            year, month, day = (int(part or 1) for part in date.groups())
            moment = datetime(year, month, day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(said)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        return None
