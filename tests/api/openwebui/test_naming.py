"""How pictures are named: what is ours, what is the web's, and what is none."""

from __future__ import annotations

import pytest

from gateway.api.openwebui.naming import picture, told
from gateway.api.tasks.asked import ArtifactPicture, DataUriPicture, UrlPicture
from gateway.errors import InvalidInput

BASE = "https://box.example/dark"


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        " abc ",
        "/api/v1/files/abc",
        "/api/v1/files/abc/content",
        "/api/v1/files/abc/content?attachment=true#x",
        "/api/v1/files/abc/content/name.png",
        "/api/files/abc/content",
        "/dark/api/v1/files/abc/content",
        "https://box.example/dark/api/v1/files/abc/content",
    ],
)
def test_files(text: str) -> None:
    assert picture(text, "image", BASE) == ArtifactPicture("abc")


def test_what_comes_along_and_what_is_fetched() -> None:
    assert picture("DATA:image/png;base64,aa", "image", BASE) == DataUriPicture("DATA:image/png;base64,aa")
    for url in ("http://x/a.png", "HTTPS://x/a.png", "https://other.example/api/v1/files/abc/content"):
        assert picture(url, "image", BASE) == UrlPicture(url)


@pytest.mark.parametrize("text", ["", "  ", "a" * 65, "../abc", "/api/v1/files/", "/api/v1/files//content", "ftp://x/a", "a/b"])
def test_what_names_nothing(text: str) -> None:
    with pytest.raises(InvalidInput, match="data URL") as refusal:
        picture(text, "image[2]", BASE)
    assert refusal.value.field == "image[2]"


@pytest.mark.parametrize(
    ("field", "alone", "listed"),
    [
        ("image", "image", "image"),
        ("image.url", "image", "image[0]"),
        ("extra_images[0].data_uri", "image[1]", "image[1]"),
        ("extra_images", "image", "image"),
        ("mask.artifact_id", "mask", "mask"),
        ("size", "size", "size"),
    ],
)
def test_the_words_of_tasks_are_told_in_these(field: str, alone: str, listed: str) -> None:
    assert (told(field, is_list=False), told(field, is_list=True)) == (alone, listed)
