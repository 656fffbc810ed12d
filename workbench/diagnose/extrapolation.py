"""Where a trajectory leaves what training has visited: there the model says what it was never told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .findings import listed

MARGIN = 0.1
"""Share of a range beyond which a value counts as outside of it."""
FAR = 0.5
"""Distance from the nearest training state that counts as far: root mean square over states, in their spreads."""
MOST = 2000
"""Training states kept for the search of the nearest, evenly chosen."""


@dataclass(frozen=True)
class Region:
    """What training visited: ranges of the states and of the inputs, and the states themselves."""

    states: np.ndarray  # (point, state), finite
    inputs: np.ndarray  # (point, input)
    names: tuple[str, ...]  # states, then inputs

    @classmethod
    def of(
        cls, states: np.ndarray, inputs: np.ndarray | None, names: Sequence[str], input_names: Sequence[str] = ()
    ) -> Region:
        """The region of training points (point, state) and (point, input); those that are not finite are left out."""
        given = np.zeros((len(states), 0)) if inputs is None else inputs
        there = np.isfinite(states).all(axis=1)
        return cls(states[there], given[there], (*names, *input_names))

    def left_by(self, t: np.ndarray, states: np.ndarray, inputs: np.ndarray | None = None) -> dict[str, Any]:
        """How far a trajectory at t (point,) goes beyond the region.

        Keys: `outside` (bool; None without training points), `at` (the first time outside, None if never), `beyond`
        {name: by what share of its range a state or input is exceeded, where above `MARGIN`}, and `distance` (the
        largest to the nearest training state, in spreads: the root of the mean over states of (Δ/s)²), which counts
        as outside above `FAR`.
        """
        given = np.zeros((len(states), 0)) if inputs is None else inputs
        there = np.isfinite(states).all(axis=1)
        t, values = t[there], np.column_stack([states[there], given[there]])
        if not len(self.states) or not len(t):
            return {"outside": None, "at": None, "beyond": {}, "distance": None}
        seen = np.column_stack([self.states, self.inputs])
        low, high = seen.min(axis=0), seen.max(axis=0)
        width = np.where(high > low, high - low, np.maximum(np.abs(high), 1e-300))
        with np.errstate(over="ignore"):
            excess = np.maximum(np.maximum(low - values, values - high), 0.0) / width  # (point, name)
            distance = self._distance(states[there])
        out = (excess > MARGIN).any(axis=1) | (distance > FAR)
        most = excess.max(axis=0)
        return {
            "outside": bool(out.any()),
            "at": float(t[out].min()) if out.any() else None,
            "beyond": {name: float(e) for name, e in zip(self.names, most, strict=True) if e > MARGIN},
            "distance": float(distance.max()),
        }

    def _distance(self, states: np.ndarray) -> np.ndarray:
        """To the nearest training state (point,)."""
        from scipy.spatial import cKDTree

        kept = self.states[np.unique(np.linspace(0, len(self.states) - 1, MOST).astype(int))]
        spread = np.std(self.states, axis=0)
        unit = np.where(spread > 0, spread, 1.0) * np.sqrt(self.states.shape[1])
        distance: np.ndarray = cKDTree(kept / unit).query(np.clip(states / unit, -1e150, 1e150))[0]
        return distance


def told(found: dict[str, Any], what: str, time: str = "t") -> str:
    """The finding in a sentence about `what`; "" where the region is not left.

    >>> told({"outside": True, "at": 3.0, "beyond": {"x": 0.25}, "distance": 0.4}, "The held-out part")
    'The held-out part leaves what training visited from t = 3 on: x goes 25 % of its range beyond.'
    """
    if not found.get("outside"):
        return ""
    beyond = [f"{name} goes {100 * share:.3g} % of its range beyond" for name, share in found["beyond"].items()]
    how = listed(beyond) if beyond else f"the nearest training state is {found['distance']:.2g} times the spread away"
    return f"{what} leaves what training visited from {time} = {found['at']:.4g} on: {how}."
