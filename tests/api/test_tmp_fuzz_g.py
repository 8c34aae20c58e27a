from tests.api.test_fuzz import *
import pytest
del test_every_answer_is_documented
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_mine(wiring, make_app, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from benches import fuzz
    wiring.models_path.write_text(MODELS + fuzz.SETTINGS)
    with served(make_app()) as url:
        options = ("--phases=fuzzing", "--max-examples=25", "--no-shrink", "--include-path-regex", "/v1/(generate|chat|images/[^/]*/(edit|upscale|open))|^/v1/images/{image_id}$")
        outcome = await asyncio.to_thread(fuzz.fuzz, url, bearer(ADMIN_KEY)["Authorization"], tmp_path, *options)
    print(outcome.operations, outcome.reached)
    assert not outcome.failures, outcome.told
