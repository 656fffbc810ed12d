"""States that are images: every kind of solver and every gradient treats them as the vectors of their pixels."""

from __future__ import annotations

import pytest
import torch

import workbench as wb

SHAPE = (2, 3, 3)
"""Channel, row, column: more entries than the 16 up to which the discrete adjoint forms the matrices of the steps."""


class OnImages(torch.nn.Module):
    """A convolution that sees t as one more channel."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.convolution = torch.nn.Conv2d(3, 2, 3, padding=1, dtype=torch.float64)
        for p in self.parameters():
            torch.nn.init.normal_(p, std=0.4, generator=generator)
        self.to(dtype)

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy/dt (image, channel, row, column)."""
        return torch.tanh(self.convolution(torch.cat([y, torch.ones_like(y[:, :1]) * t], dim=1)))


class OnVectors(torch.nn.Module):
    """The same on the vectors of the pixels."""

    def __init__(self, f: OnImages) -> None:
        super().__init__()
        self.f = f

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """dy/dt (image, pixel)."""
        return self.f(t.reshape(-1, 1, 1, 1), y.reshape(-1, *SHAPE)).reshape(len(y), -1)


def images(dtype: torch.dtype) -> torch.Tensor:
    """Three unlike images, so that each takes steps of its own."""
    x = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return (x * torch.tensor([0.1, 1.0, 5.0]).reshape(3, 1, 1, 1)).to(dtype)


def solved(f: torch.nn.Module, y0: torch.Tensor, solver: str, gradient: str) -> tuple[torch.Tensor, torch.Tensor]:
    """ys, and the gradient of Σ ys² by y0 and the weights in one vector."""
    start = y0.clone().requires_grad_()
    ts = torch.linspace(0.0, 0.5, 3, dtype=y0.dtype)
    ys = wb.solve(f, start, ts, solver=solver, gradient=gradient, rtol=1e-3, atol=1e-4).ys
    found = torch.autograd.grad(ys.square().sum(), [start, *f.parameters()])
    return ys.detach(), torch.cat([g.reshape(-1) for g in found])


CASES = [
    *((solver, gradient) for solver in ("tsit5", "kvaerno3", "rodas4") for gradient in ("discrete", "backprop")),
    ("radau5", "discrete"),
    ("tsit5", "adjoint"),
    ("scipy_dop853", "adjoint"),
    ("tsit5", "forward"),
]
"""A method of each kind: explicit, diagonally and fully implicit, Rosenbrock, another package's."""


@pytest.mark.parametrize(("solver", "gradient"), CASES)
def test_images_are_solved_and_differentiated_as_the_vectors_of_their_pixels(solver: str, gradient: str) -> None:
    f, y0 = OnImages(torch.float64), images(torch.float64)
    ys, g = solved(f, y0, solver, gradient)
    flat, g_flat = solved(OnVectors(f), y0.reshape(3, -1), solver, gradient)
    assert ys.shape == (3, 3, *SHAPE)
    # the same operations in another order of summation, through a hundred evaluations
    torch.testing.assert_close(ys.reshape(flat.shape), flat, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(g, g_flat, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("solver", "gradient"), [case for case in CASES if case[1] in ("discrete", "backprop")])
def test_images_of_single_precision_stay_so_and_give_the_same_gradient(solver: str, gradient: str) -> None:
    ys, g = solved(OnImages(torch.float32), images(torch.float32), solver, gradient)
    _, exact = solved(OnImages(torch.float64), images(torch.float64), solver, gradient)
    assert ys.dtype == g.dtype == torch.float32
    # steps chosen by errors of 1e-3 differ in their roundings, and the gradient with them at most as much
    assert float((g - exact).norm() / exact.norm()) < 1e-3
