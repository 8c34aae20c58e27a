from __future__ import annotations

import msgspec
import pytest

from gateway.accounts import Principal
from gateway.api.priorities import Priority, is_bulk


@pytest.mark.parametrize(
    ("key_is_bulk", "said", "bulk"),
    [
        (False, (), False),
        (True, (), True),
        (True, (None, None), True),
        (True, ("interactive",), False),
        (False, ("bulk",), True),
        (False, (None, "bulk"), True),
        (True, ("interactive", "bulk"), False),
        (False, ("bulk", "interactive"), True),
    ],
)
def test_who_says_it_first(key_is_bulk: bool, said: tuple[Priority | None, ...], bulk: bool) -> None:
    principal = Principal(team_id="t", user_id="u", key_id="k", permissions=frozenset())
    assert is_bulk(msgspec.structs.replace(principal, bulk=key_is_bulk), *said) is bulk
