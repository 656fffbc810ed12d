"""The loop: what is particular to it, beyond what the kit asks of every solver."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from workbench_runge_kutta.classical import BOSH3, HEUN2, RK4
from workbench_runge_kutta.dop853 import DOP853
from workbench_runge_kutta.dormand_prince import DOPRI5
from workbench_runge_kutta.tsitouras import TSIT5

from workbench.contracts import Mesh, SolveOptions
from workbench.engine import StepSolver, TableauSolver
from workbench.errors.numerics import GradientUnavailable, ShapeOfRhs, StepWithoutError, TimesOutOfOrder
from workbench.measure.candidate import solved
from workbench.measure.exact import COUPLED, TURNING

PAIRS = pytest.mark.parametrize("tableau", [HEUN2, BOSH3, DOPRI5, TSIT5, DOP853], ids=lambda tableau: tableau.name)


def decay(t, y, row, middle):  # type: ignore[no-untyped-def]
    return -y


@PAIRS
def test_the_error_follows_the_tolerance(tableau) -> None:  # type: ignore[no-untyped-def]
    ts = np.linspace(0, TURNING.t1, 11)
    errors = []
    for rtol in (1e-4, 1e-6) if tableau is HEUN2 else (1e-6, 1e-8):
        found = solved(TableauSolver(tableau, rtol=rtol, atol=rtol), TURNING, ts)
        errors.append(np.abs(found.ys[0] - TURNING.y(ts)).max())
    # error per step is held, so that the global error goes with tolerance^(p/(p+1)): 100^(2/3) to 100, or a little more
    # where a larger step is not asymptotic yet
    assert 20 < errors[0] / errors[1] < 300
    assert errors[1] < 1e-4


def test_our_dop853_and_scipys_take_as_many_evaluations_for_as_good_a_solution() -> None:
    from scipy.integrate import solve_ivp

    ts = np.linspace(0, TURNING.t1, 11)
    ours = solved(TableauSolver(DOP853, rtol=1e-8, atol=1e-8), TURNING, ts)
    theirs = solve_ivp(
        lambda t, y: TURNING.f(np.array([[t]]), y[None])[0],
        (0, TURNING.t1), TURNING.y0[0], method="DOP853", rtol=1e-8, atol=1e-8, t_eval=ts,
    )  # fmt: skip
    error = np.abs(ours.ys[0] - TURNING.y(ts)).max()
    assert error < 3 * np.abs(theirs.y.T - TURNING.y(ts)).max()
    assert ours.stats["rhs"][0] < 1.5 * theirs.nfev


def test_first_same_as_last_saves_an_evaluation_a_step() -> None:
    found = solved(TableauSolver(TSIT5), COUPLED, np.array([0.0, 1.0]))
    tried = found.stats["accepted"] + found.stats["rejected"]
    assert found.stats["rhs"][0] == 6 * tried[0] + 2, "one at the start and one to choose the first step"


def test_dense_output_costs_no_evaluations_where_it_is_free() -> None:
    few = solved(TableauSolver(TSIT5), COUPLED, np.array([0.0, 1.0]))
    many = solved(TableauSolver(TSIT5), COUPLED, np.linspace(0.0, 1.0, 1000))
    assert many.stats["rhs_calls"] == few.stats["rhs_calls"]
    assert many.stats["accepted"] == few.stats["accepted"]
    np.testing.assert_array_equal(many.ys[:, -1], few.ys[:, -1])


def test_a_million_times_are_saved() -> None:
    found = solved(TableauSolver(DOPRI5), COUPLED, np.linspace(0, 1.5, 10**6))
    assert np.isfinite(found.ys).all()


def test_a_fixed_step_method_without_a_step_takes_one_step_per_interval() -> None:
    ts = np.array([0.0, 0.1, 0.5, 0.6])
    found = solved(TableauSolver(RK4), COUPLED, ts)
    assert found.mesh is not None
    np.testing.assert_array_equal(found.mesh.t[0], ts)
    assert found.stats["rhs"] == 12


def test_equal_steps_divide_every_interval() -> None:
    found = solved(TableauSolver(RK4, step=0.1), COUPLED, np.array([0.0, 0.25, 0.3, 1.3]))
    assert found.mesh is not None
    steps = np.diff(found.mesh.t[0])
    np.testing.assert_allclose(steps, [0.25 / 3] * 3 + [0.05] + [0.1] * 10, rtol=1e-13)


def test_steps_end_at_breaks_and_say_so_in_the_mesh() -> None:
    for solver in (TableauSolver(TSIT5), TableauSolver(RK4, step=0.3), TableauSolver(HEUN2)):
        found = solved(solver, COUPLED, np.array([0.0, 1.5]), breaks=(-1.0, 0.0, 0.7, 0.9, 1.5, 4.0))
        mesh = found.mesh
        assert mesh is not None
        np.testing.assert_array_equal(mesh.t[0, 1:][mesh.clipped[0]], [0.7, 0.9, 1.5])


@pytest.mark.parametrize(("t0", "t1"), [(0.0, 2.0), (2.0, 0.0), (1.3, 0.2)])
def test_no_break_is_missed_either_way(t0: float, t1: float) -> None:
    breaks = np.linspace(0.05, 1.95, 20)  # twentieths round differently as times and as distances from t0
    found = TableauSolver(TSIT5).solve(
        decay, np.ones((1, 1)), np.array([t0]), np.array([[t0, t1]]), SolveOptions(breaks=tuple(breaks))
    )
    mesh = found.mesh
    assert mesh is not None
    passed = breaks[(breaks > min(t0, t1)) & (breaks < max(t0, t1))]
    expected = [*(passed if t1 > t0 else passed[::-1]), t1]
    np.testing.assert_allclose(mesh.t[0, 1:][mesh.clipped[0]], expected, rtol=1e-15)


def test_a_row_takes_its_own_steps_in_a_batch() -> None:
    y0, ts = np.array([[1.0], [1.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    rates = np.array([1.0, 100.0])
    found = TableauSolver(DOPRI5).solve(
        lambda t, y, row, middle: -rates[row][:, None] * y, y0, np.zeros(2), ts, SolveOptions()
    )
    slow, fast = found.stats["accepted"]
    assert fast > 3 * slow
    assert found.stats["rhs"][1] > 3 * found.stats["rhs"][0], "a row that is done costs nothing"


def test_work_shrinks_as_rows_finish() -> None:
    sizes = []

    def f(t, y, row, middle):  # type: ignore[no-untyped-def]
        sizes.append(len(y))
        return -y

    ts = np.array([[0.0, 0.1], [0.0, 5.0]])
    TableauSolver(BOSH3).solve(f, np.ones((2, 1)), np.zeros(2), ts, SolveOptions())
    assert sizes[0] == 2
    assert sizes[-1] == 1


def test_a_replay_starts_from_another_time_and_place() -> None:
    """Far from 0 the mesh is in physical time, and followed to the bit all the same."""
    solver, t0 = TableauSolver(TSIT5), np.array([1e5 + 0.1, -3.3, 0.0])
    ts = t0[:, None] + np.array([[0.0, 0.31, 2.0], [0.0, -1.0, -1.7], [0.0, 0.5, 1 / 3 + 1]])
    y0 = np.array([[1.0, 0.5], [0.2, 0.1], [2.0, 0.1]])

    def f(t, y, row, middle):  # type: ignore[no-untyped-def]
        return np.stack([y[:, 1] * np.cos(t), -y[:, 0]], axis=1)

    first = solver.solve(f, y0, t0, ts, SolveOptions())
    again = solver.solve(f, y0, t0, ts, SolveOptions(replay=first.mesh))
    np.testing.assert_array_equal(first.ys, again.ys)
    assert first.mesh is not None
    np.testing.assert_array_equal(first.mesh.t[:, 0], t0)
    np.testing.assert_array_equal(first.mesh.t[range(3), first.mesh.n_steps], ts[:, -1])


def test_a_mesh_that_ends_early_is_not_ok() -> None:
    solver = TableauSolver(RK4, step=0.1)
    short = Mesh(np.array([[0.0, 0.1, 0.2]]), np.zeros((1, 2), dtype=bool))
    found = solved(solver, COUPLED, np.array([0.0, 0.2, 1.0]), replay=short)
    assert found.status == ("step_too_small",)
    assert np.isnan(found.ys[0, -1]).all()
    assert np.isfinite(found.ys[0, 1]).all()


def test_tolerances_may_differ_by_component() -> None:
    """A component of size 1e-6 is lost under one atol for all, and followed under its own."""

    def f(t, y, row, middle):  # type: ignore[no-untyped-def]
        return np.stack([-y[:, 0], -50 * y[:, 1]], axis=1)

    y0, ts = np.array([[1.0, 1e-6]]), np.array([[0.0, 0.1]])
    solver = TableauSolver(DOPRI5, rtol=1e-6, atol=(1e-8, 1e-14))
    found = solver.solve(f, y0, np.zeros(1), ts, SolveOptions())
    np.testing.assert_allclose(found.ys[0, -1, 1], 1e-6 * np.exp(-5), rtol=1e-5)


def test_complex_states_keep_their_imaginary_part() -> None:
    y0, ts = np.array([[1.0 + 1e-20j]]), np.array([[0.0, 1.0]])
    found = TableauSolver(DOPRI5).solve(decay, y0, np.zeros(1), ts, SolveOptions())
    assert found.ys[0, -1, 0].imag == pytest.approx(1e-20 * np.exp(-1), rel=1e-6)


def test_times_that_turn_are_refused() -> None:
    for ts in ([0.0, 1.0, 0.5], [0.0, 0.5, np.nan, 1.0], [0.0, 1.0, -1.0]):
        with pytest.raises(TimesOutOfOrder, match="trajectory 0"):
            TableauSolver(RK4).solve(decay, np.ones((1, 1)), np.zeros(1), np.array([ts]), SolveOptions())


def test_a_slope_of_another_shape_is_refused() -> None:
    with pytest.raises(ShapeOfRhs, match=r"\(1, 3\)"):
        TableauSolver(RK4).solve(
            lambda t, y, row, middle: np.ones((1, 3)),
            np.ones((1, 2)),
            np.zeros(1),
            np.array([[0.0, 1.0]]),
            SolveOptions(),
        )


def test_repeated_times_share_a_state_and_the_first_may_be_t0() -> None:
    found = solved(TableauSolver(TSIT5), COUPLED, np.array([0.0, 0.0, 0.5, 0.5, 1.0]))
    np.testing.assert_array_equal(found.ys[0, 0], found.ys[0, 1])
    np.testing.assert_array_equal(found.ys[0, 2], found.ys[0, 3])


# --- step functions ----------------------------------------------------------------------------------------------


def heun(f, t, y, h, carry):  # type: ignore[no-untyped-def]
    """heun2, with a count of its steps carried along."""
    k0 = f(t, y)
    k1 = f(t + h, y + h * k0)
    steps = np.ones(len(y)) if carry is None else carry + 1
    return y + h / 2 * (k0 + k1), h / 2 * (k1 - k0), None, steps, True


def test_a_step_function_takes_the_same_steps_as_its_tableau() -> None:
    ts, y0 = np.linspace(0, 1.5, 7), COUPLED.y0 * np.array([[1.0], [1.1]])
    written = solved(StepSolver(heun, 2, rtol=1e-4), COUPLED, ts, y0)
    data = solved(TableauSolver(HEUN2, rtol=1e-4), COUPLED, ts, y0)
    # the same arithmetic with other bracketing, over some hundred steps
    np.testing.assert_allclose(written.ys, data.ys, rtol=1e-13)
    np.testing.assert_array_equal(written.stats["rhs"], data.stats["rhs"])


def test_a_carry_counts_accepted_steps_only() -> None:
    seen = {}

    def counting(f, t, y, h, carry):  # type: ignore[no-untyped-def]
        result = heun(f, t, y, h, carry)
        seen[float(t[0, 0])] = float(result[3][0])
        return result

    found = solved(StepSolver(counting, 2, rtol=1e-3, first_step=0.5), COUPLED, np.array([0.0, 1.5]))
    assert found.stats["rejected"][0] > 0
    assert max(seen.values()) == found.stats["accepted"][0]


def test_a_step_that_says_no_is_taken_shorter() -> None:
    def careful(f, t, y, h, carry):  # type: ignore[no-untyped-def]
        result = heun(f, t, y, h, carry)
        return *result[:4], h[:, 0] < 0.01

    found = solved(StepSolver(careful, 2, rtol=1e-2, first_step=1.0), COUPLED, np.array([0.0, 0.5]))
    assert found.status == ("ok",)
    assert found.mesh is not None
    assert np.diff(found.mesh.t[0]).max() < 0.01


def test_a_step_function_brings_its_own_dense_output() -> None:
    """A first-order method whose line between two points is its own: θ · h f."""

    def euler(f, t, y, h, carry):  # type: ignore[no-untyped-def]
        change = h * f(t, y)
        return y + change, None, change[None], None, True

    solver = dataclasses.replace(StepSolver(euler, 1, dense_powers=1), step=1.0)
    mesh = solver.solve(decay, np.ones((1, 1)), np.zeros(1), np.array([[0.0, 1.0]]), SolveOptions()).mesh
    ts = np.array([[0.0, 0.25, 1.0]])
    found = solver.solve(decay, np.ones((1, 1)), np.zeros(1), ts, SolveOptions(replay=mesh))
    np.testing.assert_array_equal(found.ys[0, :, 0], [1.0, 0.75, 0.0])


def test_a_step_function_without_an_error_needs_a_step() -> None:
    def euler(f, t, y, h, carry):  # type: ignore[no-untyped-def]
        return y + h * f(t, y), None, None, None, True

    with pytest.raises(StepWithoutError, match="no error estimate"):
        solved(StepSolver(euler, 1), COUPLED, np.array([0.0, 1.0]))


def test_what_has_no_tableau_says_so_when_it_is_to_be_differentiated() -> None:
    from workbench.engine import sensitivities
    from workbench.testing.linear_rhs import Oscillator

    found = solved(StepSolver(heun, 2), COUPLED, np.array([0.0, 1.0]), keep=True)
    with pytest.raises(GradientUnavailable, match="StepSolver"):
        sensitivities(StepSolver(heun, 2), Oscillator(np.ones(3)), found)
