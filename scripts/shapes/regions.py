"""Connected parts of a mask, and masks made wider and narrower, in plain numpy."""

from __future__ import annotations

import numpy as np


def components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the parts of a boolean mask, corners joined; 0 is what is outside. Also the pixels of each number."""
    height, width = mask.shape
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    parents = list(range(len(rows)))
    for upper, lower in _neighbours(rows.tolist(), starts.tolist(), ends.tolist()):
        a, b = _root(parents, upper), _root(parents, lower)
        parents[max(a, b)] = min(a, b)
    roots = np.array([_root(parents, run) for run in range(len(parents))], np.int64)
    numbers = np.unique(roots, return_inverse=True)[1] + 1
    deltas = np.zeros((height, width + 1), np.int64)
    deltas[rows, starts] = numbers
    deltas[rows, ends] -= numbers
    parts = deltas.cumsum(axis=1)[:, :width]
    return parts, np.bincount(parts.ravel(), minlength=1)


def _neighbours(rows: list[int], starts: list[int], ends: list[int]) -> list[tuple[int, int]]:
    """Pairs of runs in following rows that touch; runs come sorted by row and start."""
    touching, upper, count = [], 0, len(rows)
    for lower in range(count):
        while rows[upper] < rows[lower] - 1 or (rows[upper] == rows[lower] - 1 and ends[upper] < starts[lower]):
            upper += 1
        at = upper
        while at < lower and rows[at] == rows[lower] - 1 and starts[at] <= ends[lower]:
            touching.append((at, lower))
            at += 1
    return touching


def _root(parents: list[int], run: int) -> int:
    while parents[run] != run:
        parents[run] = parents[parents[run]]
        run = parents[run]
    return run


def widened(mask: np.ndarray, pixels: int) -> np.ndarray:
    """With all that lies within so many pixels, diagonals included."""
    for _ in range(pixels):
        tall = mask.copy()
        tall[1:] |= mask[:-1]
        tall[:-1] |= mask[1:]
        mask = tall.copy()
        mask[:, 1:] |= tall[:, :-1]
        mask[:, :-1] |= tall[:, 1:]
    return mask


def narrowed(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Without the pixels that lie so near to the outside; beyond the picture nothing is outside."""
    return ~widened(~mask, pixels)


def shared_out(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Each place of `mask` under the number of the seed that reaches it first; 0 outside and where none gets."""
    taken = np.where(mask, seeds, 0)
    while True:
        padded = np.pad(taken, 1)
        around = np.max([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]], axis=0)
        free = mask & (taken == 0) & (around > 0)
        if not free.any():
            return taken
        taken[free] = around[free]


def at_edge(shape: tuple[int, ...], pixels: int) -> np.ndarray:
    """The frame of a picture of that shape."""
    frame = np.ones(shape, bool)
    frame[pixels:-pixels, pixels:-pixels] = False
    return frame
