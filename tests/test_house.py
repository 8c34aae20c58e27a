"""The house stands as design.md draws it; and each rule would notice if it did not."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.house import arrows, manners
from tests.house.tree import House

Rule = Callable[[House], Iterator[str]]

RULES: list[Rule] = [
    arrows.every_room_is_known,
    arrows.arrows_go_one_way,
    arrows.only_migrations_import_upwards,
    arrows.engines_keep_to_the_contract,
    arrows.the_gateway_names_no_engine,
    arrows.nothing_goes_in_circles,
    manners.the_policy_is_pure,
    manners.routing_is_pure,
    manners.only_wiring_reads_the_environment,
    manners.the_top_level_holds_no_more,
    manners.files_are_short,
    manners.names_say_what_a_thing_is,
    manners.canceled_has_one_l,
]


def test_the_house_keeps_its_rules() -> None:
    """All of them in one test: to parse the house takes longer than every rule."""
    house = House(Path(__file__).parents[1])
    with without_collector():
        assert {"gateway.db.database", "engines.contract", "engines.suite", "tests.test_house"} <= set(house.modules)
        assert "gateway.db.metadata" in {wanted.target for wanted in house.imports["gateway.db"]}
        faults = [f"{rule.__name__}: {fault}" for rule in RULES for fault in rule(house)]
    assert not faults, "\n" + "\n".join(faults)


@contextmanager
def without_collector() -> Iterator[None]:
    """There is no garbage among millions of nodes, and to look for it takes as long as to make them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


