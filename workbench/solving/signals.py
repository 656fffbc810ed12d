"""Inputs u(t) of `solve` as tables of samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..compiled import Pieces
from ..engine.piecewise import KINDS, Piecewise, Place, spline_slopes
from ..errors.usage import SignalInconsistent

Array = Any


@dataclass(frozen=True)
class Signal:
    """An input u(t) by its samples: `values` at the times `ts`, held, linear or a cubic spline between them.

    values (sample,), (sample, input), or (trajectory, sample, input) with ts (sample,) or (trajectory, sample); without
    an axis of trajectories all of them share it. f(t, y, u) is given u (input,) for one state, (rows, input) for rows.
    A held input jumps at its samples and steps end there. Before the first sample and after the last one the input
    stays at the nearest value. Values may be a tensor that takes gradients. Raises SignalInconsistent.

    >>> u = Signal([0.0, 1.0, 2.0], [0.0, 1.0, 4.0], "cubic")
    >>> [round(float(u.at(t)[0]), 6) for t in (0.5, 1.5, 9.0)]
    [0.25, 2.25, 4.0]
    """

    ts: Any
    values: Any
    interpolation: Literal["hold", "linear", "cubic"] = "hold"

    def __post_init__(self) -> None:
        ts, values = np.asarray(self.ts, dtype=float), _numpy(self.values)
        if self.interpolation not in KINDS:
            raise SignalInconsistent(
                f"no interpolation is called {self.interpolation!r}", help=f"one of {', '.join(KINDS)}"
            )
        shape = values.shape if values.ndim > 1 else (*values.shape, 1)
        if len(shape) > 3 or ts.ndim not in (1, len(shape) - 1) or shape[-1 - ts.ndim : -1] != ts.shape or not ts.size:
            raise SignalInconsistent(
                f"values of shape {values.shape} do not fit times of shape {ts.shape}",
                help="values are (sample,), (sample, input) or (trajectory, sample, input)",
            )
        if not (np.isfinite(ts).all() and np.isfinite(values).all() and (np.diff(ts, axis=-1) > 0).all()):
            raise SignalInconsistent(
                "the samples of an input are not finite, or their times do not increase",
                help="sort them, and leave out what is missing",
            )

    def at(self, t: float, trajectory: int = 0) -> np.ndarray:
        """u (input,) at a time; at a jump the value from then on."""
        time = np.array([t], dtype=float)
        return np.asarray(Lookup(self, tensors=False)(time, np.array([trajectory]), time)[0])


class Lookup:
    """A signal as the engine looks inputs up: u (line, input) of t, row and middle (line,)."""

    def __init__(self, signal: Signal, tensors: bool) -> None:
        values = signal.values if tensors else _numpy(signal.values)
        if tensors:
            import torch

            values = torch.as_tensor(values)
            values = values if values.is_floating_point() else values.double()
        values = values[:, None] if values.ndim == 1 else values
        values = values[None] if values.ndim == 2 else values
        self.trajectories, samples, self.inputs = values.shape
        ts = np.broadcast_to(np.asarray(signal.ts, dtype=float), (self.trajectories, samples))
        sizes, self.kind = np.full(self.trajectories, samples), signal.interpolation
        self._pieces = Piecewise(ts.reshape(-1), sizes, [signal.interpolation] * self.inputs)
        self._values = values.reshape(-1, self.inputs)
        self._columns = np.arange(self.inputs)
        self._slopes = self._spline(ts, values) if signal.interpolation == "cubic" else None

    def _spline(self, ts: np.ndarray, values: Array) -> Array:
        """The slopes at all samples (sample, input), in torch's graph where the values are."""
        if isinstance(values, np.ndarray):
            return np.concatenate([spline_slopes(t, own) for t, own in zip(ts, values, strict=True)])
        import torch

        matrices = [self._pieces.spline_matrix(i) for i in range(len(ts))]
        return torch.cat([torch.as_tensor(m).to(own) @ own for m, own in zip(matrices, values, strict=True)])

    def __call__(self, t: np.ndarray, row: np.ndarray, middle: np.ndarray) -> Array:
        """u (line, input)."""
        row = row if self.trajectories > 1 else 0 * row
        if self._pieces.held:
            return self._values[self._pieces.left_of(middle, row)]
        place = self._pieces.place(t, row, middle)
        return self._values[place.left, self._columns] + self._change(place)

    def _change(self, place: Place) -> Array:
        at = self._columns
        change = self._like(place.share) * (self._values[place.right, at] - self._values[place.left, at])
        if self._slopes is not None:
            bend_left, bend_right = self._like(place.bend_left), self._like(place.bend_right)
            change = change + bend_left * self._slopes[place.left, at] + bend_right * self._slopes[place.right, at]
        return change

    def _like(self, weights: np.ndarray) -> Array:
        if isinstance(self._values, np.ndarray):
            return weights
        import torch

        return torch.as_tensor(weights).to(self._values)

    def pieces(self, rows: np.ndarray) -> Pieces:
        """As the compiled engine reads them, for these trajectories."""
        own, kinds = self._pieces, [self.kind] * self.inputs
        rows = rows if self.trajectories > 1 else 0 * rows
        return Pieces.of(own.t, np.full(self.trajectories, len(own.t) // self.trajectories), kinds, self._values, rows)

    def breaks(self) -> tuple[float, ...]:
        """The times at which the signals of all trajectories jump or bend."""
        return self._pieces.breaks(np.arange(self.trajectories))

    def require(self, trajectories: int) -> None:
        """Raises SignalInconsistent unless there is a signal for each trajectory, or one for all."""
        if self.trajectories not in (1, trajectories):
            raise SignalInconsistent(
                f"inputs for {self.trajectories} trajectories are given to {trajectories}",
                help="give one for each, or one for all: values (sample, input)",
            )


def _numpy(values: Any) -> np.ndarray:
    return np.asarray(values.detach().cpu().numpy() if hasattr(values, "detach") else values, dtype=float)
