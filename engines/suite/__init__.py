"""The contract suite: does an engine keep `engines.contract`? For authors of plugins, with pytest and pytest-asyncio.

    class TestMine(EngineSuite):
        @pytest.fixture
        def engine(self):
            return MyEngine("mine", MyEngine.Options())

        @pytest.fixture
        def model(self):
            return ModelSpec(id="small", source="/models/small")

Two fixtures are enough; `lane`, `limits`, `missing_model` and `spoil` have defaults that a class may override. Take the
smallest model there is: the suite makes some forty pictures of the smallest size on the card.
"""

import pytest

# Before the modules are imported: pytest explains a failed assert only in modules that it was told of.
pytest.register_assert_rewrite("engines.suite.checks", "engines.suite.cases")

from engines.suite.cases import EngineSuite  # noqa: E402
from engines.suite.driver import Driver, Run, SuiteBatch  # noqa: E402
from engines.suite.requests import Limits, make_request  # noqa: E402

__all__ = ["Driver", "EngineSuite", "Limits", "Run", "SuiteBatch", "make_request"]