WRONG = manners.WRONG
POLICY, INDEX = "gateway/scheduling/policy.py", "gateway/scheduling/index.py"
Files = dict[str, str]
TREES: dict[Rule, list[tuple[Files, str]]] = {
    arrows.every_room_is_known: [({"gateway/attic.py": ""}, "gateway/attic is no room")],
    arrows.arrows_go_one_way: [
        ({"gateway/jobs/a.py": "from gateway.api import x"}, "a.py:1: gateway.jobs may not import gateway.api"),
        ({"gateway/db/a.py": "import gateway.jobs.tables"}, "gateway.db may not import gateway.jobs"),
        ({"gateway/images/a.py": "from gateway import wallet", "gateway/wallet.py": ""}, "may not import gateway.wallet"),
        ({"gateway/images/a.py": "from gateway import __version__"}, ""),
        ({"gateway/jobs/a.py": "def f():\n  from ..api import b", "gateway/api/b.py": ""}, "a.py:2: gateway.jobs may not"),
        ({"gateway/workers/a.py": "from gateway.catalog import x"}, "gateway.workers may not import gateway.catalog"),
        ({"gateway/api/a.py": "from gateway.workers import x"}, "gateway.api may not import gateway.workers"),
        ({"gateway/jobs/a.py": "if TYPE_CHECKING:\n  from gateway.cli import x"}, "may not import gateway.cli"),
        ({"gateway/db/migrations/a.py": "import gateway.jobs.tables"}, ""),
    ],
    arrows.only_migrations_import_upwards: [
        ({"gateway/db/migrations/a.py": "import gateway.jobs.submit"}, "tables.py and nothing else of them"),
        ({"gateway/db/migrations/a.py": "from gateway.jobs import tables", "gateway/jobs/tables.py": ""}, ""),
    ],
    arrows.engines_keep_to_the_contract: [
        ({"engines/mine/a.py": "import gateway.errors"}, "a.py:1: an engine never imports gateway"),
        ({"tests/fakes/a.py": "from gateway import errors"}, "an engine never imports gateway"),
        ({"engines/mine/a.py": "from engines.yours import x"}, "of engines; share by one of these"),
        ({"engines/contract.py": "from engines.samplers import x"}, "engines.contract imports errors of engines"),
        ({"engines/mine/a.py": "from engines.http import x\nfrom engines.mine.b import y"}, ""),
    ],
    arrows.the_gateway_names_no_engine: [
        ({"gateway/storage/a.py": "from engines.diffusers import x"}, "by their entry point alone"),
        ({"gateway/storage/a.py": "from engines.infotext import x"}, ""),
    ],
    arrows.nothing_goes_in_circles: [
        (
            {"gateway/a.py": "import gateway.b", "gateway/b.py": "import gateway.c", "gateway/c.py": "from gateway import a"},
            "gateway.a -> gateway.b -> gateway.c -> gateway.a is a circle",
        ),
        ({"gateway/p/__init__.py": "from gateway.p.m import x", "gateway/p/m.py": "from gateway.p import x"}, "is a circle"),
        ({"gateway/p/__init__.py": "from gateway.p.m import m", "gateway/p/m.py": "from gateway.p import m"}, "is a circle"),
        ({"gateway/p/__init__.py": "from gateway.p.m import x", "gateway/p/m.py": "", "gateway/q.py": "import gateway.p"}, ""),
    ],
    manners.the_policy_is_pure: [
        ({POLICY: "import time"}, "policy.py:1: the policy must not see time; hand it"),
        ({POLICY: "from os import path"}, "must not see os"),
        ({POLICY: "from random import random"}, "must not see random"),
        ({POLICY: "x = open('a')"}, "calls no open()"),
        ({POLICY: "from gateway.scheduling import index", INDEX: "import asyncio"}, "policy -> gateway.scheduling.index"),
        ({POLICY: "import heapq, math\nfrom gateway.scheduling import index", INDEX: ""}, ""),
    ],
    manners.routing_is_pure: [
        ({"gateway/routing.py": "import gateway.models"}, "must not see gateway.models"),
        ({"gateway/routing.py": "import time"}, "must not see time"),
        ({"gateway/routing.py": "import math\nfrom gateway.catalog.entries import x"}, ""),
    ],
    manners.only_wiring_reads_the_environment: [
        ({"gateway/a.py": "import os\nos.environ['X']"}, "a.py:2: only gateway/wiring.py touches the environment"),
        ({"engines/a.py": "import os as o\no.getenv('X')"}, "a.py:2: only gateway/wiring.py"),
        ({"gateway/a.py": "from os import environ"}, "a.py:1: only gateway/wiring.py"),
        ({"gateway/cli/a.py": "option('--x', envvar='X')"}, "a.py:1: only gateway/wiring.py"),
        ({"gateway/wiring.py": "import os\nos.environ", "scripts/a.py": "import os\nos.environ"}, ""),
    ],
    manners.the_top_level_holds_no_more: [
        ({"notes.txt": ""}, "notes.txt: the top level holds"),
        ({"docs/a.md": ""}, "docs: the top level holds"),
        ({"README.md": "", "gateway/a.py": "", ".gitignore": ""}, ""),
    ],
    manners.files_are_short: [
        ({"tests/a.py": "x = 1\n" * 401}, "401 lines, 400 are the most"),
        ({"tests/a.py": "x = 1\n" * 400}, ""),
    ],
    manners.names_say_what_a_thing_is: [
        ({"gateway/jobs/utils.py": ""}, "'util' in a module's name"),
        ({"gateway/storage_backends/a.py": ""}, "'backend' in a module's name"),
        ({"gateway/a.py": "class QueueManager: ..."}, "'manager' in the name QueueManager"),
        ({"gateway/a.py": "class HTTPProvider: ..."}, "'provider' in the name HTTPProvider"),
        ({"gateway/a.py": "class Utility: ...\nclass Managed: ..."}, ""),
    ],
    manners.canceled_has_one_l: [
        ({"gateway/a.py": f"\nstate = '{WRONG}'"}, "a.py:2: spelled canceled here"),
        ({"README.md": f"It was {WRONG.title()}."}, "README.md:1: spelled canceled here"),
        ({"gateway/a.py": f"asyncio.{WRONG.title()}Error\ntask.{WRONG}()\n"}, ""),
        ({"engines/comfyui/a.py": f"if state == '{WRONG}':  # their spelling"}, ""),
    ],
}
CASES = [(rule, files, says) for rule, trees in TREES.items() for files, says in trees]


@pytest.mark.parametrize(("rule", "files", "says"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_rule_notices_what_is_wrong_and_only_that(tmp_path: Path, rule: Rule, files: Files, says: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    faults = "\n".join(rule(House(tmp_path)))
    assert says in faults
    assert bool(says) == bool(faults)


def test_every_rule_was_seen_to_fail() -> None:
    assert {rule for rule, _, says in CASES if says} == set(RULES)
