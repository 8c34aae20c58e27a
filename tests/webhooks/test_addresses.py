from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import InvalidInput
from gateway.webhooks.addresses import checked, receiver


@pytest.mark.parametrize(
    ("url", "called", "told"),
    [
        ("https://receiver.example/hook?a=1", "https://receiver.example/hook?a=1", "receiver.example:443"),
        ("http://receiver.example:8080", "http://receiver.example:8080", "receiver.example:8080"),
        ("HTTPS://Receiver.Example/#here", "https://receiver.example/", "receiver.example:443"),
        ("http://[2001:db8::1]:81/", "http://[2001:db8::1]:81/", "2001:db8::1:81"),
    ],
)
def test_an_address_and_its_receiver(url: str, called: str, told: str) -> None:
    assert checked(url, "url") == called
    assert receiver(called) == told


_PARTS = st.sampled_from(
    ["http://", "https://", "a", "é", "例", "@", ":", "0", "65536", "/", "?", "#", "[", "]", "::1", "%", "\\", " ", "."]
)


@given(st.one_of(st.text(max_size=40), st.lists(_PARTS, max_size=12).map("".join)))
@example("https://" + "é" * 1900)
@example("https://a/" + "é" * 1900)
@example("http://xn--/")
def test_what_was_checked_once_never_fails_later(url: str) -> None:
    """The end of a job names the receiver in its own transaction; it must not break on that."""
    called = None
    with suppress(InvalidInput):
        called = checked(url, "url")
    if called is not None:
        assert receiver(called)
        assert checked(called, "url") == called
