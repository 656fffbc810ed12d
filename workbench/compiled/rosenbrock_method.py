"""A Rosenbrock tableau → C: its coefficients as constants, its sums written out without their zeros."""

from __future__ import annotations

import numpy as np

from ..engine import RosenbrockTableau
from ..engine.rosenbrock import dense_weights
from ..graph import Graph
from .method import UNROLLED
from .printer import Printer
from .second import TangentPrinter, entries_back
from .state_jacobian import StateJacobian
from .sums import array, back, dense, each, function, switch, terms


def rosenbrock(tableau: RosenbrockTableau, operations: int, timed: bool) -> str:
    """The constants and sums that kernels/rosenbrock*.h need.

    `operations` is the size of f, `timed` says that f_t is needed. The slopes of a step are f at its
    start, the stages, and f at its end; `k` of the sums are the stages alone.
    """
    data = tableau.arrays
    weights = dense_weights(tableau)
    fresh = data.a.any(axis=1) | (data.alpha != 0)  # whether a stage evaluates f, or takes it from the step's start
    few = operations * data.stages <= UNROLLED
    sizes = {
        "N_STAGES": data.stages,
        "N_OWN": data.stages + 1,
        "N_FIRST": data.stages + 2,
        "N_ALL": data.stages + 2,
        "N_PER_STEP": int(fresh.sum()),
        "CLOSED": 0,
        "N_ERRORS": len(data.errors),
        "TIMED": int(timed),
        "WRITTEN_OUT": int(few),
        "END_WEIGHED": int(weights[-1].any()),
        "SHIFT": f"((REAL){(1 / data.gamma).hex()})",
    }
    unroll = '_Pragma("GCC unroll 16")' if few else '_Pragma("GCC unroll 1")'
    parts = ["\n".join(f"#define {key} {value}" for key, value in sizes.items()), f"#define UNROLL_STAGES {unroll}"]
    parts += [array("method_c", [0.0, *data.alpha, 1.0]), array("method_b", [0.0, *data.m, 0.0])]
    parts += [array("method_gammas", data.gammas), f"static const int method_fresh[] = {{{_whole(fresh)}}};"]
    parts += [_table("method_a", data.a), _table("method_others", data.c), array("method_m", data.m)]
    parts += [dense(weights), *(_stages(tableau) if few else ['#include "stage_sums.h"']), *_ends(tableau)]
    return "\n\n".join(parts) + "\n"


def moves_in_time(graph: Graph, tableau: RosenbrockTableau) -> bool:
    """Whether the method needs f_t, and that is not zero."""
    return bool(tableau.arrays.gammas.any()) and not graph.depends("rhs").isdisjoint({"t", "u"})


def derivatives(printer: Printer, purpose: str, timed: bool) -> str:
    """The functions of f_y, f_t and second derivatives that a purpose needs; see kernels/rosenbrock*.h."""
    parts = [StateJacobian(printer, timed).text()]
    if purpose == "pull" and not printer.groups:
        parts.append(entries_back(printer, timed))
    elif purpose in ("pull", "push"):
        tangent = TangentPrinter(printer)
        parts += ['#include "bend.h"', tangent.back()] if printer.groups else [tangent.jacobian()]
    return "\n\n".join(parts) + "\n"


def _whole(values: np.ndarray) -> str:
    return ", ".join(str(int(value)) for value in values)


def _stages(tableau: RosenbrockTableau) -> list[str]:
    """Written out: states of the stages, what their right sides take of other stages, and the way back through both."""
    data = tableau.arrays
    inner, others = ([terms(rows[s, :s]) for s in range(data.stages)] for rows in (data.a, data.c))
    cotangents = [
        [
            *back(data.a[s, :s], "back[i]"),
            *(f"k[{j}][i] += (REAL){float(w).hex()} * g[i];" for j, w in enumerate(data.c[s, :s]) if w),
        ]
        for s in range(data.stages)
    ]
    return [
        switch(
            "INLINE void stage_state(int s, const R *y, R h, R (*k)[N_STATES], R *out)",
            [each(f"out[i] = y[i]{f' + h * ({change})' if change else ''};") for change in inner],
        ),
        switch(
            "INLINE void stage_others(int s, R h, R (*k)[N_STATES], R *out)",
            [each(f"out[i] += {sum_};") if sum_ else "" for sum_ in others],
        ),
        switch(
            "INLINE void stage_back(int s, R h, const R *back, const R *g, R (*k)[N_STATES])",
            [each(" ".join(lines)) if lines else "" for lines in cotangents],
        ),
    ]


def _ends(tableau: RosenbrockTableau) -> list[str]:
    """The step's end and its errors, and what the stages get of the cotangent of the end."""
    data = tableau.arrays
    errors = [each(f"out[{m}][i] = h * ({terms(row)});") for m, row in enumerate(data.errors)]
    return [
        function(
            "INLINE void step_end(const R *y, R h, R (*k)[N_STATES], R *out)",
            [each(f"out[i] = y[i] + h * ({terms(data.m)});")],
        ),
        function(
            "INLINE void step_errors(R h, R (*k)[N_STATES], R (*out)[N_STATES])",
            ["(void)h, (void)k, (void)out;", *errors],
        ),
        function(
            "INLINE void step_end_back(R h, const R *g, R (*k)[N_STATES])", [each(" ".join(back(data.m, "g[i]")))]
        ),
    ]


def _table(name: str, rows: np.ndarray) -> str:
    lines = ", ".join("{" + ", ".join(float(x).hex() for x in row) + "}" for row in rows)
    return f"static const double {name}[{len(rows)}][{len(rows)}] = {{{lines}}};"
