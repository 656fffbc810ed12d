"""What Python and C agree on: one structure, written down once and given to both."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

WHOLE, NUMBER = ctypes.c_int64, ctypes.c_double
REALS = {np.dtype(np.float32): ("float", 0), np.dtype(np.float64): ("double", 1)}
INTEGERS = ("rows", "times", "width", "plan_width", "p_stride", "n_breaks", "max_steps", "keep", "retry")
NUMBERS = ("rtol", "first_step", "min_step", "cap", "safety", "shrink", "grow", "start", "error_power", "deadline")
POINTERS = {
    "double": (
        *("t0", "sign", "low", "high", "end", "tau", "atol", "breaks", "u_knots", "u_origin", "u_pieces", "plan"),
        *("mesh", "failure_tau", "failure_h", "failure_y", "failure_k", "failure_tried"),
    ),
    "int64_t": (
        *("n_times", "u_first", "plan_steps", "n_steps", "n_rejected", "n_rhs", "n_jacobians", "status"),
        *("failure_steps", "order"),
    ),
    "uint8_t": ("plan_clipped", "clipped", "u_smooth"),
    "void": ("y0", "c", "p", "ys", "states", "tapes", "gys", "g_y0", "g_p", "by"),
}
"""Arrays, row by row; `void` ones hold the kernel's own kind of real numbers."""


def opening(dtype: np.dtype, wide: bool, headers: Sequence[str]) -> list[str]:
    """The first lines of a C file: its kind of reals, whether trajectories share vectors, and headers of kernels/."""
    real, double = REALS[dtype]
    lines = [f"#define REAL {real}", f"#define REAL_IS_DOUBLE {double}", f"#define WIDE {int(wide)}"]
    return lines + [f'#include "{name}.h"' for name in ("lanes", "types", *headers)]


class Task(ctypes.Structure):
    """One call: sizes, settings, and where the arrays are."""

    _fields_ = [
        *((name, WHOLE) for name in INTEGERS),
        *((name, NUMBER) for name in NUMBERS),
        ("beta", NUMBER * 3),
        *((name, ctypes.c_void_p) for names in POINTERS.values() for name in names),
    ]


def declaration() -> str:
    """The structure in C."""
    lines = [f"    int64_t {name};" for name in INTEGERS] + [f"    double {name};" for name in NUMBERS]
    lines.append("    double beta[3];")
    lines += [f"    {kind} *{name};" for kind, names in POINTERS.items() for name in names]
    return "\n".join(["typedef struct {", *lines, "} Task;"]) + "\n"


def address(array: np.ndarray | None) -> Any:
    """Where the first entry of a contiguous array is."""
    if array is None:
        return None
    try:
        # in a fifth of the time of NumPy's own ways
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]  # an array is a buffer
    except (TypeError, ValueError):  # read-only, or empty
        return array.ctypes.data
