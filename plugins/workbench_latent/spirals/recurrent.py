"""A recurrent network that foretells the next observation from those before; imports torch."""

from __future__ import annotations

import numpy as np
import torch

from .data import LENGTH


class Recurrent(torch.nn.Module):
    """The next observation, from a gated recurrent unit over those before; with `gaps` it is told when that comes."""

    def __init__(self, gaps: bool, hidden: int = 25) -> None:
        super().__init__()
        self.gaps = gaps
        self.cell = torch.nn.GRU(2 + gaps, hidden, batch_first=True)
        self.out = torch.nn.Linear(hidden, 2)

    def _read(self, seen: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if not self.gaps:
            return y[:, :-1]
        ahead = (seen[:, 1:] - seen[:, :-1]).to(y.dtype)[:, :, None] / LENGTH
        return torch.cat([y[:, :-1], ahead], dim=-1)

    def loss(self, seen: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean square of one-step errors; with known Gaussian noise its negative log-likelihood but for constants."""
        found, _ = self.cell(self._read(seen, y))
        return ((y[:, 1:] - self.out(found)) ** 2).mean()

    def forecast(self, seen: torch.Tensor, y: torch.Tensor) -> np.ndarray:
        """The LENGTH points after a piece (row, LENGTH, 2), each from what was foretold before it.

        Steps are as long as the mean gap of the observations, with straight lines between their ends.
        """
        gap = LENGTH / y.shape[1]
        with torch.no_grad():
            _, state = self.cell(self._read(seen, y))
            path = [y[:, -1:]]
            for _ in range(2 * y.shape[1]):  # the last observation may be far before the end
                told = torch.full_like(path[-1][:, :, :1], gap / LENGTH)
                given = torch.cat([path[-1], told], dim=-1) if self.gaps else path[-1]
                found, state = self.cell(given, state)
                path.append(self.out(found))
            points = torch.cat(path, dim=1).double().numpy()
        when = seen[:, -1:].numpy() + gap * np.arange(points.shape[1])
        wanted = np.arange(LENGTH, 2 * LENGTH)
        return np.array([_between(wanted, own, line) for own, line in zip(when, points, strict=True)])


def _between(wanted: np.ndarray, t: np.ndarray, path: np.ndarray) -> np.ndarray:
    """The path (time, 2) at the wanted times, on straight lines between t (time,)."""
    return np.column_stack([np.interp(wanted, t, path[:, k]) for k in range(path.shape[1])])
