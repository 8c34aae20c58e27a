"""The suite over every model of a file, without a line of code: see `engines.suite.plugin`."""

from __future__ import annotations

from engines.suite import EngineSuite


class TestModels(EngineSuite):
    """What the contract asks of each of them."""
