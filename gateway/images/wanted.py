"""What a list shall have: the filters, as values."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from gateway.images.image import Facet
from gateway.images.tags import folded
from gateway.images.tokens import Term

Sort = Literal["newest", "oldest", "title", "favorite"]
Way = Literal["in order", "few", "one by one"]
"""How what the words find is read: newest first from their index; all of it, and sorted, for it is little; or the
pictures, each of which is asked for the words until there are enough."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which pictures; None, or nothing, asks for all. Every condition must hold."""

    terms: tuple[Term, ...] | None = None
    """Words, as `tokens.terms` makes them. Words were asked for and none is left: nothing is found."""
    phrases: tuple[str, ...] = ()
    """Words that stand next to each other so; they are looked for in what `terms` finds."""
    without_phrases: tuple[str, ...] = ()
    """Words that stand nowhere next to each other so."""
    without: tuple[tuple[Term, ...], ...] = ()
    """Of none of these it may have all."""
    nothing: bool = False
    """It is asked for what no picture can be."""
    model: str | None = None
    models: frozenset[str] | None = None
    """One of these made it."""
    without_models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """All of these, however they are written."""
    without_tags: tuple[str, ...] = ()
    favorite: bool | None = None
    since: int | None = None
    until: int | None = None
    """Moments in microseconds since the epoch, both inclusive, to the millisecond."""
    seed: int | None = None
    preset_id: str | None = None
    made_here: bool = False
    """Without saved uploads."""
    way: Way = "in order"
    looked_at: tuple[Term, ...] = ()
    """What of the words, and of the team, is asked of each picture that the others find: the index has too much of it."""

    @property
    def folded_tags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(folded, self.tags)))

    @property
    def any_model(self) -> frozenset[str] | None:
        """`model` and `models` together."""
        if self.model is None:
            return self.models
        return frozenset({self.model}) if self.models is None or self.model in self.models else frozenset()

    @property
    def has_phrases(self) -> bool:
        """Whether what is found must be read: no index knows what stands next to what."""
        return bool(self.phrases or self.without_phrases)

    @property
    def impossible(self) -> bool:
        return self.nothing or self.terms == () or self.any_model == frozenset()

    @property
    def needs_words(self) -> bool:
        """Whether the words' index answers: it alone finds what two postings have in common without reading either."""
        asked = self.terms is not None or self.seed is not None or self.without or self.without_tags or self.without_models
        mixed = bool(self.tags) and (self.preset_id is not None or self.made_here)
        return bool(asked) or len(self.folded_tags) > 1 or mixed

    @property
    def begins_with_words(self) -> bool:
        """Whether a list is read from the words' index; else from the pictures, each of which is asked for its words."""
        return self.needs_words and self.way != "one by one"

    @property
    def facets(self) -> list[Facet]:
        """What of it the words' index knows as tokens that must all be there."""
        return [
            *([Facet("favorite")] if self.favorite else []),
            *([Facet("model", self.model)] if self.model is not None else []),
            *(Facet("tag", tag) for tag in self.folded_tags),
            *([Facet("seed", str(self.seed))] if self.seed is not None else []),
        ]

    @property
    def without_facets(self) -> list[Facet]:
        """And what must not."""
        return [
            *([Facet("favorite")] if self.favorite is False else []),
            *([Facet("upload")] if self.made_here else []),
            *(Facet("tag", folded(tag)) for tag in self.without_tags),
            *(Facet("model", model) for model in self.without_models),
        ]
