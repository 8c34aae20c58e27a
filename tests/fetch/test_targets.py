"""What is refused before anything is looked up."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fetch import Unfetchable, understood
from gateway.fetch.targets import redirected

WRONG = [
    ("", "http:// and https://"),
    ("pictures.example/a.png", "http:// and https://"),
    ("//pictures.example/a.png", "http:// and https://"),
    ("file:///etc/passwd", "http:// and https://"),
    ("ftp://pictures.example/a.png", "http:// and https://"),
    ("gopher://127.0.0.1:6379/_FLUSHALL", "http:// and https://"),
    ("data:image/png;base64,AAAA", "http:// and https://"),
    ("javascript:alert(1)", "http:// and https://"),
    ("http://me@pictures.example/", "a user or a password"),
    ("http://me:secret@pictures.example/", "a user or a password"),
    ("http://pictures.example\\@127.0.0.1/", "a user or a password"),
    ("http://", "no host"),
    ("http:///a.png", "no host"),
    ("http://pictures.example:0/", "no host"),
    ("http://pictures.example:70000/", "no host"),
    ("http://pictures.example:x/", "no URL"),
    ("http://pic\\tures.example/", "no host"),
    ("http://pic tures.example/", "no host"),
    ("http://pic%2fures.example/", "no host"),
    ("http://127.0.0.1%00.pictures.example/", "no host"),
    ("http://[fe80::1%25eth0]/", "no host"),
    ("http://[::1", "no URL"),
    ("http://①②⑦.⓪.⓪.①/", "no URL"),
    (f"http://{'a' * 300}.example/", "no host"),
    ("http://pictures.example/\x00", "no URL"),
    ("http://pictures.example/a\r\nHost: evil", "no URL"),
    ("http://pictures.example/" + "a" * 8200, "longer than 8192"),
]


@pytest.mark.parametrize(("url", "says"), WRONG)
def test_a_url_that_is_none_is_refused(url: str, says: str) -> None:
    with pytest.raises(Unfetchable, match=says) as caught:
        understood(url, "image.url")
    assert caught.value.field == "image.url"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://pictures.example/a.png#part", ("http", "pictures.example", 80)),
        (" https://Pictures.EXAMPLE ", ("https", "pictures.example", 443)),
        ("https://pictures.example:443/", ("https", "pictures.example", 443)),
        ("http://pictures.example:8080/", ("http", "pictures.example", 8080)),
        ("http://a_b.example./", ("http", "a_b.example.", 80)),
        ("http://[2606:4700::1]:81/", ("http", "2606:4700::1", 81)),
        ("http://[::]/", ("http", "::", 80)),
        ("https://รูป.example/แมว 🐈.png", ("https", "xn--s3cp0e.example", 443)),
    ],
)
def test_a_url_is_read(url: str, origin: tuple[str, str, int]) -> None:
    assert understood(url, "url").origin == origin


def test_other_letters_and_blanks_are_sent_as_they_must_be() -> None:
    assert understood("https://pictures.example/แมว 🐈.png?q=a b#x", "url").url.raw_path == (
        b"/%E0%B9%81%E0%B8%A1%E0%B8%A7%20%F0%9F%90%88.png?q=a%20b"
    )


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b.png", "https://pictures.example/b.png"),
        ("b.png?x=1", "https://pictures.example/a/b.png?x=1"),
        ("//other.example/b", "https://other.example/b"),
        ("http://other.example/b", "http://other.example/b"),
    ],
)
def test_redirects_are_followed_from_where_they_stand(location: str, leads_to: str) -> None:
    assert str(redirected(understood("https://pictures.example/a/a.png", "url"), location, "url").url) == leads_to


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://me:secret@other.example/", "http://[", "ftp://other.example"]
)
def test_redirects_are_held_to_the_same(location: str) -> None:
    with pytest.raises(Unfetchable):
        redirected(understood("https://pictures.example/", "url"), location, "url")


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(), st.from_regex(r"(?s)https?://.*"), st.from_regex(r"https?://[a-z0-9.:@\[\]%\\#?/]{0,40}")))
def test_any_text_is_a_target_or_unfetchable(text: str) -> None:
    try:
        target = understood(text, "url")
    except Unfetchable:
        return
    scheme, host, port = target.origin
    assert scheme in ("http", "https")
    assert host == host.lower()
    assert not set(host) & set("/\\@#?%[] \r\n\0")
    assert 0 < port < 65536
    assert not set(target.url.raw_path) & set(b" \r\n\0")


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_any_location_is_a_target_or_unfetchable(text: str) -> None:
    with suppress(Unfetchable):
        redirected(understood("https://pictures.example/a/b?c", "url"), text, "url")
