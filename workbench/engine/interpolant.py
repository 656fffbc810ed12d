"""Dense output of accepted steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import NumpyArrays, TorchArrays
from .flow import Flow
from .stepper import Slopes, Stepper

Array = Any


class Interpolant:
    """y inside steps of some rows, from τ to τ1 with slopes k (stage, rows, entry); may evaluate f a few times more."""

    def __init__(
        self,
        flow: Flow,
        arrays: NumpyArrays | TorchArrays,
        stepper: Stepper,
        row: np.ndarray,
        tau: np.ndarray,
        tau1: np.ndarray,
        y: Array,
        k: Slopes,
    ) -> None:
        t, middle, step = flow.clock(row).times(tau, tau1 - tau, stepper.c_all)
        self._arrays, self._stepper, self._y = arrays, stepper, y
        self._signed = arrays.column(step)
        self._k = stepper.complete(flow, row, t, middle, self._signed, y, k)

    def across(self, theta: np.ndarray) -> Array:
        """y (share, rows, entry) at the same shares θ (share,) of all steps."""
        weights = self._arrays.weights(self._stepper.dense_weights(theta))
        change = sum(weights[:, i, None, None] * self._k[i] for i in range(len(self._k)))
        return self._y + self._signed * change

    def at(self, line: np.ndarray, theta: np.ndarray) -> Array:
        """y (point, entry) at the shares θ (point,) of the steps `line` (point,)."""
        weights = self._arrays.weights(self._stepper.dense_weights(theta))
        change = sum(weights[:, i, None] * self._k[i][line] for i in range(len(self._k)))
        return self._y[line] + self._signed[line] * change
