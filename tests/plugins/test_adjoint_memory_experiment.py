"""What the memory experiment measures: gradients that agree, and memory that grows as each mode's must."""

from __future__ import annotations

import pytest
from workbench_experiments.adjoint_memory.experiment import AdjointMemory
from workbench_experiments.adjoint_memory.measured import measure
from workbench_experiments.adjoint_memory.network import MODES, Network, apart, gradient, solved, start

from workbench.errors.usage import UsageError


def test_all_modes_but_the_adjoint_take_the_same_gradient_and_it_comes_close() -> None:
    found = {mode: measure(mode, 20, seed=1).gradient for mode in MODES}
    for mode in ("discrete", "checkpointed"):
        assert apart(found[mode], found["backprop"]) < 1e-13
    f, y0 = Network(1), start(1)
    exact = gradient(f, y0, solved(f, y0, "discrete", "dop853", rtol=1e-12, atol=1e-12))
    errors = [apart(measure("adjoint", steps, seed=1).gradient, exact) for steps in (10, 20)]
    assert 10 < errors[0] / errors[1] < 25, "rk4 backwards is of order 4: a factor of 16"


@pytest.mark.parametrize(("mode", "low", "high"), [("backprop", 3.0, 4.5), ("checkpointed", 1.0, 2.8)])
def test_four_times_the_steps(mode: str, low: float, high: float) -> None:
    """Backprop saves the graph of every step; checkpoints keep √n states and solve √n steps again: 2 times at most."""
    few, many = (measure(mode, steps, seed=0).peak for steps in (50, 200))
    assert low < many / few < high


def test_the_adjoint_keeps_no_steps() -> None:
    """Twice the steps, once its buffer of slopes is full (13 steps of 4 stages of 616 numbers on each of 5 ways)."""
    few, many = (measure("adjoint", steps, seed=0).peak for steps in (100, 200))
    assert many / few < 1.25


@pytest.mark.parametrize("steps", [(10,), (10, 10), (100, 10), (0, 10)])
def test_steps_between_which_nothing_can_grow_are_refused(steps: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="ascending"):
        AdjointMemory(steps)
