"""A residual network of torch modules is Euler's method, bit for bit; its limit is the ODE, its depth the tolerance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.measure.orders import observed_order

BLOCKS = 7


def linear(generator: torch.Generator, rows: int, columns: int) -> torch.nn.Linear:
    layer = torch.nn.Linear(columns, rows, dtype=torch.float64)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.4, generator=generator)
    return layer


def block(seed: int) -> torch.nn.Sequential:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.Sequential(linear(generator, 8, 4), torch.nn.Tanh(), linear(generator, 4, 8))


class Shared(torch.nn.Module):
    """The same block at every time."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = block(0)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.inner(y)
        return found


class Layered(torch.nn.Module):
    """A block of its own from each whole number to the next."""

    rowwise = False  # all trajectories share the time, by which the block is chosen

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.ModuleList(block(seed) for seed in range(BLOCKS))

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.inner[min(int(t), BLOCKS - 1)](y)
        return found


@pytest.fixture
def start() -> torch.Tensor:
    return torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", [Shared, Layered])
def test_blocks_are_euler_steps_of_length_one_bit_for_bit(kind: type[torch.nn.Module], start: torch.Tensor) -> None:
    network, y = kind(), start
    for n in range(BLOCKS):
        y = y + network(torch.tensor(float(n)), y)
    found = wb.solve(network, start, np.arange(BLOCKS + 1.0), "euler")
    assert torch.equal(found.ys[:, -1], y)


@pytest.mark.parametrize("mode", ["discrete", "backprop"])
def test_the_gradient_of_the_steps_is_that_of_the_network(mode: str, start: torch.Tensor) -> None:
    network = Shared()
    y = start
    for _ in range(BLOCKS):
        y = y + network(None, y)
    found = wb.solve(network, start, np.arange(BLOCKS + 1.0), "euler", gradient=mode).ys[:, -1]
    wanted = torch.autograd.grad(y.square().sum(), list(network.parameters()))
    for one, other in zip(torch.autograd.grad(found.square().sum(), list(network.parameters())), wanted, strict=True):
        # the same products in another order: some ten roundings of numbers of this size
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12 * float(other.abs().max()))


def test_more_blocks_that_each_do_less_approach_the_ode_with_order_one(start: torch.Tensor) -> None:
    network, counts = Shared(), [32, 64, 128, 256]
    with torch.no_grad():
        limit = wb.solve(network, start, [0.0, 1.0], "dop853", rtol=1e-12, atol=1e-12).ys[:, -1]
        errors = []
        for n in counts:
            y = start
            for _ in range(n):
                y = y + network(None, y) / n
            errors.append(float((y - limit).abs().max()))
    assert observed_order([1 / n for n in counts], errors) == pytest.approx(1.0, abs=0.05)


def test_evaluations_follow_the_tolerance(start: torch.Tensor) -> None:
    """A method of order 5 needs 10^(1/5) times as many for each digit, 10^(6/5) = 16 for six; few digits need fewer."""
    network = Shared()
    with torch.no_grad():
        found = [wb.solve(network, start, [0.0, 1.0], "tsit5", rtol=tol, atol=tol) for tol in (1e-4, 1e-10)]
    depth = [int(one.stats["rhs"].max()) for one in found]
    assert depth[0] < depth[1] < 16 * depth[0]
