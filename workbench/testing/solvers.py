"""What every solver must do, on problems whose solutions are known."""

from __future__ import annotations

import dataclasses
import time
from typing import Any, ClassVar

import numpy as np
import pytest

from ..contracts import Mesh, SolveOptions, Solver, Trajectory
from ..engine import LoopSolver, TableauSolver, pullback, sensitivities
from ..registry import installed
from .contract import Contract
from .exact import COUPLED, DECAY, LONG, SHORT, Exact
from .linear_rhs import Oscillator
from .orders import order_of

FAILED = {"blew_up", "step_too_small", "too_many_steps", "not_finite", "time_out"}


def solved(solver: Solver, problem: Exact, ts: np.ndarray, y0: np.ndarray | None = None, **options: Any) -> Trajectory:
    """The solution of one problem from t = 0 at ts (time,), from its own start or from y0 (rows, state)."""
    start = problem.y0 if y0 is None else y0
    rows = len(start)
    return solver.solve(
        problem.rhs, start, np.zeros(rows), np.broadcast_to(ts, (rows, len(ts))), SolveOptions(**options)
    )


def root_mean_square(error: np.ndarray) -> float:
    """Over times and states; steps far too long may overflow it."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(np.mean(error**2)))


class SolverContract(Contract):
    """Inherit, set `offer` or none for all, and every solver is held to this."""

    kind: ClassVar[str] = "solver"
    tolerance: ClassVar[float] = 1e-3
    """How far a solver with its default settings may be from a solution of size 1."""

    @pytest.fixture
    def loop(self, made: Solver) -> LoopSolver:
        """The solver, if it is made of a method and the engine's loop."""
        if not isinstance(made, LoopSolver):
            pytest.skip("a whole solver: it need not repeat its steps")
        return made

    def with_step(self, offered: str, made: Solver, h: float) -> Solver:
        """The solver with equal steps of at most h; skips where it has none."""
        if isinstance(made, LoopSolver):
            return dataclasses.replace(made, step=h)
        if "step" in {option.name for option in installed().entry("solver", offered).options}:
            return installed().make("solver", offered, {**self.settings, "step": h})
        pytest.skip("it takes no equal steps")

    def usable(self, offered: str, made: Solver) -> Solver:
        """The solver itself if it is adaptive, else with steps of 1/200."""
        return made if made.adaptive else self.with_step(offered, made, 0.005)

    def test_it_says_what_it_is(self, made: Solver) -> None:
        assert isinstance(made, Solver)
        assert made.order is None or made.order >= 1
        assert isinstance(made.adaptive, bool)
        assert isinstance(made.differentiable, bool)

    @pytest.mark.parametrize("problem", SHORT, ids=lambda problem: problem.name)
    def test_it_solves_with_its_defaults(self, offered: str, made: Solver, problem: Exact) -> None:
        ts = np.linspace(0, problem.t1, 7)
        found = solved(self.usable(offered, made), problem, ts)
        assert found.status == ("ok",)
        assert found.message == ("",)
        tolerance = self.tolerance if made.order is None or made.order > 1 else 10 * self.tolerance
        np.testing.assert_allclose(found.ys[0], problem.y(ts), atol=tolerance)

    @pytest.mark.parametrize("problem", LONG, ids=lambda problem: problem.name)
    def test_its_order_is_what_it_claims(self, offered: str, made: Solver, problem: Exact) -> None:
        if made.order is None:
            pytest.skip("it claims no order")
        end = problem.t1 if made.order > 1 else 0.25  # order 1 takes 1e4 steps a unit of time to an error of 1e-4
        ts = np.linspace(0, end, 9)

        def error(n: int) -> float:
            found = solved(self.with_step(offered, made, end / 8 / n), problem, ts)
            return root_mean_square(found.ys[0] - problem.y(ts))

        assert order_of(error) == pytest.approx(made.order, abs=0.2)

    @pytest.mark.parametrize("problem", LONG, ids=lambda problem: problem.name)
    def test_its_dense_output_has_its_order(self, loop: LoopSolver, problem: Exact) -> None:
        claim = min(loop.order, loop.tableau.dense_order + 1 if isinstance(loop, TableauSolver) else 4)
        end = problem.t1 if loop.order > 1 else 0.25
        between = end * np.concatenate([[0.0], np.arange(1, 60) / 60 + 0.0031])

        def error(n: int) -> float:
            mesh = solved(dataclasses.replace(loop, step=end / 8 / n), problem, np.array([0.0, end])).mesh
            found = solved(loop, problem, between, replay=mesh)
            return root_mean_square(found.ys[0] - problem.y(between))

        assert order_of(error) > claim - 0.2

    def test_polynomials_up_to_its_order_are_exact(self, offered: str, made: Solver) -> None:
        if made.order is None:
            pytest.skip("it claims no order")
        p = made.order
        power = Exact("", lambda t, y: p * t ** (p - 1) + 0 * y, lambda t: t[:, None] ** p, 1.0)
        found = solved(self.with_step(offered, made, 0.25), power, np.array([0.0, 1.0]))
        # four steps, each rounding sums of weighted stages of size up to p
        assert found.ys[0, -1, 0] == pytest.approx(1.0, abs=1e-14 * p)

    def test_a_batch_is_its_rows_alone(self, offered: str, made: Solver) -> None:
        solver = self.usable(offered, made)
        ts = np.linspace(0, COUPLED.t1, 9)
        y0 = COUPLED.y0 * np.array([[1.0], [1.02], [0.9]])
        together = solved(solver, COUPLED, ts, y0)
        for i in range(3):
            replay = _row(together.mesh, i) if isinstance(solver, LoopSolver) else None
            alone = solved(solver, COUPLED, ts, y0[i : i + 1], replay=replay)
            # the same steps, with sums of stages in another order: a few eps a step, some hundred steps
            np.testing.assert_allclose(alone.ys[0], together.ys[i], rtol=1e-12)

    def test_a_replay_is_the_solve_bit_for_bit(self, offered: str, loop: LoopSolver) -> None:
        solver = self.usable(offered, loop)
        y0 = COUPLED.y0 * np.array([[1.0], [1.02], [0.9]])
        ts = np.linspace(0, COUPLED.t1, 9)
        first = solved(solver, COUPLED, ts, y0, keep=True)
        again = solved(solver, COUPLED, ts, y0, keep=True, replay=first.mesh)
        np.testing.assert_array_equal(first.ys, again.ys)
        np.testing.assert_array_equal(first.steps, again.steps)

    def test_the_same_solve_gives_the_same_bits(self, offered: str, made: Solver) -> None:
        solver, ts = self.usable(offered, made), np.linspace(0, COUPLED.t1, 5)
        np.testing.assert_array_equal(solved(solver, COUPLED, ts).ys, solved(solver, COUPLED, ts).ys)

    def test_it_goes_back_in_time(self, offered: str, made: Solver) -> None:
        ts = np.linspace(0, -1.0, 6)
        found = solved(self.usable(offered, made), DECAY, ts)
        tolerance = self.tolerance if made.order is None or made.order > 1 else 10 * self.tolerance
        np.testing.assert_allclose(found.ys[0], DECAY.y(ts), atol=tolerance)

    def test_it_does_not_matter_when_an_autonomous_system_starts(self, offered: str, made: Solver) -> None:
        solver, ts = self.usable(offered, made), np.linspace(0, 1, 5)
        early = solved(solver, DECAY, ts).ys
        late = solver.solve(DECAY.rhs, DECAY.y0, np.array([1024.0]), 1024.0 + ts[None], SolveOptions()).ys
        # times near 1024 are rounded to 1e-13
        np.testing.assert_allclose(late, early, rtol=1e-10 if isinstance(solver, LoopSolver) else self.tolerance)

    def test_rows_end_where_their_times_do(self, offered: str, made: Solver) -> None:
        ts = np.array([[0.0, 0.5, 1.0, 2.0], [0.0, 0.25, np.nan, np.nan], [0.0, np.nan, np.nan, np.nan]])
        found = self.usable(offered, made).solve(
            DECAY.rhs, np.repeat(DECAY.y0, 3, axis=0), np.zeros(3), ts, SolveOptions()
        )
        assert found.status == ("ok", "ok", "ok")
        np.testing.assert_array_equal(np.isnan(found.ys[:, :, 0]), np.isnan(ts))
        np.testing.assert_array_equal(found.ys[:, 0], 1.0)

    def test_f_is_never_evaluated_outside_the_time_asked_for(self, offered: str, made: Solver) -> None:
        seen: list[float] = []

        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            seen.extend(np.concatenate([t, middle]))
            return -y

        for end in (0.7, -0.7):
            seen.clear()
            ts = np.linspace(0.1, 0.1 + end, 4)[None]
            self.usable(offered, made).solve(f, np.ones((1, 1)), ts[:, 0], ts, SolveOptions())
            assert min(seen) >= min(ts[0])
            assert max(seen) <= max(ts[0])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_the_precision_of_the_state_is_kept(self, offered: str, made: Solver, dtype: type) -> None:
        kinds = set()

        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            kinds.add(y.dtype)
            return -y

        ts = np.linspace(0, 1, 5)[None]
        found = self.usable(offered, made).solve(f, np.ones((1, 2), dtype), np.zeros(1), ts, SolveOptions())
        assert found.ys.dtype == dtype
        if isinstance(made, LoopSolver):
            assert kinds == {np.dtype(dtype)}

    def test_a_state_may_have_any_shape(self, offered: str, made: Solver) -> None:
        ts = np.linspace(0, 1, 3)[None]
        y0 = np.arange(1.0, 7.0).reshape(1, 2, 3)
        found = self.usable(offered, made).solve(lambda t, y, row, middle: -y, y0, np.zeros(1), ts, SolveOptions())
        assert found.ys.shape == (1, 3, 2, 3)
        np.testing.assert_allclose(found.ys[0, -1], y0[0] * np.exp(-1), atol=6e-2)

    def test_calls_of_f_do_not_grow_with_the_trajectories(self, offered: str, loop: LoopSolver) -> None:
        solver, ts = self.usable(offered, loop), np.linspace(0, COUPLED.t1, 9)
        one = solved(solver, COUPLED, ts)
        many = solved(solver, COUPLED, ts, np.repeat(COUPLED.y0, 50, axis=0))
        assert many.stats["rhs_calls"] == one.stats["rhs_calls"]
        np.testing.assert_array_equal(many.stats["rhs"], np.repeat(one.stats["rhs"], 50))

    # --- what must never be called ok

    def ending(self, solver: Solver, f: Any, y0: float = 1.0, **options: Any) -> Trajectory:
        """One state followed over [0, 2]."""
        started = time.monotonic()
        with np.errstate(all="ignore"):  # f itself overflows here
            found = solver.solve(
                lambda t, y, row, middle: f(t[:, None], y),
                np.full((1, 1), y0),
                np.zeros(1),
                np.linspace(0, 2, 9)[None],
                SolveOptions(deadline=started + 8, **options),
            )
        assert time.monotonic() - started < 10
        if found.status[0] != "ok":
            assert found.message[0]
            missing = np.isnan(found.ys[0, :, 0])
            assert missing[-1], "a failed solve has no last state"
            assert (np.diff(missing.astype(int)) >= 0).all(), "missing from the failing time on, and only there"
        return found

    def test_a_solution_that_blows_up_is_not_ok(self, offered: str, made: Solver) -> None:
        assert self.ending(self.usable(offered, made), lambda t, y: y**2).status[0] in FAILED

    def test_a_slope_that_is_nan_from_the_start_is_not_finite(self, offered: str, made: Solver) -> None:
        assert self.ending(self.usable(offered, made), lambda t, y: y * np.nan).status == ("not_finite",)

    def test_a_slope_that_becomes_nan_is_not_ok(self, offered: str, made: Solver) -> None:
        found = self.ending(self.usable(offered, made), lambda t, y: np.where(t > 0.6, np.nan, -y))
        assert found.status[0] in FAILED

    def test_an_initial_state_of_nan_is_not_finite(self, offered: str, made: Solver) -> None:
        assert self.ending(self.usable(offered, made), lambda t, y: -y, np.nan).status == ("not_finite",)

    def test_a_cap_on_steps_holds(self, offered: str, made: Solver) -> None:
        found = self.ending(self.usable(offered, made), lambda t, y: np.cos(50 * t) + 0 * y, max_steps=5)
        assert found.status == ("too_many_steps",)

    def test_a_deadline_holds(self, offered: str, made: Solver) -> None:
        found = self.usable(offered, made).solve(
            DECAY.rhs, DECAY.y0, np.zeros(1), np.array([[0.0, 2.0]]), SolveOptions(deadline=time.monotonic() - 1)
        )
        assert found.status == ("time_out",)

    def test_a_row_that_fails_leaves_the_others_alone(self, offered: str, made: Solver) -> None:
        def f(t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
            return np.where((row == 1)[:, None] & (t > 0.5)[:, None], np.nan, -y)

        ts = np.tile(np.linspace(0, 1, 5), (3, 1))
        found = self.usable(offered, made).solve(f, np.ones((3, 1)), np.zeros(3), ts, SolveOptions())
        assert [status == "ok" for status in found.status] == [True, False, True]
        assert np.isfinite(found.ys[[0, 2]]).all()
        assert np.isnan(found.ys[1, -1]).all()

    # --- derivatives of the steps taken

    def test_sensitivities_are_the_complex_step_of_a_replay(self, offered: str, made: Solver) -> None:
        solver, f, y0, t0, ts = self._differentiable(offered, made)
        found = solver.solve(f, y0, t0, ts, SolveOptions(keep=True))
        by_y0, by_p = sensitivities(solver, f, found)
        for j in range(f.n_parameters):
            shifted = Oscillator(f.p + 1e-30j * np.eye(f.n_parameters)[j])
            again = solver.solve(shifted, y0.astype(complex), t0, ts, SolveOptions(replay=found.mesh))
            _same_derivative(by_p[..., j], again.ys.imag / 1e-30, found.ys)
        for j in range(2):
            start = y0 + 1e-30j * np.eye(2)[j]
            again = solver.solve(Oscillator(f.p + 0j), start, t0, ts, SolveOptions(replay=found.mesh))
            _same_derivative(by_y0[..., j], again.ys.imag / 1e-30, found.ys)

    def test_the_pullback_is_the_transpose_of_the_sensitivities(self, offered: str, made: Solver) -> None:
        solver, f, y0, t0, ts = self._differentiable(offered, made)
        found = solver.solve(f, y0, t0, ts, SolveOptions(keep=True))
        by_y0, by_p = (np.nan_to_num(d) for d in sensitivities(solver, f, found))
        g = np.cos(np.arange(found.ys.size)).reshape(found.ys.shape)
        gy0, gp = pullback(solver, f, found, g)
        # the same sums in another order
        np.testing.assert_allclose(gy0, np.einsum("rts,rtsj->rj", g, by_y0), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(gp, np.einsum("rts,rtsj->rj", g, by_p), rtol=1e-11, atol=1e-12)

    def _differentiable(self, offered: str, made: Solver) -> tuple[TableauSolver, Oscillator, Any, Any, Any]:
        """The solver, and two trajectories of different lengths, one of them back in time."""
        if not made.differentiable:
            pytest.skip("it is not differentiable")
        solver = self.usable(offered, made)
        assert isinstance(solver, TableauSolver), "what is differentiable has a tableau"
        ts = np.array([[0.0, 0.4, 0.75, 1.2, 1.21], [1.0, 0.9, 0.3, np.nan, np.nan]])
        y0 = np.array([[1.0, 0.2], [-0.3, 0.8]])
        return solver, Oscillator(np.array([1.3, 0.4, 0.7])), y0, ts[:, 0], ts


def _row(mesh: Mesh | None, i: int) -> Mesh:
    assert mesh is not None
    steps = int(mesh.n_steps[i])
    return Mesh(mesh.t[i : i + 1, : steps + 1], mesh.clipped[i : i + 1, :steps])


def _same_derivative(found: np.ndarray, expected: np.ndarray, ys: np.ndarray) -> None:
    there = np.isfinite(ys)
    # complex steps are exact to rounding; some hundred steps of it
    np.testing.assert_allclose(found[there], expected[there], rtol=1e-12, atol=1e-12)
    assert np.isnan(found[~there]).all()
