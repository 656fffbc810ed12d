"""Identities that a density by an ODE must fulfil, measured on a flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .flow import Flow, Units, normal_log_density, signs

TIGHT = 1e-8
HALF = 4.5
"""Half the side of the square over which densities are integrated; data lie within 3 of the middle."""


@dataclass(frozen=True)
class Checked:
    """What each identity misses, and the density on a grid (row, column) with its log."""

    integral: float
    determinant: float
    """Largest |log p by the trace − log p by the determinant of autograd's Jacobian|."""
    inverse: float
    """Largest |x − x carried to the normal distribution and back|."""
    bias: float
    """Mean over draws of Hutchinson's log p minus log p, in standard errors of that mean."""
    spread: float
    """Standard deviation over draws of Hutchinson's log p, averaged over points."""
    density: np.ndarray


def check(units: Units, flow: Flow, x: torch.Tensor, side: int, draws: int, generator: torch.Generator) -> Checked:
    """Measured at points x (row, 2), on a grid of side², and with so many draws of ε for each of 16 points."""
    with torch.no_grad():
        values = density_on_grid(flow, side)
        there, _ = flow.to_data(flow.to_base(x)[0])
        inverse = float((there - x).abs().max())
        bias, spread = estimator(flow, x[:16], draws, generator)
    exact = Flow(units, TIGHT, engine="torch")
    apart = (exact.log_density(x[:16]) - by_determinant(exact, x[:16])).detach().abs().max()
    step = 2.0 * HALF / (side - 1)
    return Checked(float(values.sum()) * step * step, float(apart), inverse, bias, spread, values)


def density_on_grid(flow: Flow, side: int) -> np.ndarray:
    """p on a square grid around the origin (row, column), the lowest row first."""
    axis = np.linspace(-HALF, HALF, side)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    parts = [flow.log_density(part) for part in torch.from_numpy(grid).split(4096)]
    return torch.cat(parts).exp().detach().numpy().reshape(side, side)


def by_determinant(flow: Flow, x: torch.Tensor) -> torch.Tensor:
    """log p(x) (row,) by the change of variables: the map is differentiated by autograd through the solve."""
    start = x.clone().requires_grad_()
    z, _ = flow.to_base(start)
    rows = [torch.autograd.grad(z[:, i].sum(), start, retain_graph=True)[0] for i in range(z.shape[1])]
    return normal_log_density(z) + torch.linalg.slogdet(torch.stack(rows, dim=1))[1]


def estimator(flow: Flow, x: torch.Tensor, draws: int, generator: torch.Generator) -> tuple[float, float]:
    """The bias of Hutchinson's log p in standard errors, over all points and draws, and its standard deviation."""
    many = x.repeat(draws, 1)
    found = flow.estimated_log_density(many, signs(len(many), generator)).reshape(draws, len(x))
    errors = found.mean(dim=0) - flow.log_density(x)
    spread = found.std(dim=0)
    return float(errors.sum() / (spread.square().sum() / draws).sqrt()), float(spread.mean())
