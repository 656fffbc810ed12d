"""The trajectory as a network: its derivatives, its defect, and how it compares with solvers that take steps."""

from __future__ import annotations

import numpy as np
import pytest
from workbench_pinn.curve import Curve, Shape
from workbench_pinn.solver import pinn
from workbench_pinn.training import Defect

import workbench as wb


def curve(exact: bool, seed: int = 0) -> tuple[Curve, np.ndarray]:
    shape = Shape(7, 2)
    w = np.random.default_rng(seed).normal(size=shape.n_weights)
    return Curve(shape, np.array([0.5, -1.0]), 2.0, 3.0, exact), w


@pytest.mark.parametrize("exact", [True, False])
def test_the_curves_slope_and_derivatives_are_central_differences(exact: bool) -> None:
    """Of step 1e-5: errors of some 1e-10 from the third derivative, 1e-11 from rounding."""
    made, w = curve(exact)
    t, h = np.linspace(2.0, 5.0, 5), 1e-5
    (up, _), (down, _) = made.at(w, t + h), made.at(w, t - h)
    np.testing.assert_allclose(made.at(w, t)[1], (up - down) / (2 * h), atol=1e-7)
    by_y, by_rate = made.by_weights(w, t)
    for k in range(len(w)):
        step = h * (np.arange(len(w)) == k)
        pairs = zip(made.at(w + step, t), made.at(w - step, t), strict=True)
        for found, (more, less) in zip((by_y, by_rate), pairs, strict=True):
            np.testing.assert_allclose(found[:, :, k], (more - less) / (2 * h), atol=1e-7)


def test_a_hard_start_is_met_by_every_weight() -> None:
    made, w = curve(True, seed=3)
    np.testing.assert_array_equal(made.at(w, np.array([2.0]))[0][0], made.y0)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_the_jacobian_of_the_defect_is_its_central_difference(exact: bool, known: bool) -> None:
    made, w = curve(exact)

    def slope(t: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.column_stack([y[:, 1] * np.cos(t), -np.sin(y[:, 0]) - 0.3 * y[:, 1]])

    def jacobian(t: np.ndarray, y: np.ndarray) -> np.ndarray:
        zero = np.zeros(len(t))
        rows = [np.stack([zero, np.cos(t)], axis=1), np.stack([-np.cos(y[:, 0]), zero - 0.3], axis=1)]
        return np.stack(rows, axis=1)

    t = np.linspace(2.0, 5.0, 6)
    question = Defect(made, slope, jacobian if known else None, t, np.array([1.0, 2.0]))
    weights, h = np.linspace(1.0, 0.5, 6), 1e-6
    _, found = question.linear(w, weights)
    for k in range(len(w)):
        step = h * (np.arange(len(w)) == k)
        wanted = (question.linear(w + step, weights)[0] - question.linear(w - step, weights)[0]) / (2 * h)
        np.testing.assert_allclose(found[:, k], wanted, atol=1e-6)  # differences of differences where f_y is not known


def test_early_points_weigh_more_in_causal_training() -> None:
    made, _ = curve(True)
    question = Defect(made, lambda t, y: y, None, np.linspace(2, 5, 4), np.ones(2), causal=2.0)
    weights = question.weights(np.full((4, 2), 0.5))  # each point adds ½
    np.testing.assert_allclose(weights, np.exp(-0.5 * np.arange(4)))


@pytest.mark.parametrize("settings", [{}, {"solver.initial": "soft"}, {"solver.causal": 1.0}, {"solver.windows": 3}])
def test_it_follows_lotka_and_volterra_as_dopri5_does(settings: dict[str, object]) -> None:
    """To 1e-3, where a defect of 1e-3 of the slopes over four units of time would stay below some 1e-2."""
    asked = {"span": (0, 4), "samples": 30}
    found = wb.simulate("lotka_volterra", solver="pinn", settings=settings, **asked)  # type: ignore[arg-type]
    exact = wb.simulate("lotka_volterra", solver="dopri5", settings={"solver.rtol": 1e-9}, **asked)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.ys, exact.ys, atol=1e-3)
    assert found.trajectory.defect is not None
    assert np.abs(found.trajectory.defect).max() < 0.05


def test_the_defect_is_the_slope_of_the_curve_less_f() -> None:
    """Against central differences of the curve itself, whose training depends on the times' end only."""
    ts = np.array([0.999, 1.0, 1.001, 2.0])

    class Decay:
        def __call__(self, t, y, row, middle):  # type: ignore[no-untyped-def]
            return -y

    solver = pinn(hidden=4, points=12, iterations=12)
    from workbench.contracts import SolveOptions

    found = solver.solve(Decay(), np.ones((1, 1)), np.zeros(1), ts[None], SolveOptions())
    assert found.ok.all()
    rate = (found.ys[0, 2, 0] - found.ys[0, 0, 0]) / 0.002
    assert found.defect is not None
    np.testing.assert_allclose(found.defect[0, 1, 0], rate + found.ys[0, 1, 0], atol=1e-6)


def test_a_stiff_problem_that_is_not_learned_is_never_called_a_solution() -> None:
    found = wb.simulate(
        "van_der_pol_stiff", solver="pinn", settings={"solver.iterations": 60}, samples=20, strict=False
    ).trajectory
    assert not found.ok.any()
    assert "of the slopes" in found.message[0] or found.status[0] != "too_many_steps"


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    def run(seed: int) -> np.ndarray:
        settings = {"solver.seed": seed, "solver.iterations": 40}
        return wb.simulate("lotka_volterra", solver="pinn", settings=settings, span=(0, 2), samples=9).ys

    np.testing.assert_array_equal(run(1), run(1))
    assert (run(1) != run(2)).any()


def _solved(f, y0: np.ndarray, **settings: int):  # type: ignore[no-untyped-def]
    from workbench.contracts import SolveOptions

    solver = pinn(hidden=6, points=16, iterations=30, **settings)
    ts = np.linspace(0, 1, 5)[None]
    return solver.solve(lambda t, y, row, middle: f(t[:, None], y), y0, np.zeros(1), ts, SolveOptions())


@pytest.mark.parametrize(
    ("f", "y0"),
    [
        (lambda t, y: y * np.nan, np.ones((1, 1))),
        (lambda t, y: np.where(t > 0.5, np.nan, -y), np.ones((1, 1))),
        (lambda t, y: -y, np.full((1, 1), np.nan)),
    ],
)
def test_what_is_not_finite_is_said_and_is_no_solution(f, y0: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    found = _solved(f, y0)
    assert found.status == ("not_finite",)
    assert found.message[0]
    assert np.isnan(found.ys[0, -1]).all()


def test_states_keep_their_precision_and_rows_their_own_training() -> None:
    found = _solved(lambda t, y: -y, np.ones((1, 1), np.float32))
    assert found.ys.dtype == np.float32
    # of single precision, and a defect of 1e-3 of the slopes or less
    np.testing.assert_allclose(found.ys[0, :, 0], np.exp(-found.ts[0]), rtol=1e-3)


def test_equations_that_rounding_leaves_singular_ask_for_more_damping() -> None:
    from workbench_pinn.training import _step

    assert _step(np.ones(3), np.zeros((3, 2)), 1e-2) is None
    same = np.ones((4, 2))  # two weights that do the same: solvable with damping, not without
    assert _step(np.ones(4), same, 0.0) is None
    assert _step(np.ones(4), same, 1e-2) is not None
