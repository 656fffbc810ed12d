"""Sums with constant weights → C: written out, without their zeros."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def array(name: str, values: Iterable[float]) -> str:
    return f"static const double {name}[] = {{{', '.join(float(x).hex() for x in values)}}};"


def terms(weights: Sequence[float] | np.ndarray, at: str = "[i]") -> str:
    return " + ".join(f"(REAL){float(w).hex()} * k[{j}]{at}" for j, w in enumerate(weights) if w)


def back(weights: Sequence[float] | np.ndarray, value: str) -> list[str]:
    return [f"k[{j}][i] += h * (REAL){float(w).hex()} * {value};" for j, w in enumerate(weights) if w]


def each(body: str, index: str = "i", size: str = "N_STATES") -> str:
    return f"for (int {index} = 0; {index} < {size}; {index}++) {{ {body} }}"


def switch(head: str, cases: Sequence[str]) -> str:
    lines = ["    (void)h, (void)k;", "    switch (s) {"]
    for s, case in enumerate(cases):
        lines += [f"    case {s}:", f"        {case}", "        break;"]
    return "\n".join([head, "{", *lines, "    }", "}"])


def function(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, "{", *(f"    {line}" for line in lines), "}"])


def dense(w: np.ndarray) -> str:
    """The weight of every slope at θ, by Horner's scheme."""
    lines = []
    for s, row in enumerate(w):
        powers = np.flatnonzero(row)
        text = "0"
        if len(powers):
            text = float(row[powers[-1]]).hex()
            for power in range(powers[-1] - 1, -1, -1):
                text = f"({float(row[power]).hex()} + theta * {text})" if row[power] else f"(theta * {text})"
            text = f"theta * {text}"
        lines.append(f"w[{s}] = (REAL)({text});")
    return function("INLINE void method_weights(double theta, REAL *w)", lines)
