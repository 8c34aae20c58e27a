"""The contract suite: does an engine keep `engines.contract`? For authors of plugins, with pytest and pytest-asyncio.

    class TestMine(EngineSuite):
        @pytest.fixture
        def engine(self):
            return MyEngine("mine", MyEngine.Options())

        @pytest.fixture
        def model(self):
            return ModelSpec(id="small", source="/models/small")

Two fixtures are enough; `lane`, `limits`, `missing_model`, `spoil` and `lose` have defaults that a class may override, and an
engine whose requests are paid for (`replay = "never"` on its card) needs `lose`. The two have defaults as well where pytest is
told of a models.toml: `engines.suite.plugin`, which comes with Darkroom, runs the class over its models.
Take the smallest model there is: the suite makes some forty pictures of the smallest size on the card.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engines.suite.cases import EngineSuite
    from engines.suite.driver import Driver, Run, SuiteBatch
    from engines.suite.requests import Limits, make_request
    from engines.suite.tables import Case

# Before the modules are imported: pytest explains a failed assert only in modules that it was told of.
pytest.register_assert_rewrite(
    *(f"engines.suite.{name}" for name in ("checks", "given", "saying", "making", "leaving", "failing", "cases"))
)

__all__ = ["Case", "Driver", "EngineSuite", "Limits", "Run", "SuiteBatch", "make_request"]
_PLACES = {
    "Case": "tables",
    "Driver": "driver",
    "EngineSuite": "cases",
    "Limits": "requests",
    "Run": "driver",
    "SuiteBatch": "driver",
    "make_request": "requests",
}


def __getattr__(name: str) -> Any:
    """Imported when they are asked for: the plug-in is in this package, and loaded by each pytest beside Darkroom."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
