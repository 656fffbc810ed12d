"""Initial states that an encoder makes of the first samples of each trajectory, and their derivatives."""

from __future__ import annotations

import numpy as np

from ..errors.usage import UsageError
from ..graph import Encoder
from ..problem import Problem

ALIKE = 1e-3  # of the time between two samples, by which they may come earlier or later than those of the fit


class Encoded:
    """y0 (trajectory, state) of a problem's trajectories, and ∂y0/∂w (trajectory, state, weight), as functions of w."""

    def __init__(self, encoder: Encoder, problem: Problem) -> None:
        first = problem.seen.first_samples(encoder.samples)
        if encoder.spacing:
            _require_alike(np.array(encoder.spacing), first.t)
        self.samples, self._given = encoder.samples, first.columns(times=not encoder.spacing)
        self._value = encoder.graph.function("initial")
        self._both = encoder.graph.function("initial", ("p",))
        self._last: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """y0 (trajectory, state)."""
        value: np.ndarray = self._value(np.zeros(len(self._given)), None, None, self._given, w)
        return value

    def by_weights(self, w: np.ndarray) -> np.ndarray:
        """∂y0/∂w (trajectory, state, weight); that of the last w is kept."""
        if self._last is None or not np.array_equal(self._last[0], w):
            _, by_w = self._both(np.zeros(len(self._given)), None, None, self._given, w)
            self._last = w.copy(), by_w
        return self._last[1]

    def pull(self, w: np.ndarray, rows: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Σ gᵀ∂y0/∂w (weight,) over lines with g (line, state), `rows` their trajectories (line,)."""
        found: np.ndarray = np.einsum("ri,riw->w", g, self.by_weights(w)[rows])
        return found


def _require_alike(spacing: np.ndarray, t: np.ndarray) -> None:
    """Raises UsageError where samples come at other times than those that the encoder was built for."""
    step = np.diff(spacing).max(initial=0.0)
    if (np.abs(t - spacing) > ALIKE * step).any():
        raise UsageError(
            f"the encoder was fitted to first samples at {', '.join(f'{each:.4g}' for each in spacing)} after the "
            "start, and these come at other times",
            help="sample the new record as the fitted ones were",
        )
