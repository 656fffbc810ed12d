"""f and its derivatives at all points of a trajectory, replayed from a recording of what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from .explicit_steps import Field, Nodes
from .grid import Grid
from .recording import Outputs, Recording, record
from .trace import Trace, way_back

FEW = 8  # states with which f is called in every solve


class Replay:
    """f at all points of a grid of one row, its Jacobians and its products, as they were recorded.

    `leaves` are the tensors that take gradients.
    """

    def __init__(
        self, grid: Grid, f: Field, recording: Recording, states: torch.Tensor, leaves: Sequence[torch.Tensor]
    ) -> None:
        self._recording, self.leaves, self._entries = recording, list(leaves), grid.entries
        self._f, self._few = f, np.linspace(0, grid.lines - 1, min(FEW, grid.lines)).astype(int)
        self._node = grid.steps.nodes[0].part(self._few)
        self._all = False
        *_, self._all = self._traced(states)
        self._trace, self._way, _ = self._traced(states)
        self._times = [node.time.numpy() for node in _at_all_points(grid)]
        self._single: bool | None = None  # not known yet

    @classmethod
    def of(cls, grid: Grid, f: Field, states: torch.Tensor, leaves: Sequence[torch.Tensor]) -> Replay | None:
        """Of f at so many points as `states` (point, entry) are; None where it cannot be recorded.

        Time is looked at as a tensor only, so that other times are other inputs.
        """
        node = _at_all_points(grid)[0]
        units = list(torch.eye(grid.entries, dtype=states.dtype)[:, None].expand(-1, len(states), -1).contiguous())

        def function(time: torch.Tensor, y: torch.Tensor, g: torch.Tensor) -> Iterator[Outputs]:
            with torch.enable_grad():
                y = y.detach().requires_grad_()
                found = f(time, y, node.t, node.row, node.middle)
                rows = [_products(found, [y], unit)[0] for unit in units]
            yield [found, *rows]
            yield _products(found, [y, *leaves], g)

        sines = torch.sin(torch.arange(states.numel(), dtype=states.dtype)).reshape(states.shape)
        moved = states + 0.1 * states.abs().amax() * sines
        recording = record(function, [node.time, states, moved], [node.time, moved, states])
        return None if recording is None else cls(grid, f, recording, states, leaves)

    def bind(self) -> Bound:
        """With the numbers that f holds (weights, …) as they are now."""
        return self._bound(single=False)

    def holds(self, states: torch.Tensor) -> bool:
        """Whether f still does what it did, and its derivative: with a few of these states (point, entry)."""
        trace, way, own = self._traced(states)
        return own == self._all and way == self._way and trace.same(self._trace)

    def _traced(self, states: torch.Tensor) -> tuple[Trace, list[Any], bool]:
        """What f does; its way back, where Python has a part in it among the operations; and whether it has."""
        node, values = self._node, list[torch.Tensor]()

        def call(time: torch.Tensor, y: torch.Tensor) -> None:
            with torch.enable_grad():
                y = y.detach().requires_grad_()
                found = self._f(time, y, node.t, node.row, node.middle)
            if self._all:
                _products(found, [y, *self.leaves], torch.ones_like(found))
            values.extend((found, y))

        trace = Trace(call, node.time, states[self._few])
        return trace, *way_back(*values)

    def single(self) -> Bound | None:
        """The same in single precision; None where f is in it, or cannot be."""
        if self._single is None:
            self._single = self._times[0].dtype == np.float64 and self._narrows()
        return self._bound(single=True) if self._single else None

    def _narrows(self) -> bool:
        try:
            found, _ = self._bound(single=True).slopes(np.zeros((len(self._times[0]), self._entries), np.float32))
        except Exception:  # what an operation does not take in another precision, it says in its own words
            return False
        return found.dtype == np.float32

    def _bound(self, single: bool) -> Bound:
        return Bound(self._recording, self._entries, self._times, single)


class Bound:
    """A replay with the numbers of one solve; the slopes of a trajectory (`transverse.Slopes`)."""

    copies = 1

    def __init__(self, recording: Recording, entries: int, times: list[np.ndarray], single: bool) -> None:
        part = recording.bind(single)
        self._recording, self._versions = recording, recording.versions
        self._value, self._jacobian, self._all, self._product = part(0, 1), part(0, 1 + entries), part(0), part(1)
        self._times = [time.astype(np.float32) for time in times] if single else times

    def value(self, y: np.ndarray, stage: int = 0) -> np.ndarray:
        """f (point, entry)."""
        found: np.ndarray = self._value((self._times[stage], np.ascontiguousarray(y)))[0][0]
        return found

    def slopes(self, y: np.ndarray, stage: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """f (point, entry) and f_y (entry, entry, point)."""
        found, *rows = self._jacobian((self._times[stage], np.ascontiguousarray(y)))[0]
        return found, _side_by_side(rows, y)

    def kept(self, y: np.ndarray, stage: int) -> tuple[np.ndarray, np.ndarray, list[Any]]:
        """The same, with what `products` goes on from."""
        (found, *rows), kept = self._all((self._times[stage], np.ascontiguousarray(y)))
        return found, _side_by_side(rows, y), kept

    @property
    def outdated(self) -> bool:
        """Whether what f holds has been changed in place since."""
        return self._recording.versions != self._versions

    def products(self, y: np.ndarray, kept: list[Any], g: np.ndarray, stage: int) -> list[np.ndarray | None]:
        """gᵀ f_y (point, entry), then gᵀ f_p summed over points for all leaves; None where it is 0."""
        inputs = self._times[stage], np.ascontiguousarray(y), np.ascontiguousarray(g)
        found: list[np.ndarray | None] = self._product(inputs, kept)[0]
        return found


def _side_by_side(rows: list[np.ndarray | None], y: np.ndarray) -> np.ndarray:
    """The rows (point, entry) of Jacobians as (entry, entry, point)."""
    found = np.empty((y.shape[1], y.shape[1], len(y)), y.dtype)
    for own, row in zip(found, rows, strict=True):
        own[...] = 0.0 if row is None else row.T
    return found


def _products(value: torch.Tensor, inputs: Sequence[torch.Tensor], g: torch.Tensor) -> list[torch.Tensor | None]:
    if not value.requires_grad:
        return [None] * len(inputs)
    return list(torch.autograd.grad(value, inputs, g, retain_graph=True, allow_unused=True))


def _at_all_points(grid: Grid) -> list[Nodes]:
    """The nodes of all lines, and of one more: as many as there are points."""
    places = np.minimum(np.arange(grid.lines + 1), grid.lines - 1)
    return [node.part(places) for node in grid.steps.nodes]
