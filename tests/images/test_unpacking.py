from __future__ import annotations

import base64

import pytest

from gateway.images import unpacking
from gateway.images.unpacking import unpacked

DATA = bytes(range(256))
TEXT = base64.b64encode(DATA).decode()


@pytest.fixture(autouse=True, params=[1, 3, 4, 8, 1 << 20])
def piece(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "PIECE", request.param)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        "\r\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76)) + "\r\n",
        "  " + TEXT,
        TEXT.replace("==", "=\n="),
        TEXT + "====",
    ],
    ids=["plain", "without padding", "for URLs", "in lines", "after spaces", "padding in lines", "too much padding"],
)
def test_as_clients_write_it(text: str) -> None:
    assert unpacked(text) == DATA


def test_from_a_place_on() -> None:
    head = "data:image/png;base64,"
    assert unpacked(head + TEXT, len(head)) == DATA


@pytest.mark.parametrize("text", ["", " \n", "==", "="])
def test_of_nothing(text: str) -> None:
    assert unpacked(text) == b""


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "QQ==QQ==", "QQ=Q", "AA=AAAAA", "AAAA=AAA", "a!aa", "äaaa", "data:image/png;base64,AAAA", "A" * 9]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpacked(text)
