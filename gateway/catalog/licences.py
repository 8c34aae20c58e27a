"""What models' licences allow. A name stands for the licence as it is published; read it before you rely on it."""

from __future__ import annotations

import re

from gateway.catalog.entries import Catalog, ModelEntry

COMMERCIAL = frozenset(
    {
        "apache20", "mit", "bsd2clause", "bsd3clause", "isc", "unlicense", "cc010", "cc0", "ccby40", "ccbysa40",
        "openrail", "openrailm", "openrail++", "openrail++m", "creativemlopenrailm", "creativemlopenrail++m",
    }
)  # fmt: skip
"""Those that let everyone use model and pictures commercially; some forbid uses that do harm. Names without signs and case.

Licences with a limit of turnover (Stability AI Community, Krea Community) are not among them, nor those that allow the
pictures and not the model (FLUX.1 [dev]): whether they do is for whoever runs the model to say, by `commercial = true`.
"""


def allows_commercial_use(entry: ModelEntry) -> bool:
    """What the entry says itself, else what its licence's name says; no for a licence that is not known."""
    if entry.commercial is not None:
        return entry.commercial
    return re.sub(r"[^a-z0-9+]", "", entry.licence.lower()).removesuffix("license").removesuffix("licence") in COMMERCIAL


def commercial_models(catalog: Catalog) -> frozenset[str]:
    """Ids, the retired ones among them: their pictures are still there."""
    return frozenset(id for id, entry in catalog.models.items() if allows_commercial_use(entry))
