from __future__ import annotations

import time

import pytest

from gateway.accounts import Principal
from gateway.accounts.limits import RequestLimits
from gateway.catalog.settings import Limits, Share, UserShare
from gateway.errors import TooManyRequests

ONE = Principal("team", "user", "key", frozenset())
OTHER_KEY = Principal("team", "user", "key-2", frozenset())
OTHER_USER = Principal("team", "user-2", "key-3", frozenset())
OTHER_TEAM = Principal("team-2", "user-3", "key-4", frozenset())
SESSION = Principal("team", "user", None, frozenset(), session_id="session")


@pytest.mark.parametrize(
    ("limits", "share_it", "do_not"),
    [
        (Limits(key=Share(requests_per_minute=3)), [ONE], [OTHER_KEY, SESSION, OTHER_USER]),
        (Limits(user=UserShare(requests_per_minute=3)), [ONE, OTHER_KEY, SESSION], [OTHER_USER, OTHER_TEAM]),
        (Limits(team=Share(requests_per_minute=3)), [ONE, OTHER_KEY, SESSION, OTHER_USER], [OTHER_TEAM]),
    ],
    ids=["key", "user", "team"],
)
def test_who_shares_a_limit(limits: Limits, share_it: list[Principal], do_not: list[Principal]) -> None:
    counted = RequestLimits(lambda: limits)
    for number in range(3):
        counted.count(share_it[number % len(share_it)])
    for principal in share_it:
        with pytest.raises(TooManyRequests, match=r"3 times a minute \(\[settings.limits") as caught:
            counted.count(principal)
        assert 1 <= int(caught.value.headers["Retry-After"]) <= 60
        assert caught.value.extra["limit"] == 3
    for principal in do_not:
        counted.count(principal)


def test_nothing_is_limited_unless_it_is_set() -> None:
    counted = RequestLimits(Limits)
    for _ in range(10_000):
        counted.count(ONE)


def test_a_minute_later_there_is_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = RequestLimits(lambda: Limits(key=Share(requests_per_minute=1)))
    counted.count(ONE)
    with pytest.raises(TooManyRequests):
        counted.count(ONE)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    counted.count(ONE)


def test_a_changed_setting_holds_at_once() -> None:
    settings = [Limits(key=Share(requests_per_minute=1))]
    counted = RequestLimits(lambda: settings[0])
    counted.count(ONE)
    settings[0] = Limits()
    counted.count(ONE)
