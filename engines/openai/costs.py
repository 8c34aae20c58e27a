"""What a request cost, from the usage that came back: the request cannot tell, since `auto` is settled over there. Pure."""

from __future__ import annotations

from typing import Any

from engines.openai.options import Prices

MILLION = 1_000_000


def of_tokens(usage: dict[str, Any], prices: Prices) -> float | None:
    """US dollars; None where the usage does not say enough. https://developers.openai.com/api/docs/pricing"""
    given, made = usage.get("input_tokens"), usage.get("output_tokens")
    if not isinstance(given, int) or not isinstance(made, int):
        return None
    details = usage.get("input_tokens_details") or {}
    images = _tokens(details, "image_tokens")
    words = _tokens(details, "text_tokens") if details else given
    written = _tokens(usage.get("output_tokens_details") or {}, "text_tokens")
    spent = words * prices.text_input + images * prices.image_input
    spent += written * (prices.text_output or prices.image_output) + (made - written) * prices.image_output
    return round(spent / MILLION, 6)


def of_pictures(count: int, quality: str, size: str, prices: Prices) -> float | None:
    """US dollars for models that are paid by the picture; None where no price is known."""
    table = prices.picture
    price = table.get(f"{quality} {size}", table.get(quality, table.get("otherwise")))
    return None if price is None else round(count * price, 6)


def _tokens(details: dict[str, Any], key: str) -> int:
    value = details.get(key)
    return value if isinstance(value, int) else 0


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The usages of two calls as one: numbers are added, at any depth."""
    if not one or not other:
        return one or other
    both = dict(one)
    for key, value in other.items():
        before = both.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            both[key] = added(before, value)
        elif isinstance(value, int | float) and isinstance(before, int | float):
            both[key] = round(before + value, 6)
        else:
            both[key] = value
    return both
