"""The latent ODE of the spirals: encoder, dynamics, decoder, and its bound; imports torch."""

from __future__ import annotations

import numpy as np
import torch

import workbench as wb

from ..divergence import divergence
from ..encoder import Encoder
from .data import LENGTH, STEP, times

KNOTS = 13  # times at which the solver says z; a cubic spline goes through them


class Dynamics(torch.nn.Module):
    """dz/dt = network(z)."""

    def __init__(self, latent: int, hidden: int) -> None:
        super().__init__()
        self.network = torch.nn.Sequential(
            torch.nn.Linear(latent, hidden),
            torch.nn.Tanh(),
            torch.nn.Linear(hidden, hidden),
            torch.nn.Tanh(),
            torch.nn.Linear(hidden, latent),
        )

    def forward(self, t: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """dz/dt (row, latent)."""
        found: torch.Tensor = self.network(z)
        return found


class LatentOde(torch.nn.Module):
    """p(y | z0) with z0 ~ N(0, 1), its posterior by an encoder, and observations of a known noise."""

    def __init__(self, noise: float, latent: int = 4, hidden: int = 20, recurrent: int = 25) -> None:
        super().__init__()
        self.noise = noise
        self.encoder = Encoder(2, recurrent, latent, torch.float32)
        self.dynamics = Dynamics(latent, hidden)
        self.decoder = torch.nn.Sequential(torch.nn.Linear(latent, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 2))
        self._knots = np.linspace(0.0, (LENGTH - 1) * STEP, KNOTS)
        self._ready = wb.prepare(self.dynamics, self._knots, "rk4", step=self._knots[1])
        self._through = torch.tensor(through(self._knots, times(0, LENGTH)), dtype=torch.float32)

    def bound(self, t: torch.Tensor, seen: torch.Tensor, y: torch.Tensor, weight: float) -> torch.Tensor:
        """Minus the evidence lower bound of y (row, observation, 2), a mean over rows, by one draw of z0 a row.

        `weight` multiplies the divergence: 1 is the bound, less is what training begins with (Bowman et al. 2016,
        arXiv 1511.06349).
        """
        mean, log_sd = self.encoder(t, y)
        z0 = mean + log_sd.exp() * torch.randn_like(mean)
        mu = self.piece(z0)
        mu = torch.gather(mu, 1, seen[:, :, None].expand(-1, -1, 2))
        nll = (0.5 * ((y - mu) / self.noise) ** 2 + np.log(self.noise) + 0.5 * np.log(2 * np.pi)).sum((1, 2))
        return (nll + weight * divergence(mean, log_sd)).mean()

    def piece(self, z0: torch.Tensor) -> torch.Tensor:
        """The observations expected at all points of a piece (row, LENGTH, 2)."""
        knots = self._ready(z0).ys
        found: torch.Tensor = self.decoder(torch.einsum("tk,rkd->rtd", self._through, knots))
        return found

    def follow(self, z0: torch.Tensor, ts: np.ndarray) -> torch.Tensor:
        """The observations expected at ts (time,) on either side of 0, which ts leaves in one direction."""
        with torch.no_grad():
            ys = wb.solve(self.dynamics, z0, np.concatenate([[0.0], ts]), "dopri5", rtol=1e-6, atol=1e-6).ys
            found: torch.Tensor = self.decoder(ys[:, 1:])
        return found


def through(knots: np.ndarray, ts: np.ndarray) -> np.ndarray:
    """What takes values at the knots to those of the cubic spline through them at ts (time, knot)."""
    from scipy.interpolate import CubicSpline

    found: np.ndarray = CubicSpline(knots, np.eye(len(knots)))(ts)
    return found
