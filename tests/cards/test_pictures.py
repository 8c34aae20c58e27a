"""Which part each picture of a list plays."""

from __future__ import annotations

import pytest

from engines.contract import Capability, ModelCard
from gateway.cards import arrange, takes

CHANGES = ModelCard(capabilities=("text_to_image", "image_to_image", "inpaint"), max_references=2)
LOOKS = ModelCard(capabilities=("text_to_image", "image_to_image", "inpaint"), max_references=2, takes_source=False)


@pytest.mark.parametrize(
    ("capability", "card", "source", "references", "most"),
    [
        ("image_to_image", CHANGES, "a", ("b", "c"), 3),
        ("inpaint", CHANGES, "a", ("b", "c"), 3),
        ("upscale", CHANGES, "a", ("b", "c"), 3),
        ("text_to_image", CHANGES, None, ("a", "b", "c"), 2),
        ("image_to_image", LOOKS, None, ("a", "b", "c"), 2),
        ("inpaint", LOOKS, "a", ("b", "c"), 3),
    ],
)
def test_the_first_is_the_source_unless_the_model_only_looks(
    capability: Capability, card: ModelCard, source: str | None, references: tuple[str, ...], most: int
) -> None:
    assert arrange("abc", capability, card) == (source, references)
    assert takes(most, capability, card)
    assert not takes(most + 1, capability, card)


def test_no_pictures_are_no_source() -> None:
    assert arrange((), "image_to_image", CHANGES) == (None, ())
