"""A model's solves on the compiled engine: handles for the selections that are solved again and again."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from ..compiled import MANY, Handle, Kernel, Pieces, Solved, compilable, march_of, printable
from ..contracts import SolveOptions

if TYPE_CHECKING:
    from .model import Model

HANDLES = 8  # selections whose times and memory are kept
HANDLES_OF_PIECES = 128  # the same where events cut solves into short pieces


class Compiled:
    """Solves and derivatives of a model whose right-hand side is a graph."""

    def __init__(self, model: Model) -> None:
        assert model.lowered is not None, "see serves"
        assert compilable(model.solver), "see serves"
        self.model, self.graph, self.solver = model, model.lowered, model.solver
        self._kernels: dict[bool, Kernel] = {}
        self._handles: OrderedDict[tuple[object, ...], tuple[Handle, Pieces | None]] = OrderedDict()

    @staticmethod
    def serves(model: Model) -> bool:
        """The model's solves and their derivative by x can be compiled."""
        if any(event.trigger for event in model.events):
            return False  # looked for by the loop on NumPy
        graph = model.lowered
        return graph is not None and printable(graph) and model.gradient == "discrete" and compilable(model.solver)

    def build(self, fitting: bool = True) -> None:
        """Compile what a fit will call, or what solves alone; raises CompilerUnavailable."""
        march = march_of(self.solver)
        kernel = self._kernel(self._wide(self.model.data.n_trajectories))
        kernel.build((march, "push") if fitting else (march,))

    def solve(
        self, x: np.ndarray, y0: np.ndarray, t0: np.ndarray, rows: np.ndarray, ts: np.ndarray, options: SolveOptions
    ) -> Solved:
        """Trajectories `rows` from y0 (row, state) at t0 (row,) to ts (row, time)."""
        model = self.model
        handle, pieces = self._handle(t0, rows, ts, options)
        p = model.columns.parameters(x)
        c = model.covariates[rows] if model.covariates is not None else None
        return handle.solve(y0, p if p.ndim == 1 else p[rows], c, pieces, deadline=options.deadline)

    def _handle(
        self, t0: np.ndarray, rows: np.ndarray, ts: np.ndarray, options: SolveOptions
    ) -> tuple[Handle, Pieces | None]:
        key = (rows.tobytes(), t0.tobytes(), ts.shape, ts.tobytes(), options.keep, options.max_steps, options.breaks)
        if key in self._handles:
            self._handles.move_to_end(key)
            return self._handles[key]
        model = self.model
        pieces = model.inputs.pieces(rows) if model.inputs else None
        wide = self._wide(len(rows))
        handle = Handle(self._kernel(wide), self.solver, t0, ts, options)
        self._handles[key] = handle, pieces
        if len(self._handles) > (HANDLES_OF_PIECES if model.events else HANDLES):
            self._handles.popitem(last=False)
        return self._handles[key]

    def _wide(self, rows: int) -> bool:
        """Trajectories side by side: where there are some, and networks do not depend on the trajectory."""
        shared = self.model.columns.parameters_shared
        return rows >= MANY and (shared or not self.graph.networks)

    def _kernel(self, wide: bool) -> Kernel:
        if wide not in self._kernels:
            self._kernels[wide] = Kernel(self.graph, self.solver.tableau, np.dtype(float), wide)
        return self._kernels[wide]
