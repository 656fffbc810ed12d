"""Exported programs read back: each language's rhs and observe as functions of one time and state."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .form import Form

Function = Callable[[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(t, y, u, c, p) → values; what the model does not have is an empty array."""


@dataclass(frozen=True)
class Reread:
    """What an exported program computes, and the numbers that it holds, as (trajectory, …)."""

    rhs: Function
    observe: Function
    p: np.ndarray
    y0: np.ndarray


def from_python(text: str, form: Form) -> Reread:
    """A Python file, executed as a module of its own."""
    module = _executed(text)
    return Reread(module["rhs"], module["observe"], _each(module["P"], form), module["Y0"])


def from_torch(text: str, form: Form) -> Reread:
    """A torch file: its module evaluated without derivatives."""
    import torch

    module = _executed(text)
    model = module["Model"]()

    def called(name: str) -> Function:
        def evaluate(t: float, y: Any, u: Any, c: Any, p: Any) -> np.ndarray:
            with torch.no_grad():
                model.p.copy_(torch.tensor(p))
                given = [torch.as_tensor(np.asarray(each, dtype=float)) for each in (y, u, c)]
                if not len(y):
                    given[0] = torch.zeros(1, dtype=torch.float64)
                return np.asarray(getattr(model, name)(torch.tensor(t, dtype=torch.float64), *given).numpy())

        return evaluate

    return Reread(called("forward"), called("observe"), _each(module["P"], form), module["Y0"])


def from_sympy(text: str, form: Form) -> Reread:
    """A file of SymPy expressions, made into NumPy functions by SymPy."""
    import sympy

    module = _executed(text)
    symbols = [module["t"], *(module[kind] for kind in "yucp")]

    def called(name: str) -> Function:
        function = sympy.lambdify(symbols, module[name], modules=["scipy", "numpy"], cse=True)
        return lambda t, y, u, c, p: np.array(function(t, y, u, c, p), dtype=float)

    return Reread(called("rhs"), called("observed"), _each(module["P"], form), module["Y0"])


def from_c(text: str, form: Form) -> Reread:
    """A C file, compiled into a library; raises CompilerUnavailable and its children."""
    from ..compiled.compiler import find_compiler

    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "model.c"), Path(folder, "model.so")
        source.write_text(text, encoding="ascii")
        find_compiler().build(source, Path(folder), library)
        loaded = ctypes.CDLL(str(library))  # stays mapped after the file is gone
    pointer = ctypes.POINTER(ctypes.c_double)

    def called(name: str, size: int) -> Function:
        function = getattr(loaded, name)
        function.argtypes, function.restype = [ctypes.c_double, *[pointer] * 5], None

        def evaluate(t: float, y: Any, u: Any, c: Any, p: Any) -> np.ndarray:
            out = np.zeros(max(size, 1))
            given = [np.ascontiguousarray(each, dtype=float) for each in (y, u, c, p)]
            function(t, *(each.ctypes.data_as(pointer) for each in given), out.ctypes.data_as(pointer))
            return out[:size]

        return evaluate

    def table(name: str, rows: int, columns: int) -> np.ndarray:
        stored = (ctypes.c_double * (rows * max(columns, 1))).in_dll(loaded, name)
        return np.array(stored).reshape(rows, -1)[:, :columns]

    n = len(form.trajectories)
    p = table("model_p", 1 if form.shared else n, form.p.shape[1])
    rhs = called("model_rhs", len(form.graph.states))
    return Reread(
        rhs, called("model_observe", len(form.channels)), _each(p, form), table("model_y0", n, form.y0.shape[1])
    )


def _each(p: np.ndarray, form: Form) -> np.ndarray:
    return np.broadcast_to(p, (len(form.trajectories), p.shape[1]))


def _executed(text: str) -> dict[str, Any]:
    """The names that a file defines. It was printed by this program: generated code, sanitized names and numbers."""
    module: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text, "<exported>", "exec"), module)
    return module
