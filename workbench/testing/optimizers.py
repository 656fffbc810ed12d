"""What every optimizer must do, on sums of squares whose minimum is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..contracts import Linearization, Objective, Optimizer, Step
from ..errors.numerics import NoFiniteSolution
from .contract import Contract
from .storing import bits, stored

LONGEST = 20_000  # advances after which an optimizer has not converged


class Squares:
    """½‖r(x)‖² with its Jacobian, within bounds; a point where r is not finite has no finite value."""

    least_squares = True

    def __init__(
        self,
        residuals: Callable[[np.ndarray], Any],
        jacobian: Callable[[np.ndarray], Any],
        n: int,
        lower: Any = -np.inf,
        upper: Any = np.inf,
    ) -> None:
        self._r, self._j = residuals, jacobian
        self.lower = np.broadcast_to(np.asarray(lower, dtype=float), (n,))
        self.upper = np.broadcast_to(np.asarray(upper, dtype=float), (n,))

    def value(self, x: np.ndarray) -> float:
        """½‖r‖², inf where r is not finite."""
        with np.errstate(all="ignore"):
            r = np.asarray(self._r(x), dtype=float)
            value = 0.5 * float(r @ r)
        return value if np.isfinite(value) else float("inf")

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """½‖r‖² and Jᵀr, inf and NaN where r is not finite."""
        try:
            line = self.linearize(x)
        except NoFiniteSolution:
            return float("inf"), np.full(len(x), np.nan)
        return line.value, line.vjp(line.residuals)

    def linearize(self, x: np.ndarray) -> Linearization:
        """r and J; raises NoFiniteSolution where they are not finite."""
        with np.errstate(all="ignore"):
            r, j = np.asarray(self._r(x), dtype=float), np.asarray(self._j(x), dtype=float)
        if not (np.isfinite(r).all() and np.isfinite(j).all()):
            raise NoFiniteSolution("the residuals are not finite")
        return Linearization(r, j, 0.5 * float(r @ r))

    def frozen(self, x: np.ndarray) -> Squares:
        """Itself: no weight depends on x."""
        return self


def valley(lower: Any = -np.inf, upper: Any = np.inf) -> Squares:
    """A bent valley with minimum 0 at (1, 1): r = (2(x₁ − x₀²), 1 − x₀), a mild form of Rosenbrock (1960)."""
    return Squares(
        lambda x: [2 * (x[1] - x[0] ** 2), 1 - x[0]],
        lambda x: [[-4 * x[0], 2.0], [-1.0, 0.0]],
        2,
        lower,
        upper,
    )


def walled() -> Squares:
    """r = (log x₀, x₁ − x₀), minimum 0 at (1, 1); a Gauss–Newton step from x₀ > e lands where there is no logarithm."""
    return Squares(lambda x: [np.log(x[0]), x[1] - x[0]], lambda x: [[1 / x[0], 0.0], [-1.0, 1.0]], 2)


def nowhere() -> Squares:
    """An objective without any finite value."""
    return Squares(lambda x: [np.nan], lambda x: [[np.nan, np.nan]], 2)


def minimise(
    optimizer: Optimizer, objective: Objective, x: Any, longest: int = LONGEST
) -> tuple[np.ndarray, list[Step]]:
    """The optimizer from x to its end: the point that it reports, and its steps."""
    state, taken = optimizer.start(objective, np.array(x, dtype=float)), []
    for _ in range(longest):
        state, step = optimizer.advance(objective, state)
        taken.append(step)
        if step.done:
            break
    return state["x"], taken


class OptimizerContract(Contract):
    """Inherit, set `offer` or none for all, and every optimizer is held to this."""

    kind: ClassVar[str] = "optimizer"

    def test_it_finds_the_bottom_of_a_bent_valley(self, made: Optimizer) -> None:
        x, steps = minimise(made, valley(), [-0.5, 1.5])
        assert (steps[-1].done, steps[-1].status) == (True, "converged")
        # half a square below 1e-8 of the 1.3 at the start; a decay of weights pulls x some 1e-4 aside
        assert valley().value(x) < 1e-7

    def test_it_never_evaluates_outside_the_bounds_and_finds_the_minimum_on_them(self, made: Optimizer) -> None:
        lower, upper = [-1.0, -0.5], [0.5, 2.0]
        seen: list[np.ndarray] = []
        objective = _watched(valley(lower, upper), seen)
        x, steps = minimise(made, objective, [-0.5, 1.5])
        assert all(((lower <= point) & (point <= upper)).all() for point in seen)
        assert steps[-1].status == "converged"
        # at x₀ = ½ the valley's bottom is x₁ = ¼, and ½(1 − ½)² remains; first-order steps end within a tenth of a rate
        np.testing.assert_allclose(x, [0.5, 0.25], atol=1e-3)

    def test_a_start_outside_the_bounds_is_moved_onto_them(self, made: Optimizer) -> None:
        x, steps = minimise(made, valley(-2.0, 2.0), [-9.0, 30.0], longest=1)
        assert ((x >= -2) & (x <= 2)).all()
        assert np.isfinite(steps[-1].loss)

    def test_it_goes_round_points_without_a_finite_value(self, made: Optimizer) -> None:
        x, steps = minimise(made, walled(), [4.0, 1.0])
        assert steps[-1].status == "converged"
        np.testing.assert_allclose(x, [1.0, 1.0], atol=1e-3)

    def test_a_start_without_a_finite_value_is_a_failure_and_never_a_success(self, made: Optimizer) -> None:
        _, steps = minimise(made, nowhere(), [1.0, 1.0])
        assert steps[-1].done
        assert steps[-1].status.startswith("failed.N")
        assert steps[-1].event

    def test_a_stored_state_goes_on_bit_for_bit_alike(self, made: Optimizer) -> None:
        whole = again = made.start(valley(), np.array([-0.5, 1.5]))
        for _ in range(25):
            whole, step = made.advance(valley(), whole)
            again, step_again = made.advance(valley(), stored(again))
            assert bits(again) == bits(whole)
            assert step_again == step
            if step.done:
                break

    def test_an_advance_leaves_the_state_that_it_was_given_as_it_was(self, made: Optimizer) -> None:
        state = made.start(valley(), np.array([-0.5, 1.5]))
        for _ in range(5):
            before = bits(state)
            after, step = made.advance(valley(), state)
            assert bits(state) == before
            state = after
            if step.done:
                break

    def test_steps_are_numbered_from_one_and_tell_a_finite_loss(self, made: Optimizer) -> None:
        _, steps = minimise(made, valley(), [-0.5, 1.5], longest=10)
        assert [step.number for step in steps] == list(range(1, len(steps) + 1))
        assert all(np.isfinite(step.loss) for step in steps)

    def test_it_says_of_itself_what_it_needs(self, made: Optimizer) -> None:
        assert isinstance(made, Optimizer)
        assert isinstance(made.least_squares, bool)
        assert isinstance(made.opaque, bool)


def _watched(objective: Squares, seen: list[np.ndarray]) -> Squares:
    """The same objective, which notes every point that it is asked for."""
    residuals = objective._r

    def noting(x: np.ndarray) -> Any:
        seen.append(np.array(x))
        return residuals(x)

    return Squares(noting, objective._j, len(objective.lower), objective.lower, objective.upper)
