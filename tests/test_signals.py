"""Inputs between their samples: held, linear and cubic, in `solve` and in problems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from workbench_runge_kutta.dormand_prince import DOPRI5
from workbench_runge_kutta.tsitouras import TSIT5

from workbench.dataset import Dataset, Inputs
from workbench.engine import TableauSolver
from workbench.errors.usage import SignalInconsistent
from workbench.model.inputs import InputTable
from workbench.problem import read_problem
from workbench.solving import Signal, solve

SOLVER = TableauSolver(TSIT5, rtol=1e-10, atol=1e-12)
MODES = pytest.mark.parametrize("mode", ["discrete", "backprop"])
KINDS = ["hold", "linear", "cubic"]
T = np.array([0.0, 0.3, 1.0, 1.4, 2.0])


def cubic(t: Any) -> Any:
    return 1.0 + 2.0 * t - 3.0 * t**2 + 0.5 * t**3


def cubic_slope(t: Any) -> Any:
    return 2.0 - 6.0 * t + 1.5 * t**2


def table(kinds: list[str], t: np.ndarray = T, shift: float = 0.0) -> InputTable:
    """Two trajectories, the second one at times that are `shift` later."""
    times = np.concatenate([t, t + shift])
    values = np.column_stack([cubic(np.concatenate([t, t]))] * len(kinds))
    names = tuple(f"u{i}" for i in range(len(kinds)))
    return InputTable(Inputs(names, times, values, np.array([len(t), len(t)])), kinds)


def test_a_cubic_is_reproduced_with_its_slope_in_every_trajectory() -> None:
    inside = np.linspace(0, 2, 41)
    for row, shift in ((0, 0.0), (1, 7.0)):
        rows = np.full(41, row)
        of = table(["cubic"], shift=7.0)
        # values of size 3, a spline's system of condition 10
        np.testing.assert_allclose(of(inside + shift, rows, inside + shift)[:, 0], cubic(inside), atol=1e-13)
        np.testing.assert_allclose(
            of.slope(inside + shift, rows, inside + shift)[:, 0], cubic_slope(inside), atol=1e-12
        )


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_samples_give_the_polynomial_through_them(n: int) -> None:
    t = T[:n]
    coefficients = np.polyfit(t, cubic(t), n - 1)
    at = np.linspace(t[0], t[-1], 9)
    found = table(["cubic"], t)(at, np.zeros(9, dtype=int), at)[:, 0]
    np.testing.assert_allclose(found, np.polyval(coefficients, at), atol=1e-12)


def test_a_cubic_input_has_two_continuous_derivatives() -> None:
    t = np.array([0.0, 0.5, 0.7, 1.6, 2.0, 3.0])
    of = InputTable(Inputs(("u",), t, np.sin(5 * t)[:, None], np.array([6])), ["cubic"])
    row, d = np.zeros(4, dtype=int), 1e-6

    def slope(at: np.ndarray) -> np.ndarray:
        return of.slope(at, row, at)[:, 0]

    knots = t[1:-1]
    before, after = knots - 1e-9, knots + 1e-9
    # derivatives of up to 100 over 2e-9
    np.testing.assert_allclose(of(before, row, before), of(after, row, after), atol=1e-7)
    np.testing.assert_allclose(slope(before), slope(after), atol=1e-6)
    left, right = (slope(knots) - slope(knots - d)) / d, (slope(knots + d) - slope(knots)) / d
    np.testing.assert_allclose(left, right, atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_slopes_are_the_differences_of_values(kind: str) -> None:
    of, h = table([kind, "hold"]), 1e-6
    at = np.array([-0.5, 0.1, 0.6, 1.1, 1.9, 2.5])
    row = np.zeros(len(at), dtype=int)
    difference = (of(at + h, row, at) - of(at - h, row, at)) / (2 * h)
    np.testing.assert_allclose(of.slope(at, row, at), difference, atol=1e-8)
    assert (of.slope(at, row, at)[[0, -1]] == 0).all(), "outside of its samples an input stays as it is"


def test_kinds_may_differ_between_inputs() -> None:
    of = table(KINDS)
    at, row = np.array([0.65]), np.zeros(1, dtype=int)
    middle = (cubic(0.3) + cubic(1.0)) / 2
    np.testing.assert_allclose(of(at, row, at)[0], [cubic(0.3), middle, cubic(0.65)], rtol=1e-14)
    assert set(of.breaks(np.array([0]))) == set(T)
    assert table(["cubic"], shift=7.0).breaks(np.array([0, 1])) == (0.0, 2.0, 7.0, 9.0)


def test_a_cubic_input_is_looked_up_at_the_time_and_not_by_the_step() -> None:
    """A step may go over its samples: what belongs to 1.9 is not read from the interval of the step's middle."""
    of, row = table(["cubic"]), np.zeros(1, dtype=int)
    np.testing.assert_allclose(of(np.array([1.9]), row, np.array([0.5]))[0, 0], cubic(1.9), rtol=1e-13)


# --- solve


