"""Which requested times lie in a step: exact counts over all rows at once, however their times differ."""

from __future__ import annotations

from typing import Literal

import numpy as np


class Observations:
    """Requested times `tau` (rows, time), each row increasing and NaN-padded, looked up for many steps at once."""

    def __init__(self, tau: np.ndarray) -> None:
        there = np.isfinite(tau)
        self.sizes = there.sum(axis=1)
        self.tau = tau
        self._shared = tau[0, : self.sizes[0]] if len(tau) and self._all_alike(tau) else None
        if self._shared is None:
            # ranks among all distinct times turn the comparison of (row, time) into one of integers, without rounding
            flat = tau[there]
            self._grid = np.unique(flat)
            self._width = len(self._grid) + 1
            row = np.repeat(np.arange(len(tau)), self.sizes)
            self._keys = row * self._width + np.searchsorted(self._grid, flat)
            self._first = np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(int)

    @staticmethod
    def _all_alike(tau: np.ndarray) -> bool:
        return len(tau) == 1 or bool(((tau == tau[0]) | (np.isnan(tau) & np.isnan(tau[0]))).all())

    def up_to(self, row: np.ndarray, tau: np.ndarray) -> np.ndarray:
        """How many times of each row are ≤ tau."""
        return self._count(row, tau, "right")

    def before(self, row: np.ndarray, tau: np.ndarray) -> np.ndarray:
        """How many times of each row are < tau."""
        return self._count(row, tau, "left")

    def _count(self, row: np.ndarray, tau: np.ndarray, side: Literal["left", "right"]) -> np.ndarray:
        if self._shared is not None:
            return np.searchsorted(self._shared, tau, side=side)
        rank = np.searchsorted(self._grid, tau, side=side)
        return np.searchsorted(self._keys, row * self._width + rank) - self._first[row]

    def inside(self, row: np.ndarray, tau: np.ndarray, tau1: np.ndarray) -> np.ndarray:
        """Whether a time lies strictly between tau and tau1 (rows,)."""
        return self.before(row, tau1) > self.up_to(row, tau)

    def between(self, row: np.ndarray, tau: np.ndarray, tau1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(line, column) of every time in (tau, tau1], for lines of steps."""
        first, last = self.up_to(row, tau), self.up_to(row, tau1)
        counts = last - first
        line = np.repeat(np.arange(len(row)), counts)
        within = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
        return line, first[line] + within
