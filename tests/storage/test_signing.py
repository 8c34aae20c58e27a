"""Signed URLs: what was altered, what is over, and what caches see."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadSignature, LinkExpired
from gateway.storage.signing import DAY, SECOND, Signer

NOW = 1_800_000_123 * SECOND
PATH = "/v1/images/0190-a/content/ff.png"
signer = Signer(b"k" * 32, "https://pictures.example.org/darkroom/", lifetime_days=7)


def halves(url: str) -> tuple[str, str]:
    """Path as the gateway sees it behind a proxy that takes the sub-path away, and query."""
    parts = urlsplit(url)
    return parts.path.removeprefix("/darkroom"), parts.query


def test_a_url_is_absolute_and_good() -> None:
    url = signer.url(PATH, now=NOW)
    assert url.startswith(f"https://pictures.example.org/darkroom{PATH}?")
    grant = signer.verify(*halves(url), NOW)
    assert grant.scope == "live"
    assert 7 * DAY <= grant.seconds_left < 8 * DAY


def test_the_query_may_come_as_bytes() -> None:
    path, query = halves(signer.url(PATH, now=NOW))
    assert signer.verify(path, query.encode(), NOW) == signer.verify(path, query, NOW)


def test_the_public_url_may_change() -> None:
    path, query = halves(signer.url(PATH, now=NOW))
    assert Signer(b"k" * 32, "http://127.0.0.1:7878").verify(path, query, NOW)


def test_for_a_day_everyone_gets_the_same_url() -> None:
    midnight = NOW - NOW % (DAY * SECOND)
    urls = {signer.url(PATH, now=midnight + second * SECOND) for second in (1, 3600, DAY // 2, DAY)}
    assert len(urls) == 1
    assert signer.url(PATH, now=midnight + (DAY + 1) * SECOND) not in urls


def test_a_short_life_is_rounded_up_to_the_minute() -> None:
    path, query = halves(signer.url(PATH, "trash", now=NOW, lifetime=3600))
    grant = signer.verify(path, query, NOW)
    assert grant.scope == "trash"
    assert 3600 <= grant.seconds_left < 3660


def test_it_ends() -> None:
    path, query = halves(signer.url(PATH, now=NOW))
    left = signer.verify(path, query, NOW).seconds_left
    assert signer.verify(path, query, NOW + (left - 1) * SECOND).seconds_left == 1
    for late in (left, left + 1, 10 * left):
        with pytest.raises(LinkExpired, match="ask for a new one"):
            signer.verify(path, query, NOW + late * SECOND)


@pytest.mark.parametrize(
    "alter",
    [
        lambda path, query: (path.replace("0190-a", "0190-b"), query),
        lambda path, query: (path + "/", query),
        lambda path, query: (path.upper(), query),
        lambda path, query: (path, query.replace("s=live", "s=trash")),
        lambda path, query: (path, query.replace("e=18", "e=19")),
        lambda path, query: (path, query.replace("e=", "e=%2B")),
        lambda path, query: (path, query.replace("e=", "e=0")),
        lambda path, query: (path, query[:-1] + ("A" if query[-1] != "A" else "B")),
        lambda path, query: (path, query + "=="),
        lambda path, query: (path, query.replace("sig=", "sig=%E7%BA%A2")),
        lambda path, query: (path, query[: query.index("&sig=")] + "&sig="),
        lambda path, query: (path, query[: query.index("&sig=")]),
        lambda path, query: (path, query + "&download=1"),
        lambda path, query: (path, query + "&s=live"),
        lambda path, query: (path, query + "&e=99999999999"),
        lambda path, query: (path, ""),
        lambda path, query: (path, "%ff%fe&&=&e&s&sig"),
    ],
)
def test_whatever_is_altered_is_refused(alter: object) -> None:
    path, query = alter(*halves(signer.url(PATH, now=NOW)))  # type: ignore[operator]
    with pytest.raises(BadSignature):
        signer.verify(path, query, NOW)


def test_an_expired_forgery_is_a_forgery() -> None:
    path, query = halves(signer.url(PATH, now=NOW))
    with pytest.raises(BadSignature):
        signer.verify(path, query[:-2] + "AA", NOW + 100 * DAY * SECOND)


def test_another_key_opens_nothing() -> None:
    path, query = halves(Signer(b"o" * 32, "http://x").url(PATH, now=NOW))
    with pytest.raises(BadSignature):
        signer.verify(path, query, NOW)


def test_other_parameters_are_signed_in_any_order() -> None:
    path, query = halves(signer.url(f"{PATH}?size=768&name=a%20b", now=NOW))
    assert signer.verify(path, query, NOW)
    assert signer.verify(path, "&".join(reversed(query.split("&"))), NOW)
    with pytest.raises(BadSignature):
        signer.verify(path, query.replace("768", "256"), NOW)


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="?#%"), min_size=1)


@given(words, st.text("abcdefghij", min_size=1), words, st.text("abcdefghij", min_size=1))
def test_no_two_paths_or_scopes_share_a_signature(path: str, scope: str, other: str, other_scope: str) -> None:
    _, query = halves(signer.url(f"/a/{path}", scope, now=NOW))
    if (path, scope) == (other, other_scope):
        return
    with pytest.raises(BadSignature):
        signer.verify(f"/a/{other}", query.replace(f"s={scope}", f"s={other_scope}"), NOW)


@given(
    st.text("abcXYZ019/._~-", min_size=1).map(lambda text: f"/v{text}"), st.sampled_from(["live", "trash", "é", "a b", "x/y"])
)
def test_what_needs_no_quoting_is_signed_as_everything_else(path: str, scope: str) -> None:
    _, query = halves(signer.url(path, scope, now=NOW))
    assert signer.verify(path, query, NOW).scope == scope
    said = dict(parse_qsl(query))
    assert said["sig"] == signer._signature(path, scope, said["e"], [])
