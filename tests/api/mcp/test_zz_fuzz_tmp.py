from __future__ import annotations
import asyncio
from pathlib import Path
import pytest
from tests.api.conftest import MODELS
from tests.api.house import ADMIN_KEY, bearer, served
SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"

async def test_it(wiring, make_app, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from benches import fuzz
    wiring.models_path.write_text(MODELS.replace("max_body_bytes = 4096","max_body_bytes = 65536") + fuzz.SETTINGS)
    app = make_app(); 
    wiring.models_path.write_text(MODELS + fuzz.SETTINGS)
    with served(app) as url:
        outcome = await asyncio.to_thread(fuzz.fuzz, url, bearer(ADMIN_KEY)["Authorization"], tmp_path, "--phases=coverage,fuzzing", "--max-examples=60", "--include-path=/mcp")
    print(outcome.told[-6000:])
    print(outcome.reached, outcome.operations)
    assert not outcome.failures, outcome.told
