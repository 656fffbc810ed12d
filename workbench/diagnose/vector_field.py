"""How far one vector field is from another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .scoring import finite


def field_error(found: np.ndarray, true: np.ndarray, names: tuple[str, ...], size: np.ndarray) -> dict[str, Any]:
    """The root mean square of f̂ − f (point, state) as a share of that of f, states in units of `size` (state,).

    Keys: `points`, `relative` (over all states; None where f̂ is not finite or f is 0) and `by_state`.

    >>> f = np.array([[1.0, -2.0], [-1.0, 2.0]])
    >>> field_error(1.1 * f, f, ("x", "y"), np.ones(2))["relative"].__round__(12)
    0.1
    """
    unit = np.where(size > 0, size, 1.0)
    with np.errstate(all="ignore"):
        off = np.mean(((found - true) / unit) ** 2, axis=0)
        of = np.mean((true / unit) ** 2, axis=0)
        shares = np.sqrt(off / of)
        relative = np.sqrt(off.sum() / of.sum())
    by_state = {name: finite(share) for name, share in zip(names, shares, strict=True)}
    return {"points": len(true), "relative": finite(relative), "by_state": by_state}
