"""What lists of pictures can be asked for, out of the query of an address."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, TypeAlias

from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from msgspec import Struct

from gateway.api.given import TheModels
from gateway.api.times import microseconds
from gateway.catalog.licences import commercial_models
from gateway.errors import InvalidInput
from gateway.images.image import DAY
from gateway.images.tags import MOST_TAGS
from gateway.images.wanted import Wanted
from gateway.images.words import narrowed

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONGEST_DATE = 10
"""Characters. Other ways to write a day are no instants either: as the end of a range they would leave the day out."""
_LONGEST = 1_000
_MOMENT = "A date (2026-05-01), or an instant (2026-05-01T12:00:00Z); inclusive."


class Filters(Struct, frozen=True):
    """What is wanted, and by what words it was asked for: a cursor belongs to these."""

    wanted: Wanted
    asked: tuple[object, ...]


Filtered: TypeAlias = NamedDependency[SkipValidation[Filters]]
Tags = Annotated[list[str] | None, QueryParameter(name="tags[]", description="It has all of these tags.")]


def filters(
    models: TheModels,
    q: Annotated[
        str | None,
        QueryParameter(max_length=_LONGEST, description="Words of the title, the prompt and the tags, or how they begin."),
    ] = None,
    model: Annotated[str | None, QueryParameter(max_length=_LONGEST, description="The id of the model that made it.")] = None,
    since: Annotated[str | None, QueryParameter(name="from", max_length=64, description=_MOMENT)] = None,
    until: Annotated[
        str | None, QueryParameter(name="to", max_length=64, description=f"{_MOMENT} A date means its whole day.")
    ] = None,
    favorite: Annotated[bool | None, QueryParameter(description="Only favorites, or only others.")] = None,
    tags: Tags = None,
    more_tags: Annotated[list[str] | None, QueryParameter(name="tags", description="The same.")] = None,
) -> Filters:
    """Raises InvalidInput that names the parameter."""
    every_tag = tuple(tag for tag in (*(tags or ()), *(more_tags or ())) if tag.strip())
    if len(every_tag) > MOST_TAGS:
        raise InvalidInput(f"A picture has at most {MOST_TAGS} tags; ask for fewer.", field="tags[]")
    begins, ends = _moment(since, "from"), _moment(until, "to")
    if begins is not None and ends is not None and begins > ends:
        raise InvalidInput("`from` is later than `to`: there is nothing between them.", field="from")
    # A form sends the fields that nobody filled in as well.
    wanted = Wanted(model=model or None, since=begins, until=ends, favorite=favorite, tags=every_tag)
    if q and q.strip():
        wanted = narrowed(wanted, q, commercial_models(models.catalog))
    return Filters(wanted, (q or None, model or None, begins, ends, favorite, wanted.folded_tags))


def _moment(text: str | None, field: str) -> int | None:
    """Microseconds since the epoch; for `to` the last of a date's day."""
    if not text:
        return None
    try:
        if _DATE.fullmatch(text):
            midnight = microseconds(datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC))
            return midnight + DAY - 1 if field == "to" else midnight
        if len(text) > _LONGEST_DATE:
            return microseconds(datetime.fromisoformat(text.replace(" ", "+")))
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(f"{text[:40]!r} is no date; write 2026-05-01 or 2026-05-01T12:00:00Z.", field=field)
