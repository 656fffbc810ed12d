"""The solver swap: is what was learned an ODE, or a map tied to the solver it was trained with?"""

from __future__ import annotations

from typing import Any

import numpy as np

TOLERANCE = 0.01
"""Largest difference between two solvers, in units of the channel's spread, that still counts as the same solution."""
START = 1e-3
"""Change of the start, in units of the spread, whose consequences no two solvers are asked to agree beyond."""


def solver_swap(
    values_a: np.ndarray,
    values_b: np.ndarray,
    scale: np.ndarray | float,
    *,
    solver: str = "its solver",
    step: float | None = None,
    times: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
    growth: np.ndarray | None = None,
) -> dict[str, Any]:
    """Judge one trained model solved by its own solver (a) and by an independent one at tight tolerance (b).

    `values_a`, `values_b` (observation, channel) at the same points, NaN allowed where nothing was asked for in either;
    `scale` (channel,) the spread of each channel in the data; `times` (observation,) to say when the two part.
    A network trained through a coarse solver absorbs that solver's error into its weights: under another solver the
    trajectory changes, and then the learned right-hand side is not the ODE it is read as (Ott et al. 2021, ICLR,
    "ResNet after all? Neural ODEs and their numerical solution").

    In a chaotic system any two solvers part in the end. `growth` (observation,) says by what factor a change of the
    start has grown, so far at most: a difference is excused where a change of the start by `START` of the spread would
    have become as large.

    Keys: `max_relative_difference` (None if b is not finite where a is), `tolerance`, `parts_at` (the first time of a
    difference above tolerance, None if there is none or no times were given), `sensitive` (some difference above
    tolerance was excused), and `verdict`: "an ODE", "a map tied to <solver>, h = …", or None where nothing can be
    compared.
    """
    if values_a.shape != values_b.shape:
        raise ValueError(f"two solutions of the same points are compared, got {values_a.shape} and {values_b.shape}")
    asked = ~(np.isnan(values_a) & np.isnan(values_b))
    found: dict[str, Any] = {"max_relative_difference": None, "tolerance": tolerance, "parts_at": None}
    found |= {"sensitive": False, "verdict": None}
    if not asked.any() or not np.all(np.isfinite(values_a[asked])):
        return found
    tied = f"a map tied to {solver}" + ("" if step is None else f", h = {step:.4g}")
    unit = np.where(np.asarray(scale, dtype=float) > 0, scale, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where(asked, np.abs(values_a - values_b) / unit, 0.0)
    apart = ~(difference <= tolerance)  # NaN, where b has no finite solution, counts as apart
    if times is not None and apart.any():
        found["parts_at"] = float(np.min(np.asarray(times)[apart.any(axis=tuple(range(1, apart.ndim)))]))
    if np.all(np.isfinite(difference)):
        found["max_relative_difference"] = float(difference.max())
    if growth is not None:
        excused = apart & (difference <= START * growth.reshape(-1, *[1] * (apart.ndim - 1)))
        found["sensitive"], apart = bool(excused.any()), apart & ~excused
    return found | {"verdict": tied if apart.any() else "an ODE"}
