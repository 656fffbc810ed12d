"""The modes of a linear system: eigenvalues with natural frequency, damping ratio and time constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from .scoring import finite


def modes(A: np.ndarray) -> list[dict[str, float | None]]:
    """One dictionary an eigenvalue λ of A (state, state), slowest first; of a complex pair both.

    `re` and `im` of λ; `frequency` |λ|, in radians a unit of time; `damping` −re/|λ|, 1 for a real decay and below 0
    where the mode grows, None at λ = 0; `time_constant` −1/re, None where nothing decays.

    >>> [{key: round(x, 3) for key, x in mode.items()} for mode in modes(np.array([[0.0, 1.0], [-4.0, -0.4]]))][0]
    {'re': -0.2, 'im': 1.99, 'frequency': 2.0, 'damping': 0.1, 'time_constant': 5.0}
    """
    found = np.linalg.eigvals(A)
    order = np.lexsort((-found.imag, np.round(np.abs(found), 12)))
    return [
        {
            "re": float(each.real),
            "im": float(each.imag),
            "frequency": float(abs(each)),
            "damping": finite(-each.real / abs(each)) if abs(each) > 0 else None,
            "time_constant": finite(-1 / each.real) if each.real < 0 else None,
        }
        for each in found[order]
    ]


def linear_system(matrices: dict[str, np.ndarray], names: dict[str, tuple[str, ...]], network: bool) -> dict[str, Any]:
    """The document `linear`: the names of rows and columns, the matrices, and the modes of A.

    `network`: one is added to the slopes, so that this is their linear part alone.
    """
    return {
        **{key: list(value) for key, value in names.items()},
        **{key: value.tolist() for key, value in matrices.items()},
        "modes": modes(matrices["A"]),
        "beside_a_network": network,
    }
