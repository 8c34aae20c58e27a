"""A gateway whose models are such as front ends of A1111 ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.surfaces import BROKEN, GONE, GROW, PRUDE, STUCK, TORN, Table, document, waiting

MODELS: dict[str, Table] = {
    "quick": {
        "title": "Quick one",
        "max_images": 10,
        "upscaler": "lanczos",
        "native_sizes": [[128, 128], [160, 96]],
        "aliases": ["v1-5-pruned-emaonly"],
    },
    "free": {},
    "edit": {"natives": [[96, 96]]},
    "bare": {"engine": "away", "bare": True},
    "slow": {"step_seconds": 0.05},
    "stuck": STUCK,
    "far-stuck": {"engine": "away", **STUCK},
    "broken": BROKEN,
    "prude": PRUDE,
    "grow": {"title": "Growing", **GROW},
    "tall": {**GROW, **STUCK},
    "down": {"engine": "torn"},
    "gone": GONE,
}


@pytest.fixture
def models_toml(journal: Path, seconds: int) -> str:
    engines = {"away": {"plugin": "fake-remote", "journal": str(journal)}, **TORN}
    return document(journal, MODELS, waiting(seconds), engines, {"inpaint": "edit"}, {"a1111": 3})
