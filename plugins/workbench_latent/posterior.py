"""The posterior of initial states that an encoder makes of a problem's observations; torch computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench import Problem

if TYPE_CHECKING:
    import torch

    from .readings import Readings


class GaussianPosterior:
    """N(mean, sd²) of every trajectory's initial states, entry by entry, as a function of the encoder's weights."""

    def __init__(self, readings: Readings, problem: Problem, samples: int, hidden: int, size: int) -> None:
        import torch

        from .encoder import Encoder

        t, y = readings.given(problem, samples)
        self._t, self._y = torch.from_numpy(t), torch.from_numpy(y)
        self.samples = samples
        self._encoder = Encoder(y.shape[2], hidden, size)

    @staticmethod
    def start(channels: int, hidden: int, size: int, generator: np.random.Generator) -> np.ndarray:
        """Start weights, flat: within ±1/√hidden, as recurrent layers begin in torch; deviations near e⁻².

        The encoder's last layer is a tenth of that, so that trajectories begin near the middle of the prior.
        """

        from .encoder import Encoder

        made, parts = Encoder(channels, hidden, size), []
        for name, weight in made.named_parameters():
            reach = hidden**-0.5 * (0.1 if name == "out.weight" else 1.0)
            drawn = generator.uniform(-reach, reach, weight.numel())
            if name == "out.bias":
                drawn = np.concatenate([np.zeros(size), np.full(size, -2.0)])
            parts.append(drawn)
        return np.concatenate(parts)

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """The means (trajectory, state) at weights w (weight,)."""
        import torch

        with torch.no_grad():
            found: np.ndarray = self.of(torch.from_numpy(w))[0].numpy()
        return found

    def by_weights(self, w: np.ndarray) -> np.ndarray:
        """Derivatives of the means (trajectory, state, weight), one backward pass each."""
        import torch

        weights = torch.tensor(w, requires_grad=True)
        mean, _ = self.of(weights)
        found = np.zeros((*mean.shape, len(w)))
        for i, j in np.ndindex(*mean.shape):
            found[i, j] = torch.autograd.grad(mean[i, j], weights, retain_graph=True)[0].numpy()
        return found

    def pull(self, w: np.ndarray, rows: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Σ gᵀ∂mean/∂w (weight,) over lines with g (line, state), `rows` their trajectories (line,)."""
        import torch

        weights = torch.tensor(w, requires_grad=True)
        mean, _ = self.of(weights)
        (found,) = torch.autograd.grad((mean[torch.from_numpy(rows)] * torch.from_numpy(g)).sum(), weights)
        by_w: np.ndarray = found.numpy()
        return by_w

    def of(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and log deviations (trajectory, state), differentiable in the weights (weight,)."""
        import torch

        named, at = {}, 0
        for name, weight in self._encoder.named_parameters():
            named[name] = weights[at : at + weight.numel()].reshape(weight.shape)
            at += weight.numel()
        found: tuple[torch.Tensor, torch.Tensor] = torch.func.functional_call(self._encoder, named, (self._t, self._y))
        return found
