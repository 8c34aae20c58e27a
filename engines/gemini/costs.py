"""What a call cost, from the usage that came back. Pure. https://ai.google.dev/gemini-api/docs/pricing"""

from __future__ import annotations

from typing import Any

from engines.gemini.options import Prices

MILLION = 1_000_000


def of_call(usage: dict[str, Any], pictures: int, prices: Prices | None) -> dict[str, Any]:
    """The usage, with its US dollars where prices are known. Thoughts are paid as text."""
    if prices is None:
        return usage
    if prices.picture is not None:
        return {**usage, "cost_usd": round(pictures * prices.picture, 6)}
    made = _number(usage, "candidates_token_count")
    images = sum(
        _number(each, "token_count")
        for each in usage.get("candidates_tokens_details") or ()
        if isinstance(each, dict) and each.get("modality") == "IMAGE"
    )
    if not made:
        return usage
    # Without details all that was made is the picture.
    images = images or made
    spent = _number(usage, "prompt_token_count") * prices.input + images * prices.image_output
    spent += (max(0, made - images) + _number(usage, "thoughts_token_count")) * prices.text_output
    return {**usage, "cost_usd": round(spent / MILLION, 6)}


def added(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The usages of two calls as one: numbers are added; details stay those of the first."""
    both = dict(one)
    for key, value in other.items():
        before = both.get(key, 0 if isinstance(value, int | float) else None)
        if isinstance(value, int | float) and isinstance(before, int | float):
            both[key] = round(before + value, 6)
        else:
            both.setdefault(key, value)
    return both


def _number(table: dict[str, Any], key: str) -> int:
    value = table.get(key)
    return value if isinstance(value, int) else 0
