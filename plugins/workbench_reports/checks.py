"""The parts of a card about trust: checks, verdict, cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .numbers import number


def checks(run: Any) -> list[str]:
    """Each check in a line; "not made" where a run holds none, and no line for what does not apply."""
    found = run.diagnostics.get("checks") or {}
    if not found:
        return []
    lines = [
        f"  residuals    {_whiteness(found.get('whiteness') or {})}",
        f"  solver swap  {_swap(found.get('solver_swap') or {})}",
        f"  gradient     {_gradient(found.get('gradient') or {})}",
    ]
    if (found.get("inputs") or {}).get("p") is not None:
        lines.insert(1, f"  inputs       {_inputs(found['inputs'])}")
    if (found.get("extrapolation") or {}).get("outside") is not None:
        lines.append(f"  held out     {_extrapolation(found['extrapolation'], run.dataset.time)}")
    return lines


def verdict(run: Any) -> list[str]:
    """The word and its reasons."""
    found = run.diagnostics.get("verdict") or {}
    if not found.get("word"):
        return []
    return [f"  {found['word']}", *(f"  · {reason}" for reason in found.get("reasons", ()))]


def cost(run: Any) -> list[str]:
    """Seconds, iterations and evaluations of the right-hand side."""
    found = {**run.timings, **(run.diagnostics.get("cost") or {})}
    words = (("seconds", "s"), ("iterations", "iterations"), ("rhs_evaluations", "evaluations of the right-hand side"))
    said = [f"{number(found[key], 3 if key == 'seconds' else 12)} {word}" for key, word in words if found.get(key)]
    return ["  " + " · ".join(said)] if said else []


def _whiteness(found: Mapping[str, Any]) -> str:
    """The residual test in words."""
    if found.get("white") is None:
        return "not tested: too few training values" if found else "not made"
    words = "look like noise" if found["white"] else "are not white"
    tests = {one.get("test") for one in (found.get("channels") or {}).values()} - {None}
    named = " and ".join(sorted({"ljung_box": "Ljung–Box", "runs": "runs test"}[test] for test in tests))
    irregular = "" if found.get("regular", True) else "; sampling is irregular, lags are counted in samples"
    return f"{words} ({named}, p = {number(found['p'], 2)}{irregular})"


def _inputs(found: Mapping[str, Any]) -> str:
    """The residuals against the inputs in words."""
    word = "are independent of the inputs" if found["independent"] else "depend on the inputs"
    return f"residuals {word} (p = {number(found['p'], 2)})"


def _extrapolation(found: Mapping[str, Any], time: str) -> str:
    """Whether the held-out part is where training was."""
    if not found["outside"]:
        return "within what training visited"
    return f"beyond what training visited, from {time} = {number(found['at'])} on"


def _swap(found: Mapping[str, Any]) -> str:
    """The solver swap in words."""
    if found.get("verdict") is None:
        return f"not made: {found['reason']}" if found.get("reason") else "not made"
    difference = found.get("max_relative_difference")
    size = "no finite solution" if difference is None else f"largest difference {number(difference, 2)} of the spread"
    chaos = ", as errors of the start grow" if found.get("sensitive") else ""
    return f"{found['verdict']} ({size} with {found.get('by') or 'another solver'}{chaos})"


def _gradient(found: Mapping[str, Any]) -> str:
    """The gradient check in words."""
    error = found.get("max_relative_error")
    if error is None:
        return "not made"
    words = {"off": "is off by", "unknown": "is lost in roundings: off by"}
    word = words.get(found.get("verdict", ""), "agrees to")
    mode = f" ({found['mode']})" if found.get("mode") else ""
    reverse = found.get("reverse_error")
    astray = "" if reverse is None else f"; reverse error {number(reverse, 2)}"
    warning = ": the adjoint is not to be trusted" if found.get("verdict") == "astray" else ""
    return f"{word} {number(error, 2)} with {found.get('against', 'differences')}{mode}{astray}{warning}"
