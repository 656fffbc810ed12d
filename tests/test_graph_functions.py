"""Python functions of numbers become graphs that give the same numbers."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors.problems import NotLowerable

MATRIX = np.array([[1.0, 2.0], [0.5, -1.0]])


def hunting(t: Any, y: Any, a: Any, b: Any) -> Any:
    prey, hunters = y
    return [a * prey - 2 * prey * hunters, prey * hunters / b - hunters]


def driven(t: Any, y: Any, u: Any, k: Any) -> Any:
    return MATRIX @ y - k * np.sin(y) + np.array([u[0], np.exp(-t)])


def kinked(t: Any, y: Any, k: Any) -> Any:
    x, z = y
    high = np.where(x > k, np.minimum(x, 2.0), np.float64(3) * z**2)
    return [high - abs(z) + np.maximum(z, 0.1), np.arctan2(x, 2.0) + 2.0 ** (z / 2) - np.where(z > 1.0, 0.0, -x)]


def every(t: Any, y: Any, k: Any) -> Any:
    x, z = 0.3 + np.square(y) / (1 + np.square(y)) / 2  # from 0.3 to 0.8, where all functions have values
    first = np.sqrt(x) + np.log(x) + np.log10(x) + np.log1p(z) + np.expm1(z) + np.tan(x) + np.sinh(x) + np.cosh(z)
    return [first + np.arcsin(x) + np.arccos(z), np.arctan(x) + np.arcsinh(z) - np.arctanh(x) + k * np.arccosh(1 + z)]


def looped(t: Any, y: Any, k: Any) -> Any:
    slopes = []
    for i in range(len(y)):
        slopes.append(k * (y[i - 1] - y[i]) + t * y.sum())
    return np.array(slopes)


@pytest.mark.parametrize("f", [hunting, driven, kinked, every, looped])
def test_a_graph_gives_the_numbers_of_its_function(f: Callable[..., Any]) -> None:
    inputs = ["u"] if f is driven else []
    graph = wb.from_function(f, ["x", "z"], inputs=inputs)
    rng = np.random.default_rng(3)
    t, y, u, p = (rng.standard_normal(shape) for shape in ((20,), (20, 2), (20, 1), (len(graph.parameters),)))
    found = graph.function("rhs")(t, y, u if inputs else None, None, p)
    wanted = [f(t[i], y[i], *([u[i]] if inputs else []), *p) for i in range(20)]
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)  # sums in another order


def test_parameters_are_named_by_the_function_or_by_the_caller() -> None:
    assert wb.from_function(hunting, ["x", "z"]).parameters == ("a", "b")
    assert wb.from_function(lambda t, y, *p: [p[0] * y[0]], ["x"], ["rate"]).parameters == ("rate",)


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda t, y, k: [y[0] if y[0] > k else k], "numpy.where"),
        (lambda t, y, k: [math.exp(y[0])], "numpy.exp"),
        (lambda t, y, k: [np.cbrt(y[0])], "numpy.cbrt"),
        (lambda t, y, k: [np.add.reduce(y[0])], "numpy.add.reduce"),
        (lambda t, y, k: [y[0], k], "2 slopes for 1 states"),
        (lambda t, y, k: [math.inf * y[0]], "no finite real number"),
        (lambda t, y, k: ["x"], "no finite real number"),
        (lambda t, y, x: [y[0]], "declared twice"),
        (lambda t, y, *p: [y[0]], "any number of parameters"),
    ],
)
def test_what_a_graph_cannot_hold_is_refused_with_a_reason(f: Callable[..., Any], says: str) -> None:
    with pytest.raises(NotLowerable, match=says):
        wb.from_function(f, ["x"])


def test_sympy_is_not_imported() -> None:
    text = (
        "import sys, workbench as wb\n"
        "graph = wb.from_function(lambda t, y, k: [-k * y[0]], ['x'])\n"
        "assert not {'sympy', 'torch', 'scipy'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", text], check=True)
