"""`prepare`: a handle gives what `solve` gives, however often it is asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from workbench_runge_kutta.classical import RK4
from workbench_runge_kutta.tsitouras import TSIT5

import workbench as wb
from workbench.engine import TableauSolver
from workbench.errors.problems import NotLowerable
from workbench.errors.usage import UsageError
from workbench.solving import prepare, solve

TS = np.linspace(0.0, 2.0, 5)
SOLVER = TableauSolver(RK4)


class Field(torch.nn.Module):
    """A small network beside a sine of time."""

    def __init__(self, states: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(states, 6), torch.nn.Tanh(), torch.nn.Linear(6, states))
        self.double()

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.layers(y) - 0.3 * y + torch.sin(t)


@pytest.mark.parametrize("shape", [(2,), (1, 2), (3, 2)])
@pytest.mark.parametrize("numpy", [True, False])
@pytest.mark.parametrize("solver", [SOLVER, TableauSolver(TSIT5)], ids=["rk4", "tsit5"])
def test_a_handle_gives_the_bits_of_solve(shape: tuple[int, ...], numpy: bool, solver: TableauSolver) -> None:
    for f in [Field()] if not numpy else [Field(), lambda t, y: -y * y]:
        ready = prepare(f, TS, solver, engine="torch")
        y0 = np.linspace(0.5, 1.0, int(np.prod(shape))).reshape(shape)
        start = y0 if numpy else torch.from_numpy(y0)
        found, direct = ready(start), solve(f, start, TS, solver)
        assert type(found.ys) is type(direct.ys)
        np.testing.assert_array_equal(found.ys.detach() if not numpy else found.ys, np.asarray(direct.ys.tolist()))
        assert found.status == direct.status


def test_a_handle_takes_starts_of_any_shape_one_after_the_other() -> None:
    ready = prepare(lambda t, y: -y, TS, SOLVER)
    for start in (np.ones(2), np.ones((3, 2)), np.ones(2), torch.ones(4), [1.0, 2.0]):
        ys = ready(start).ys
        assert ys.shape[-1] == np.shape(start)[-1]
        assert isinstance(ys, torch.Tensor) == isinstance(start, torch.Tensor)


def test_rows_that_influence_each_other_stay_one_system() -> None:
    ready = prepare(lambda t, y: y[:, :1].mean() - y, torch.from_numpy(TS), SOLVER)
    for scale in (1.0, 2.0):
        y0 = scale * torch.arange(6.0, dtype=torch.float64).reshape(3, 2)
        torch.testing.assert_close(ready(y0).ys, solve(ready._asked.f, y0, TS, SOLVER).ys, rtol=0, atol=0)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_inputs_that_are_learned_are_read_anew(interpolation: str) -> None:
    values = torch.tensor([0.0, 1.0, 0.5, 0.2], dtype=torch.float64, requires_grad=True)
    signal = wb.Signal([0.0, 0.5, 1.0, 2.0], values, interpolation)  # type: ignore[arg-type]
    ready = prepare(lambda t, y, u: -y + u, TS, SOLVER, inputs=signal)
    y0 = torch.ones(1, dtype=torch.float64)
    for _ in range(2):
        found, direct = ready(y0), solve(lambda t, y, u: -y + u, y0, TS, SOLVER, inputs=signal)
        (a,), (b,) = (torch.autograd.grad(each.ys.sum(), values) for each in (found, direct))
        torch.testing.assert_close(found.ys, direct.ys)
        torch.testing.assert_close(a, b)
        with torch.no_grad():
            values += 0.3


def test_an_engine_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotLowerable, match="only graphs and torch modules can be compiled"):
        wb.prepare(lambda t, y: -y, TS, solver="rk4", engine="compiled")
    with pytest.raises(UsageError, match="no engine 'jax'"):
        wb.prepare(lambda t, y: -y, TS, solver="rk4", engine="jax")
    with pytest.raises(TypeError, match="no option 'stepp'"):
        wb.prepare(lambda t, y: -y, TS, solver="rk4", stepp=0.1)
