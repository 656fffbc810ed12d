"""What Python and C agree on about a fit, beside the task that it solves."""

from __future__ import annotations

import ctypes

WHOLE, NUMBER = ctypes.c_int64, ctypes.c_double
INTEGERS = ("n", "max_iterations", "n_states", "n_parameters", "channels", "n_by_y", "n_by_p", "lanes")
NUMBERS = ("ftol", "xtol", "gtol", "damping")
POINTERS = {
    "double": (
        *("x", "lower", "upper", "base", "width", "p", "y0", "values", "weights"),
        *("cost", "mu", "gradient", "hessian"),
    ),
    "int64_t": ("kind", "p_unknown", "y0_unknown", "counts", "y_channel", "y_state", "p_channel", "p_place"),
    "void": ("solve", "push", "observe"),
}
"""`base` and `width` are the bounds of logit; `p_unknown` and `y0_unknown` places in x, or −1 where a value is given;
`counts` solves, pushes and iterations. mu, gradient and hessian are those at the last x. `solve`, `push` and `observe`
are functions of the model's own libraries, `lanes` the trajectories that are pushed side by side; y_channel, y_state,
p_channel and p_place (a parameter's) say where the entries of ∂mu/∂(y, p) stand."""


class Fit(ctypes.Structure):
    """One fit: its unknowns, observations, settings, and where its results go."""

    _fields_ = [
        *((name, WHOLE) for name in INTEGERS),
        *((name, NUMBER) for name in NUMBERS),
        *((name, ctypes.c_void_p) for names in POINTERS.values() for name in names),
    ]


def declaration() -> str:
    """The structure in C."""
    lines = [f"    int64_t {name};" for name in INTEGERS] + [f"    double {name};" for name in NUMBERS]
    lines += [f"    {kind} *{name};" for kind, names in POINTERS.items() for name in names]
    return "\n".join(["typedef struct {", *lines, "} Fit;"]) + "\n"
