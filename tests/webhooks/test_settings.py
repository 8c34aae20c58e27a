from __future__ import annotations

import pytest

from gateway.catalog import parse
from gateway.catalog.settings import Webhooks
from gateway.errors import CatalogError
from gateway.registry import Registry

NOTHING = Registry({})


def test_networks_are_kept_in_one_spelling() -> None:
    settings = parse('[settings.webhooks]\nallow = ["10.0.0.0/8", "FD00:0::/8", "192.168.1.7"]\n', NOTHING).settings
    assert settings.webhooks == Webhooks(allow=("10.0.0.0/8", "fd00::/8", "192.168.1.7/32"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('allow = ["10.0.0.1/8"]', "a network such as 10.0.0.0/8"),
        ('allow = ["inside.example"]', "a network such as 10.0.0.0/8"),
        ("allow = [10]", "a network such as 10.0.0.0/8"),
        ("alow = []", "allow"),
        ("max_attempts = 0", "max_attempts"),
        ("timeout_seconds = 0.1", "timeout_seconds"),
        ("keep_days = 0", "keep_days"),
    ],
)
def test_what_is_wrong_is_named(line: str, says: str) -> None:
    with pytest.raises(CatalogError, match="webhooks") as told:
        parse(f"[settings.webhooks]\n{line}\n", NOTHING)
    assert says in told.value.message
