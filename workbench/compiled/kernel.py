"""A graph and a method → one C file, built and loaded."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ..engine import RosenbrockTableau, Tableau
from ..errors.problems import NotLowerable
from ..graph import Graph
from .abi import Task, declaration, opening
from .build import library
from .choose import printable
from .constants import shared
from .fit_abi import Fit
from .fit_library import FittedModel, fit_source
from .method import explicit
from .observed import Observed, observable, observed
from .printer import Printer

HEADERS = {
    "solve": ("{0}", "record", "clock", "march", "control", "march_adaptive", "entry_solve"),
    "follow": ("{0}", "record", "clock", "march", "march_follow", "entry_solve"),
    "pull": ("{0}", "taken", "adjoint", "{0}_pull", "entry_pull"),
    "push": ("{0}", "taken", "{0}_push", "entry_push"),
}
"""What each purpose includes, by the kind of method."""
March = Literal["solve", "follow"]
MARCHES: tuple[March, ...] = ("solve", "follow")
"""Steps by error control, and those of a known mesh: two libraries, for hardly anybody needs both."""
LONG = 300
"""Statements of formulas from which loops over columns and factorisations (LOOPS) are functions of their own, with all
that the compiler can do: sensitivities of 100 states take a third to a quarter of the time by its vectors."""

NO_VECTORS, NO_PAIRS = (f'#pragma GCC optimize ("no-tree-{which}")' for which in ("vectorize", "slp-vectorize"))
"""For solves, whose vectors are written by hand: what the compiler reads as a vector has often just been written number
by number, and waits for that. Two stiff states would take a third longer, four a sixth, a network or ten states up to a
tenth. Long files have LOOPS that gain by vectors, and go without pairs only. Sensitivities would lose, and some ways
back."""


def fitted_by(march: March) -> tuple[str, ...]:
    """The libraries that fits call, of which the last is the same for all models."""
    return march, "push", "fit"


class Kernel:
    """The functions of a graph and a method for one kind of reals and one number of lanes (1, or a vector's width).

    `constants` (constant,) of the graph are given with the covariates, behind them.
    """

    def __init__(self, graph: Graph, tableau: Tableau | RosenbrockTableau, dtype: np.dtype, wide: bool) -> None:
        if not printable(graph):
            raise NotLowerable("the compiled engine has no tangent networks", help="another engine, auto decides")
        self.graph, self.tableau, self.dtype, self.wide = graph, tableau, np.dtype(dtype), wide
        self.n_states, self.n_parameters = len(graph.states), len(graph.parameters)
        self._functions: dict[str, Any] = {}
        self._fitted: dict[str, FittedModel] = {}
        self._libraries: dict[str, ctypes.CDLL] = {}
        text = shared(graph)
        self._shared, self.constants = text.graph, text.constants
        self._printer = Printer(text)

    @property
    def operations(self) -> int:
        """The size of f."""
        return self._printer.operations

    @property
    def tapes(self) -> bool:
        """The stages of a step can be kept: there are none that only dense output needs."""
        if isinstance(self.tableau, RosenbrockTableau):
            return False  # nor are there, but a step keeps more than its stages
        data = self.tableau.arrays
        return data.all == data.first

    def _side_by_side(self, purpose: str) -> bool:
        """Whether rows share vectors: not where derivatives by weights are wanted, which are gathered row by row."""
        return self.wide and not (purpose == "push" and self.graph.networks)

    def source(self, purpose: str) -> str:
        """The C file of one purpose, "solve", "follow", "pull", "push" or "fit"; its headers lie in kernels/."""
        if purpose == "fit":
            return fit_source(self.dtype)
        lines = opening(self.dtype, self._side_by_side(purpose), ("functions", "common", "dense", "field"))
        kind = "rosenbrock" if isinstance(self.tableau, RosenbrockTableau) else "explicit"
        includes = [f'#include "{name.format(kind)}.h"' for name in HEADERS[purpose]]
        printed = self._printed(purpose)
        long = sum(part.count("const R v") for part in printed) > LONG
        if purpose in MARCHES:
            lines = [NO_PAIRS if long else NO_VECTORS, *lines]
        if long:
            lines = ["#define LONG_FILE", *lines]
        return "\n".join([*lines, declaration(), *printed, *includes, ""])

    def _printed(self, purpose: str) -> tuple[str, ...]:
        printer = self._printer
        text = printer.text(purpose)
        if isinstance(self.tableau, RosenbrockTableau):
            from .rosenbrock_method import derivatives, moves_in_time, rosenbrock  # explicit methods do without

            timed = moves_in_time(self._shared, self.tableau)
            method = rosenbrock(self.tableau, printer.operations, timed)
            text += derivatives(printer, purpose, timed)
        else:
            method = explicit(self.tableau, printer.operations)
        if purpose == "push" and self._observed is not None:
            return text, self._observed.text, '#include "block.h"', '#include "entry_observe.h"', method
        return text, '#include "block.h"', method

    @cached_property
    def _observed(self) -> Observed | None:
        return observed(self._shared) if observable(self._shared) else None

    def _function(self, purpose: str) -> Any:
        if purpose not in self._functions:
            loaded = library(self.source(purpose))
            function = getattr(loaded, f"workbench_{'solve' if purpose in MARCHES else purpose}")
            more = [ctypes.POINTER(Fit)] if purpose == "fit" else [ctypes.c_int64, ctypes.c_int64]
            function.argtypes = [ctypes.POINTER(Task), *more]
            function.restype = ctypes.c_int
            self._functions[purpose], self._libraries[purpose] = function, loaded
            if purpose in MARCHES:
                loaded.workbench_tape_bytes.argtypes = [ctypes.c_int64]
                loaded.workbench_tape_bytes.restype = ctypes.c_int64
        return self._functions[purpose]

    def build(self, purposes: Sequence[str]) -> None:
        """Compile and load for these purposes, side by side; raises CompilerUnavailable."""
        with ThreadPoolExecutor(len(purposes)) as pool:
            list(pool.map(self._function, purposes))

    def lanes(self, march: March) -> int:
        """Trajectories that are solved side by side."""
        return int(self._library(march).workbench_lanes())

    def tape_bytes(self, march: March, width: int) -> int:
        """The memory in which the stages of `width` steps are kept for the way back."""
        return int(self._library(march).workbench_tape_bytes(width))

    def _library(self, purpose: str) -> ctypes.CDLL:
        self._function(purpose)
        return self._libraries[purpose]

    def call(self, purpose: str, task: Task, first: int, last: int) -> int:
        """Rows first … last of a task: 0, 1 (no memory) or 2 (the mesh is full).

        "solve" and "follow" take their steps; "pull" goes back over them, from gys to g_y0, and adds to g_p; "push"
        carries ∂y/∂(y0, p) along them, into `by`.
        """
        return int(self._function(purpose)(ctypes.byref(task), first, last))

    def fitted(self, march: March) -> FittedModel:
        """What fits that solve by a march are told of the model.

        Raises NotLowerable where a network is observed, CompilerUnavailable.
        """
        if march not in self._fitted:
            self._fitted[march] = self._fitted_by(march)
        return self._fitted[march]

    def _fitted_by(self, march: March) -> FittedModel:
        if self._observed is None:
            raise NotLowerable("a network is observed", help="observe states, or fit with workbench.fit")
        self.build(fitted_by(march))
        push = self._library("push")
        functions = {"solve": self._functions[march], "push": self._functions["push"]}
        functions["observe"] = push.workbench_observe
        return FittedModel(self.n_states, self.n_parameters, int(push.workbench_lanes()), self._observed, functions)

    def fit(self, task: Task, fit: Fit) -> int:
        """One Levenberg–Marquardt fit from fit.x: its status, or -1 (no memory); see kernels/least_squares.h."""
        return int(self._function("fit")(ctypes.byref(task), ctypes.byref(fit)))
