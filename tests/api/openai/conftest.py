"""A gateway whose models are such as OpenAI's clients ask for."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.api.surfaces import EDIT, FAR, GONE, SMALL, TEXT_ONLY, THREE_SIZES, Table, document, troubled, waiting

ALIASES = {"gpt-image-1": "auto", "gpt-image-1.5": "maker", "dall-e-3": "quick"}
CHOICES = {
    "quality": ["low", "medium", "high"],
    "background": ["opaque", "transparent"],
    "input_fidelity": ["low", "high"],
    "style": ["vivid"],
}
MODELS: dict[str, Table] = {
    "quick": {"max_images": 10, "upscaler": "lanczos", "native_sizes": THREE_SIZES, "aliases": ["picture"]},
    "edit": EDIT,
    "free": TEXT_ONLY,
    "maker": {"native_sizes": SMALL, "upscaler": "lanczos", "choices": CHOICES},
    "liar": {"native_sizes": SMALL, "choices": {"background": ["transparent"]}, "alpha": False},
    "cloud": {"engine": "far", "native_sizes": SMALL, "encoded": True, "replay": "never"},
    "slow": {"native_sizes": SMALL, "step_seconds": 0.02},
    "short": {"native_sizes": SMALL, "delivers": 1},
    **troubled(native_sizes=SMALL),
    "down": {"engine": "far", "native_sizes": SMALL, "error": "EngineUnavailable", "replay": "never"},
    "gone": {**GONE, "retired_on": date(2026, 5, 12)},
}


@pytest.fixture
def models_toml(journal: Path, seconds: int) -> str:
    return document(journal, MODELS, {**waiting(seconds), "clients": {"aliases": ALIASES}}, FAR)
