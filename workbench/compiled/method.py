"""A tableau → C: its coefficients as constants, its sums written out without their zeros."""

from __future__ import annotations

import numpy as np

from ..engine import Tableau
from .sums import array, back, dense, each, function, switch, terms

UNROLLED = 400  # operations of f and of the method together up to which the stages are written one behind the other


def explicit(tableau: Tableau, operations: int) -> str:
    """The constants and sums that kernels/explicit.h needs; `operations` is the size of f."""
    data = tableau.arrays
    end_weights = data.own
    b = np.zeros(data.all)
    b[: data.own] = data.b
    sizes = {
        "N_OWN": data.own,
        "N_FIRST": data.first,
        "N_ALL": data.all,
        "CLOSED": int(tableau.fsal),
        "N_ERRORS": len(data.errors),
        "N_END_WEIGHTS": end_weights if not tableau.fsal else int(np.flatnonzero(data.b).max()) + 1,
    }
    unroll = '_Pragma("GCC unroll 16")' if operations * data.own <= UNROLLED else '_Pragma("GCC unroll 1")'
    parts = ["\n".join(f"#define {key} {value}" for key, value in sizes.items()), f"#define UNROLL_STAGES {unroll}"]
    parts += [array("method_c", data.c), array("method_b", b), dense(data.w)]
    changes = [terms(data.a[s, :s]) for s in range(data.all)]
    head = "INLINE void stage_state(int s, const R *y, R h, R (*k)[N_STATES], R *out)"
    parts.append(switch(head, [each(f"out[i] = y[i]{f' + h * ({change})' if change else ''};") for change in changes]))
    columns = [terms(data.a[s, :s], "[i][q]") for s in range(data.all)]
    parts.append(
        switch(
            "INLINE void stage_columns(int s, const R *y, R h, int i, R (*k)[N_STATES][N_COLUMNS], R *out)",
            [each(f"out[q] = y[q]{f' + h * ({sum_})' if sum_ else ''};", "q", "N_COLUMNS") for sum_ in columns],
        )
    )
    backs = [each(" ".join(back(data.a[s, :s], "g[i]"))) for s in range(data.all)]
    parts.append(switch("INLINE void stage_back(int s, R h, const R *g, R (*k)[N_STATES])", backs))
    end = f"out[i] = y[i] + h * ({terms(data.b)});"
    parts.append(function("INLINE void step_end(const R *y, R h, R (*k)[N_STATES], R *out)", [each(end)]))
    parts.append(
        function("INLINE void step_end_back(R h, const R *g, R (*k)[N_STATES])", [each(" ".join(back(data.b, "g[i]")))])
    )
    errors = [each(f"out[{m}][i] = h * ({terms(row)});") for m, row in enumerate(data.errors)]
    unused = "(void)h, (void)k, (void)out;"
    parts.append(function("INLINE void step_errors(R h, R (*k)[N_STATES], R (*out)[N_STATES])", [unused, *errors]))
    return "\n\n".join(parts) + "\n"
