"""The part of a card about the truth, where it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .numbers import number


def truth(run: Any) -> list[str]:
    """Field, fixed points, period or Lyapunov exponent, and parameters, each beside the truth's."""
    found = run.diagnostics.get("truth")
    if not found:
        return []
    lines = [f"  {found['problem']}"]
    if field := found.get("field"):
        on, off = (number((field.get(where) or {}).get("relative"), 2) for where in ("on", "off"))
        lines.append(f"  error of f     {on} of its size where the data went, {off} around")
    lines += [f"  fixed point    {_fixed_point(point)}" for point in found.get("fixed_points") or ()]
    for name, label in (("period", "period"), ("lyapunov", "Lyapunov exponent")):
        if pair := found.get(name):
            lines.append(f"  {label:<14} {number(pair['found'])}, in truth {number(pair['truth'])}")
    for name, pair in (found.get("parameters") or {}).items():
        inside = {True: "", False: ", outside of the 95 % interval", None: ""}[pair["inside"]]
        lines.append(f"  {name:<14} {number(pair['found'])}, in truth {number(pair['truth'])}{inside}")
    return lines


def _fixed_point(point: Mapping[str, Any]) -> str:
    """Where it is, and the eigenvalues of both."""
    at = ", ".join(f"{name} = {number(_rounded(value))}" for name, value in point["truth"].items())
    true = _eigenvalues(point["eigenvalues"])
    if point.get("found") is None:
        return f"{at}: the model has none there; eigenvalues in truth {true}"
    return f"{at}: eigenvalues {_eigenvalues(point['found_eigenvalues'])}, in truth {true}"


def _eigenvalues(pairs: Sequence[Sequence[float]]) -> str:
    """Real numbers as they are, complex ones in pairs as a ± bi."""
    words = []
    for real, imaginary in pairs:
        if imaginary == 0:
            words.append(number(real, 3))
        elif imaginary > 0:
            words.append(f"{number(_rounded(real), 3)} ± {number(imaginary, 3)}i")
    return " and ".join(words)


def _rounded(value: float) -> float:
    """What is nothing but rounding is 0."""
    return 0.0 if abs(value) < 1e-12 else value
