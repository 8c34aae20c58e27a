"""The engine that its author has not finished: it cannot be imported."""

import a_package_that_nobody_has  # noqa: F401
