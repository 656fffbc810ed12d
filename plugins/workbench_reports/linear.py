"""The part of a card about a linear system: its matrices and modes."""

from __future__ import annotations

from typing import Any

from .numbers import number
from .table import aligned

WIDE = 8
"""Rows or columns of a matrix up to which a card shows it; larger ones are in `show --json`."""


def linear(run: Any) -> list[str]:
    """x' = A x + B u + b, y = C x + D u + d, and each eigenvalue of A with its natural frequency and damping ratio.

    Where the channels are the states the matrices are the parameters, and D is left out where it is 0.
    """
    found = run.diagnostics.get("linear")
    if not found:
        return []
    states, inputs, channels = found["states"], found["inputs"], found["channels"]
    lines = ["  the linear part; a network is added to it"] * bool(found["beside_a_network"])
    if "C" in found:
        slopes = [[*row, *found["B"][i], found["b"][i]] for i, row in enumerate(found["A"])]
        lines += _matrix("A B b" if inputs else "A b", states, [*states, *inputs, "1"], slopes)
        direct = any(any(row) for row in found["D"])
        seen = [[*row, *found["D"][i] * direct, found["d"][i]] for i, row in enumerate(found["C"])]
        lines += _matrix("C D d" if direct else "C d", channels, [*states, *inputs * direct, "1"], seen)
    rows = [["eigenvalue of A", "frequency", "damping", "time constant"]]
    for mode in found["modes"][:WIDE]:
        if mode["im"] >= 0:
            imaginary = f" ± {number(mode['im'])}i" if mode["im"] else ""
            rows.append([number(mode["re"]) + imaginary, *(number(mode[key]) for key in KEYS)])
    return [*lines, *aligned(rows)]


KEYS = ("frequency", "damping", "time_constant")


def _matrix(corner: str, rows: list[str], columns: list[str], values: list[list[float]]) -> list[str]:
    if max(len(rows), len(columns)) > WIDE:
        return [f"  {corner}: {len(rows)} by {len(columns)}, in `show --json`"]
    return aligned([[corner, *columns], *([name, *map(number, row)] for name, row in zip(rows, values, strict=True))])
