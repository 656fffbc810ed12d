"""A prepared solve on the compiled engine: f a graph, or a torch module that becomes one."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import MANY, Handle, Kernel, Pieces, Solved, allowed_threads, compilable, fitted_by, march_of
from ..contracts import Trajectory
from ..errors.numerics import ShapeOfRhs
from ..errors.problems import NotLowerable
from ..errors.usage import UsageError
from ..graph import Graph, from_module
from .callables import GraphCall
from .signals import Lookup, Signal
from .solution import Solution

if TYPE_CHECKING:
    import torch

    from ..compiled import March
    from .door import Asked, Task

Array = Any
BUSY = 200_000  # operations of f over all trajectories from which threads share them


class CompiledSolution(Solution):
    """A solution whose mesh, status and counts are put into words when they are asked for."""

    solved: Solved

    def __init__(self, ts: Any, ys: Any, solved: Solved, single: bool) -> None:
        self.__dict__.update(ts=ts, ys=ys, solved=solved, single=single, events=())  # frozen, as its parent

    @cached_property
    def trajectory(self) -> Trajectory:
        """As the loop on NumPy gives it."""
        return self.solved.trajectory()


class CompiledStates(CompiledSolution):
    """A solution in NumPy with its derivatives; `batch`: y0 had an axis of trajectories."""

    batch: bool

    def __init__(self, ts: Any, ys: Any, solved: Solved, single: bool, batch: bool) -> None:
        self.__dict__.update(ts=ts, ys=ys, solved=solved, single=single, batch=batch, events=())

    def gradient(self, gys: Array) -> tuple[np.ndarray, np.ndarray]:
        """See Solution."""
        gys = np.asarray(gys)
        if gys.shape != self.ys.shape:  # in the caller's words: the handle knows an axis of trajectories more
            raise ShapeOfRhs(f"gradients by ys of shape {self.ys.shape} are given as {gys.shape}", help="give one each")
        by_y0, by_p = self.solved.pull(gys[None] if self.single else gys)
        return by_y0 if self.batch else by_y0[0], by_p[0] if self.solved.held.p.ndim == 1 else by_p

    def sensitivities(self) -> tuple[np.ndarray, np.ndarray]:
        """See Solution."""
        by_y0, by_p = self.solved.push()
        return (by_y0[0], by_p[0]) if self.single else (by_y0, by_p)


def require_lowerable(f: Any) -> None:
    """Raises NotLowerable for what is neither a graph nor a torch module whose rows are independent."""
    torch = sys.modules.get("torch")
    module = torch is not None and isinstance(f, torch.nn.Module)
    if not (module or isinstance(f, GraphCall)):
        raise NotLowerable(
            "only graphs and torch modules can be compiled",
            help='write f as formulas (workbench.from_sympy) or as a module, or take engine="torch"',
        )
    if getattr(f, "rowwise", True) is False:
        raise NotLowerable("rowwise = False: its rows influence each other", help='engine="torch"')


def graph_of(f: Any, states: int) -> Graph:
    """The graph of f; raises NotLowerable where it has none."""
    require_lowerable(f)
    return f.graph if isinstance(f, GraphCall) else from_module(f, states)


def why_not(asked: Asked, task: Task) -> str:
    """What this engine cannot do of what was asked; empty where it can all of it."""
    ts, inputs, backwards = asked.ts, asked.inputs, asked.backwards
    reasons = {
        "its states are not one axis": task.y0.ndim != 2,
        "it takes float32 and float64": str(task.y0.dtype).split(".")[-1] not in ("float32", "float64"),
        "it runs on the CPU": getattr(task.y0.device if task.torch else None, "type", "cpu") != "cpu",
        "it looks for no events": bool(asked.events),
        "its gradient is the discrete one, without checkpoints": backwards.mode != "discrete" or backwards.checkpoints,
        "its times take no gradients": bool(getattr(ts, "requires_grad", False)),
        "its inputs are a Signal that takes no gradients": inputs is not None
        and (not isinstance(inputs, Signal) or bool(getattr(inputs.values, "requires_grad", False))),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


class CompiledSolve:
    """Solves from many starts with parameters that change, on one handle; `fitting` says that fits come first."""

    def __init__(self, asked: Asked, task: Task, fitting: bool = False) -> None:
        reason = why_not(asked, task)
        if reason:
            raise NotLowerable(f"the compiled engine cannot do this: {reason}", help='engine="torch"')
        self.asked, self._single, self._torch = asked, task.single, task.torch
        graph, solver = graph_of(asked.f, task.y0.shape[1]), asked.chosen()
        if graph.inputs and asked.inputs is None:
            raise UsageError(f"f has the inputs {', '.join(graph.inputs)}", help="inputs=wb.Signal(ts, values)")
        if not compilable(solver):
            raise NotLowerable(
                f"the compiled engine has no kernels for {getattr(solver, 'tableau', solver)!s:.40}",
                help='take an explicit or a Rosenbrock method, or engine="torch"',
            )
        own = getattr(asked.f, "parameters", None)  # of a module; a graph has none of its own
        self._leaves: list[torch.Tensor] = list(own()) if own is not None else []
        self._batch, rows = task.batch, len(task.y0)
        dtype = np.dtype(str(task.y0.dtype).split(".")[-1])
        kernel = Kernel(graph, solver.tableau, dtype, wide=rows >= MANY)
        march = march_of(solver, asked.replay)
        kernel.build(fitted_by(march) if fitting else (march, "pull") if self._torch else (march,))
        self._pieces = self._signal(asked.inputs, rows)
        options = replace(asked.options(task), keep=True, deadline=None)
        self.handle = Handle(kernel, solver, task.t0, task.ts, options, _threads(kernel, march, rows))
        self._in_tensors = self._torch and not task.back_to_numpy
        if self._in_tensors:
            from .node import CompiledNode

            self._node = CompiledNode.apply

    @staticmethod
    def _signal(inputs: Any, rows: int) -> Pieces | None:
        if inputs is None:
            return None
        return Lookup(inputs, tensors=False).pieces(np.arange(rows))

    def __call__(self, y0: Array, params: Array | None = None) -> Solution:
        """The solution from y0, differentiable in it, in `params` and in what f holds."""
        params = self.asked.params if params is None else params
        if self._in_tensors:
            return self._tensors(y0, params)
        start = np.asarray(y0.detach().numpy() if hasattr(y0, "detach") else y0)
        solved = self._solve(start, self.parameters(params))
        return CompiledStates(self.asked.ts, self._shaped(solved.ys), solved, self._single, self._batch)

    def _solve(self, y0: np.ndarray, p: np.ndarray) -> Solved:
        return self.handle.solve(y0 if self._batch else y0[None], p, None, self._pieces, self.asked.until())

    def parameters(self, params: Array | None) -> np.ndarray:
        """Those given, or those of `prepare`, or the module's present ones (parameter,)."""
        params = self.asked.params if params is None else params
        if params is not None:
            return np.asarray(params.detach().cpu().numpy() if hasattr(params, "detach") else params)
        if not self._leaves:
            return np.zeros(self.handle.kernel.n_parameters)
        return np.concatenate([leaf.detach().numpy().reshape(-1) for leaf in self._leaves])

    def _shaped(self, ys: Array) -> Array:
        return ys[0] if self._single else ys

    def _tensors(self, y0: torch.Tensor, params: Array | None) -> Solution:
        torch = sys.modules["torch"]  # y0 is one of its tensors
        leaves = self._leaves if params is None else [torch.as_tensor(params)]
        solved = self._solve(y0.detach().numpy(), self.parameters(params))
        if torch.is_grad_enabled() and (y0.requires_grad or any(leaf.requires_grad for leaf in leaves)):
            ys = self._node(solved, self._single, y0, *leaves)
        else:
            ys = self._shaped(torch.from_numpy(solved.ys))
        return CompiledSolution(self.asked.ts, ys, solved, self._single)


def _threads(kernel: Kernel, march: March, rows: int) -> int:
    """One for small models; else as many as there are processors, or as OMP_NUM_THREADS allows."""
    if kernel.operations * rows < BUSY or not kernel.wide:
        return 1
    return max(1, min(allowed_threads(), -(-rows // kernel.lanes(march))))
