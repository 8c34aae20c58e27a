"""How long things take, learned as they run."""

from __future__ import annotations

from gateway.scheduling.index import ModelKey

WEIGHT = 0.3
"""Of the newest measure: quick to follow a change of load, slow enough not to jump with one odd job."""
FIRST_GUESS = 10.0


class Estimates:
    """Running means, in seconds for a picture of each model, and bytes that each model was seen to take."""

    def __init__(self) -> None:
        self._picture: dict[ModelKey, float] = {}
        self._bytes: dict[ModelKey, int] = {}

    def learn_run(self, model: ModelKey, seconds: float, pictures: int) -> None:
        share = seconds / max(1, pictures)
        known = self._picture.get(model)
        self._picture[model] = share if known is None else known + WEIGHT * (share - known)

    def learn_bytes(self, model: ModelKey, size: int) -> None:
        self._bytes[model] = size

    def known(self, model: ModelKey) -> float | None:
        """Seconds for a picture, or None before the first one."""
        return self._picture.get(model)

    def seconds(self, model: ModelKey, pictures: int) -> float:
        return self._picture.get(model, FIRST_GUESS) * pictures

    def bytes(self, model: ModelKey, said: int | None) -> int | None:
        """What was measured, else what the card said."""
        return self._bytes.get(model, said)
