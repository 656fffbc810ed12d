"""A continuous normalizing flow: dz/dt = f(t, z), and beside z the change of its log-density, −tr ∂f/∂z.

Chen et al. (2018), section 4: the instantaneous change of variables (Theorem 1, eq. 8), hidden units added up at a cost
linear in their number (eq. 10), each with a gate in time. The trace in closed form is exact; Hutchinson's estimator
εᵀ(∂f/∂z)ε (Hutchinson 1990, Commun. Stat. Simul. 19, 433–450; Grathwohl et al. 2019, arXiv 1810.01367) needs products
alone, and ε is held through a solve.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

import workbench as wb

PLANE = 2
DATA, BASE = 1.0, 0.0
"""Points of the data stand at t = 1, those of the normal distribution at t = 0."""
STEEP, GATE = 3.0, 10.0
"""How units begin: w and b so many times those of torch's Linear, α = ±GATE."""


class Units(nn.Module):
    """f(t, z) = Σ_n σ(α_n t + β_n) u_n tanh(w_nᵀz + s_n t + b_n) + c, for z (row, 2) and t (row, 1).

    At first every unit bends within the data, and is switched on or off at a time of its own in (0, 1), so that they
    act one after another, as layers do.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(PLANE + 1, units), nn.Linear(units, PLANE)
        self.gate = nn.Linear(1, units)
        turn = GATE * torch.sign(torch.rand(units) - 0.5)
        with torch.no_grad():
            self.into.weight[:, :PLANE].mul_(STEEP)
            self.into.bias.mul_(STEEP)
            self.gate.weight.copy_(turn[:, None])
            self.gate.bias.copy_(-turn * torch.rand(units))

    def forward(self, t: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """f (row, 2), and the slope of each gated unit by its argument (row, unit)."""
        h = torch.tanh(self.into(torch.cat([z, t], dim=1)))
        gate = torch.sigmoid(self.gate(t))
        return self.out(gate * h), gate * (1.0 - h * h)


class Beside(nn.Module):
    """Units with what is solved beside z; rows begin with z."""

    def __init__(self, units: Units) -> None:
        super().__init__()
        self.units = units

    def terms(self, t: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """f (row, 2), slopes (row, unit), and the units' weights w (unit, 3) and u (2, unit)."""
        f, slope = self.units(t + 0.0 * y[:, :1], y[:, :PLANE])
        return f, slope, self.units.into.weight, self.units.out.weight


class ExactTrace(Beside):
    """d(z, a)/dt = (f, tr ∂f/∂z) on rows (z, a); the trace is Σ_n slope_n u_nᵀw_n."""

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The derivative of rows (z, a)."""
        f, slope, w, u = self.terms(t, y)
        each = u[0] * w[:, 0] + u[1] * w[:, 1]
        return torch.cat([f, (slope * each).sum(1, keepdim=True)], dim=1)


class EstimatedTrace(Beside):
    """d(z, a, ε)/dt = (f, εᵀ(∂f/∂z)ε, 0) on rows (z, a, ε)."""

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The derivative of rows (z, a, ε)."""
        f, slope, w, u = self.terms(t, y)
        right = y[:, 3:4] * w[:, 0] + y[:, 4:5] * w[:, 1]  # W ε, unit by unit
        left = y[:, 3:4] * u[0] + y[:, 4:5] * u[1]  # Uᵀε
        return torch.cat([f, (slope * right * left).sum(1, keepdim=True), 0.0 * y[:, 3:]], dim=1)


def signs(n: int, generator: torch.Generator) -> torch.Tensor:
    """ε (n, 2) of independent ±1, whose E[εεᵀ] is the identity."""
    return 2.0 * torch.randint(0, 2, (n, PLANE), generator=generator).double() - 1.0


def normal_log_density(z: torch.Tensor) -> torch.Tensor:
    """That of the normal distribution in the plane (row,)."""
    return -0.5 * (z * z).sum(dim=1) - math.log(2.0 * math.pi)


class Flow:
    """Densities, samples and the map of `units`, by solves at a tolerance.

    `engine` is that of `workbench.prepare`: generated C unless "torch" is asked for. Data are (row, 2), float64.
    """

    def __init__(self, units: Units, tolerance: float, solver: str = "dopri5", engine: str = "auto") -> None:
        options: dict[str, Any] = {"solver": solver, "rtol": tolerance, "atol": tolerance, "engine": engine}
        exact = ExactTrace(units)
        self._to_base = wb.prepare(exact, [DATA, BASE], **options)
        self._to_data = wb.prepare(exact, [BASE, DATA], **options)
        self._estimated = wb.prepare(EstimatedTrace(units), [DATA, BASE], **options)
        self._evaluations = 0.0

    def to_base(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where data come from (row, 2), and log |det ∂z/∂x| (row,)."""
        return self._split(self._to_base, torch.cat([x, x.new_zeros(len(x), 1)], dim=1))

    def to_data(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where points of the normal distribution go (row, 2), and log |det ∂x/∂z| (row,)."""
        return self._split(self._to_data, torch.cat([z, z.new_zeros(len(z), 1)], dim=1))

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        """log p(x) (row,), by the exact trace."""
        z, change = self.to_base(x)
        return normal_log_density(z) + change

    def estimated_log_density(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """log p(x) (row,), by Hutchinson's estimator with one ε (row, 2) a point."""
        z, change = self._split(self._estimated, torch.cat([x, x.new_zeros(len(x), 1), noise], dim=1))
        return normal_log_density(z) + change

    def count(self) -> float:
        """The evaluations of f, a row, in the last solve."""
        return self._evaluations

    def _split(self, ready: Any, start: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = ready(start)
        self._evaluations = float(found.stats["rhs"].mean())
        end = found.ys[:, -1]
        return end[:, :PLANE], end[:, PLANE]
