"""What a bench measured, beside what it should be."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

_COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


@dataclass(frozen=True)
class Figure:
    """`target` is a comparison such as ">= 0.95"; None for a figure that only explains another."""

    name: str
    value: float
    unit: str
    target: str | None = None
    reference: float | None = None
    """What it was measured beside, in the same run and unit."""
    note: str = ""
    """For people: what the reference is."""

    def __post_init__(self) -> None:
        if self.target is not None:
            self._wanted(self.target)

    @property
    def met(self) -> bool:
        if self.target is None:
            return True
        compare, bound = self._wanted(self.target)
        return bool(compare(self.value, bound))

    def verdict(self) -> str:
        return "" if self.target is None else "ok" if self.met else "MISSED"

    def row(self) -> tuple[str, ...]:
        """For the table: figure, value, unit, target, reference, verdict, note."""
        reference = "" if self.reference is None else f"{self.reference:.4g}"
        return (self.name, f"{self.value:.4g}", self.unit, self.target or "", reference, self.verdict(), self.note)

    def as_json(self) -> dict[str, Any]:
        return {"value": self.value, "unit": self.unit, "target": self.target, "reference": self.reference}

    @staticmethod
    def _wanted(target: str) -> tuple[Any, float]:
        sign, _, number = target.partition(" ")
        if sign not in _COMPARISONS:
            raise ValueError(f'a target is a comparison such as ">= 0.95", not "{target}"')
        return _COMPARISONS[sign], float(number)