def integral(kind: str, t: np.ndarray, u: np.ndarray, upto: float) -> float:
    """∫ u from the first sample on, in closed form for held and linear inputs."""
    ends = np.append(t[t < upto], upto)
    if kind == "hold":
        return float(np.sum(np.diff(ends) * u[: len(ends) - 1]))
    values = np.interp(ends, t, u)
    return float(np.sum(np.diff(ends) * (values[1:] + values[:-1]) / 2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tensors", [False, True])
def test_the_integral_of_a_signal_is_exact(kind: str, tensors: bool) -> None:
    signal = Signal(T, cubic(T), kind)  # type: ignore[arg-type]
    y0: Any = torch.zeros(1, dtype=torch.float64) if tensors else np.zeros(1)
    ts = np.array([0.0, 0.9, 1.7, 2.0])
    found = solve(lambda t, y, u: u + 0 * y, y0, ts, SOLVER, inputs=signal)
    antiderivative = np.polyint([0.5, -3.0, 2.0, 1.0])
    exact = [np.polyval(antiderivative, t) if kind == "cubic" else integral(kind, T, cubic(T), t) for t in ts]
    # pieces are polynomials of a degree that the method integrates exactly; cubics meet the tolerance
    np.testing.assert_allclose(np.asarray(found.ys)[:, 0], exact, atol=1e-12)


def test_held_inputs_end_steps_at_their_jumps_and_cubic_ones_do_not() -> None:
    for kind, forced in (("hold", True), ("cubic", False)):
        found = solve(lambda t, y, u: u - y, [0.0], [-0.5, 3.0], SOLVER, inputs=Signal(T, cubic(T), kind))  # type: ignore[arg-type]
        assert found.mesh is not None
        met = np.isclose(found.mesh.t[0][:, None], T, rtol=1e-15).any(axis=0)
        assert met.tolist() == [True, forced, forced, forced, True]


def test_each_trajectory_has_its_own_signal() -> None:
    values = np.stack([cubic(T), -cubic(T), 2 + 0 * T])[:, :, None]
    ts = np.stack([T, T + 0.1, T * 0.9])
    found = solve(
        lambda t, y, u: u + 0 * y, np.zeros((3, 1)), [0.0, 0.7, 1.8], SOLVER, inputs=Signal(ts, values, "hold")
    )
    for row in range(3):
        for i, t in enumerate((0.7, 1.8), start=1):
            before = values[row, 0, 0] * ts[row, 0]  # from 0 to its first sample it stands at it
            exact = before + integral("hold", ts[row], values[row, :, 0], t)
            assert found.ys[row, i, 0] == pytest.approx(exact, abs=1e-12)
    with pytest.raises(SignalInconsistent, match="3 trajectories are given to 2"):
        solve(lambda t, y, u: u, np.zeros((2, 1)), [0.0, 1.0], SOLVER, inputs=Signal(ts, values))


@MODES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [True, False])
def test_solutions_are_differentiable_in_the_samples(mode: Any, kind: Any, shared: bool) -> None:
    """y' = −y + Σ u is linear in the samples: differences of any length are exact."""
    rng = np.random.default_rng(1)
    values = torch.tensor(rng.normal(size=(5, 2) if shared else (2, 5, 2)))
    y0, ts = torch.tensor([[1.0], [2.0]], dtype=torch.float64), np.array([0.0, 1.1, 1.9])

    def outcome(values: torch.Tensor) -> Any:
        found = solve(lambda t, y, u: u.sum(-1, keepdim=True) - y, y0, ts, SOLVER,
                      inputs=Signal(T, values, kind), gradient=mode)  # fmt: skip
        return found.ys.reshape(-1)

    jacobian = torch.autograd.functional.jacobian(outcome, values).reshape(6, -1)
    with torch.no_grad():
        for direction in rng.normal(size=(3, *values.shape)):  # a wrong entry shows in each
            move = torch.from_numpy(direction)
            change = (outcome(values + move) - outcome(values - move)) / 2
            # two solves of another mesh, to 1e-10 each, some times over
            np.testing.assert_allclose(jacobian @ move.reshape(-1), change, atol=2e-8)


def test_a_signal_is_read_at_a_time() -> None:
    held = Signal(T, cubic(T))
    assert held.at(0.3) == cubic(0.3)
    assert held.at(0.29) == cubic(0.0)
    assert Signal(T, np.stack([T, 2 * T], axis=1), "linear").at(0.65).tolist() == pytest.approx([0.65, 1.3])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((T, T[1:]), "do not fit"),
        ((T, np.zeros((5, 5, 5, 5))), "do not fit"),
        (([], []), "do not fit"),
        ((T[::-1], T), "do not increase"),
        ((T, T * np.nan), "not finite"),
        ((T, T, "spline"), "no interpolation is called 'spline'"),
    ],
)
def test_samples_that_do_not_fit_are_refused(arguments: tuple[Any, ...], match: str) -> None:
    with pytest.raises(SignalInconsistent, match=match):
        Signal(*arguments)


# --- problems

DRIVEN = """
title  = "The integral of an input"
source = "for tests"
[states.x]
equation = "u"
initial  = 0.0
[inputs.u]
interpolation = "cubic"
"""


def test_a_problem_with_a_cubic_input_is_solved() -> None:
    from workbench.model import Model, Selection
    from workbench.registry import installed

    t = np.array([0.0, 0.5, 2.0])
    data = Dataset(
        t, np.ones((3, 1)), np.array([3]), ("x",), inputs=Inputs(("u",), T, cubic(T)[:, None], np.array([5]))
    )
    problem = read_problem(DRIVEN).with_data(data, "none")
    field = installed().make("dynamics", "equations").build(problem, np.random.default_rng(0))
    of = Model(problem, field, TableauSolver(DOPRI5), installed().make("loss", "mse"))
    found = of.trial(of.unknowns.start, Selection.of(data, np.ones(3, dtype=bool))).trajectory
    antiderivative = np.polyint([0.5, -3.0, 2.0, 1.0])
    np.testing.assert_allclose(found.ys[0, :, 0], np.polyval(antiderivative, t), atol=1e-9)
