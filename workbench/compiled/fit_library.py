"""The library of fits, the same for all models and methods, and what it is told of a model."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from .abi import address, opening
from .abi import declaration as task_declaration
from .fit_abi import Fit, declaration
from .observed import Observed

EFFORT = '#pragma GCC optimize ("O0")'
"""Half the compiler's time: what takes long in a fit (sums of squares, the factorisation) is BUSY, and little else."""
HEADERS = ("clock", "cholesky", "box", "work", "unknowns", "residuals", "least_squares", "entry_fit")


def fit_source(dtype: np.dtype) -> str:
    """Its C file for one kind of reals."""
    includes = [f'#include "{name}.h"' for name in HEADERS]
    return "\n".join([EFFORT, *opening(dtype, False, ("common",)), task_declaration(), declaration(), *includes, ""])


class FittedModel:
    """What every fit of a model has in common: sizes, functions of its libraries, and the entries of ∂mu/∂(y, p)."""

    def __init__(self, states: int, parameters: int, lanes: int, seen: Observed, functions: dict[str, Any]) -> None:
        self._fit = Fit(n_states=states, n_parameters=parameters, lanes=lanes, channels=seen.channels)
        self._fit.n_by_y, self._fit.n_by_p = len(seen.by_y), len(seen.by_p)
        self._entries = [np.array(at, np.int64).reshape(-1, 2).T.copy() for at in (seen.by_y, seen.by_p)]
        for names, entries in zip((("y_channel", "y_state"), ("p_channel", "p_place")), self._entries, strict=True):
            for name, places in zip(names, entries, strict=True):
                setattr(self._fit, name, address(places))
        for name, function in functions.items():
            setattr(self._fit, name, ctypes.cast(function, ctypes.c_void_p).value)

    def fit(self) -> Fit:
        """A fit of which nothing else has been said."""
        return Fit.from_buffer_copy(self._fit)
