"""The evidence lower bound as a loss on a whole trial."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.contracts import Pointwise
from workbench.errors.numerics import NoFiniteSolution
from workbench.errors.usage import UsageError

from .posterior import GaussianPosterior

GAUSSIAN = Pointwise(
    "gaussian",
    residual="(y - mu)/sigma",
    derivative="-1/sigma",
    nll="((y - mu)/sigma)^2/2 + log(sigma) + log(2*pi)/2",
    scale="rms",
    z="(y - mu)/sigma",
    source="Gauss (1809), Theoria motus",
)


@dataclass(frozen=True)
class Bound:
    """−E log p(y | z0) + weight · KL(q(z0 | y) ‖ N(0, 1)), the expectation over draws of z0 from q.

    The draws are seeded by the point itself: new at every point, and the same in a fit that is resumed. Kingma &
    Welling (2014), arXiv 1312.6114, eq. 3; Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366, appendix F.
    """

    weight: float
    draws: int
    name: str = "elbo"
    optimizer: str = "adam"

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise UsageError(f"draws is 1 or more, not {self.draws}", help="-S loss.draws=1")

    def pointwise(self, noise: str) -> Pointwise:
        """Gaussian noise, its scale profiled unless it is declared."""
        if noise != "gaussian":
            raise UsageError(f"the loss 'elbo' knows gaussian noise, not {noise!r}", help="--loss likelihood")
        return GAUSSIAN

    def value(self, trial: Any) -> float:
        """Minus the bound, estimated; raises NoFiniteSolution."""
        return self._estimate(trial, gradient=False)[0]

    def gradient(self, trial: Any) -> tuple[float, np.ndarray]:
        """The same and its gradient (unknown,)."""
        return self._estimate(trial, gradient=True)

    def score(self, trial: Any) -> float:
        """The negative log-likelihood a value, from the posterior's means."""
        value: float = trial.value()
        return value / max(int(trial.selection.mask.sum()), 1)

    def _estimate(self, trial: Any, gradient: bool) -> tuple[float, np.ndarray]:
        import torch

        from .divergence import divergence

        model, rows = trial.model, trial.selection.rows
        posterior = model.posterior
        if not isinstance(posterior, GaussianPosterior):
            raise UsageError("the loss 'elbo' is of dynamics that have an encoder", help="-d latent, or --loss mse")
        weights = torch.from_numpy(model.unknowns.values(trial.x)["encoder"]).requires_grad_(gradient)
        mean, log_sd = (each[rows] for each in posterior.of(weights))
        total, g_x = 0.0, np.zeros(len(trial.x))
        through = torch.zeros((), dtype=mean.dtype)  # Σ g·z0: its gradient by the weights is that of the likelihood
        for noise in self._noise(trial.x, tuple(mean.shape)):
            z0 = mean + log_sd.exp() * torch.from_numpy(noise)
            from_here = trial.beginning(z0.detach().numpy())
            if not gradient:
                total += _finite(from_here.value()) / self.draws
                continue
            value, g_z0, g = _likelihood(from_here)
            total, g_x = total + value / self.draws, g_x + g / self.draws
            through = through + (z0 * torch.from_numpy(g_z0)).sum() / self.draws
        spread = self.weight * divergence(mean, log_sd).sum()
        if gradient:
            (by_weights,) = torch.autograd.grad(through + spread, weights)
            g_x = g_x + _placed(model, by_weights.numpy(), trial.x)
        return total + float(spread.detach()), g_x

    def _noise(self, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Standard normal draws (draw, row, state)."""
        seed = zlib.crc32(np.ascontiguousarray(x).tobytes())
        return np.random.default_rng(seed).standard_normal((self.draws, *shape))


def _finite(value: float) -> float:
    if not np.isfinite(value):
        raise NoFiniteSolution("the likelihood of a drawn initial state is not finite")
    return value


def _likelihood(trial: Any) -> tuple[float, np.ndarray, np.ndarray]:
    """−log p(y | z0), its gradient by z0 (row, state), and by x through the weights of slopes and decoder."""
    misfit, values, sd = trial.model.misfit, trial.selection.values, trial.selection.sd
    misfit.check(values, trial.predicted)
    used = misfit.weights(values, trial.predicted, sd)
    r, slope, observation, channel = misfit.linear(values, trial.predicted, used, sd)
    g_mu = np.zeros_like(trial.predicted)
    g_mu[observation, channel] = r * slope
    g_z0, g_x = trial.back(g_mu)
    return _finite(trial.value()), g_z0, g_x


def _placed(model: Any, by_weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A gradient by the encoder's weights as one by x (unknown,)."""
    index = model.unknowns.index["encoder"]
    g = np.zeros(len(x))
    g[index[index >= 0]] = by_weights[index >= 0]
    return g
