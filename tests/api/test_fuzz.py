"""What chance asks of /v0, /v1 and /admin is answered as /schema/openapi.json says; `scripts/bench fuzz` asks for longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.conftest import MODELS
from tests.api.house import ADMIN_KEY, bearer, served

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
EXAMPLES = 3
"""For each operation: with all that is around them, below 20 seconds of a processor."""
pytestmark = [pytest.mark.server, pytest.mark.slow]


# The database that is the stricter about what it is handed; the bench has the other one.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_every_answer_is_documented(
    wiring: Wiring, make_app: Callable[[], Litestar], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from benches import fuzz

    wiring.models_path.write_text(MODELS + fuzz.SETTINGS)
    with served(make_app()) as url:
        options = ("--phases=fuzzing", f"--max-examples={EXAMPLES}", "--no-shrink")
        outcome = await asyncio.to_thread(fuzz.fuzz, url, bearer(ADMIN_KEY)["Authorization"], tmp_path, *options)
    assert not outcome.failures, outcome.told
    # That the asker did not shut itself out, and most operations were not only refused.
    assert outcome.operations >= 100
    assert outcome.reached >= 0.7 * outcome.operations
