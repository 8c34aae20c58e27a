"""The contract suite as a pytest plug-in: installed with Darkroom, it is there wherever pytest runs.

A class that derives `EngineSuite` and gives no fixtures of its own is tried with each model of a models.toml: the one that
`darkroom_models` names in the settings of pytest, or `--darkroom-models` on the command line. Without any code at all:

    pytest --darkroom-models models.toml --pyargs engines.suite.from_file
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Not the suite itself: this is imported by every pytest that runs beside Darkroom.
if TYPE_CHECKING:
    from engines.suite.tables import Case

FIXTURE = "darkroom_case"
OPTION = "darkroom_models"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("darkroom", "Darkroom's contract suite for engines")
    told = "the models.toml whose models the contract suite is run over"
    group.addoption("--darkroom-models", dest=OPTION, metavar="FILE", help=told)
    parser.addini(OPTION, f"{told}; relative to the root folder", default="")


def pytest_report_header(config: pytest.Config) -> str | None:
    path = models_file(config)
    return f"darkroom: the contract suite is run over the models of {path}" if path else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if FIXTURE not in metafunc.fixturenames:
        return
    found = _cases(metafunc.config)
    metafunc.parametrize(FIXTURE, found, ids=[case.id for case in found], scope="class")


def models_file(config: pytest.Config) -> Path | None:
    """The command line's, else that of the settings."""
    if given := config.getoption(OPTION, None):
        return config.invocation_params.dir / str(given)
    written = config.getini(OPTION)
    return config.rootpath / written if written else None


def _cases(config: pytest.Config) -> list[Case]:
    from engines.suite.tables import cases

    path = models_file(config)
    if path is None:
        pytest.fail(
            "Which engine? Give the class the fixtures `engine` and `model`, or name a models.toml: "
            "darkroom_models in the settings of pytest, or --darkroom-models.",
            pytrace=False,
        )
    try:
        return cases(path)
    except ValueError as error:
        pytest.fail(str(error), pytrace=False)
