"""An exported model against the run: its functions at the run's states, and a solve with them by the run's solver."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors.usage import NotExportable
from ..exporting import Curves, Form
from ..exporting.rereading import Reread, from_c, from_python, from_sympy, from_torch
from ..model import Model, Selection

if TYPE_CHECKING:
    from .fitted import Fitted

BOUND = 1e-9
"""Of the channel's spread: what an exported program may differ by. Roundings of another order give 1e-15 to 1e-12."""


@dataclass(frozen=True)
class Agreement:
    """The largest differences, relative to the largest value of each component; `solution` is None without a solve."""

    functions: float
    solution: float | None
    bound: float = BOUND

    @property
    def holds(self) -> bool:
        """Both are within the bound."""
        return self.functions <= self.bound and (self.solution is None or self.solution <= self.bound)

    def document(self) -> dict[str, Any]:
        """As `export --json` shows it."""
        return {"functions": self.functions, "solution": self.solution, "bound": self.bound, "holds": self.holds}


class _Foreign:
    """An exported rhs as a right-hand side of the engine, line by line; derivatives stay those of the model."""

    def __init__(self, own: Any, model: Model, rows: np.ndarray, reread: Reread) -> None:
        self.own, self.model, self.rows, self.reread = own, model, rows, reread

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def __call__(self, t: np.ndarray, y: np.ndarray, row: np.ndarray, middle: np.ndarray) -> np.ndarray:
        numbers = self.rows[row]
        u = self.model.inputs(t, numbers, middle) if self.model.inputs else np.zeros((len(t), 0))
        return _lines(self.reread.rhs, self.reread.p, self.model, t, y, u, numbers)


class _WithForeign(Model):
    """The model of a run with another's right-hand side and observation."""

    def __init__(self, model: Model, reread: Reread) -> None:
        self.__dict__.update(model.__dict__)
        self.compiled, self._reread = None, reread
        self._own = model

    def rhs(self, x: np.ndarray, rows: np.ndarray) -> Any:
        """f of the trajectories `rows`, by the exported program."""
        return _Foreign(super().rhs(x, rows), self._own, rows, self._reread)

    def initial(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """The starts that the exported program holds."""
        return np.array(self._reread.y0), None

    def observe(self, x: np.ndarray, t: np.ndarray, y: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """The channels, by the exported program."""
        return _observed(self._reread, self._own, t, y, numbers)


def agreement_of(fitted: Fitted, form: Form, format: str, text: str) -> Agreement:
    """How an exported program compares with its run; raises NotExportable for what no program reads back."""
    readers: dict[str, Callable[[str, Form], Reread]] = {
        "python": from_python,
        "c": from_c,
        "torch": from_torch,
        "sympy": from_sympy,
    }
    if format not in readers:
        raise NotExportable(
            f"{format} is written for people: nothing reads it back", help="--verify with sympy, its expressions"
        )
    reread = readers[format](text, form)
    model, x, run = fitted.session.model, fitted.session.x, fitted.run
    data = model.data
    numbers = data.trajectory_of
    if run.states is None or run.prediction is None:
        raise NotExportable(
            "the run holds no prediction to compare with", help="let the fit end, or leave --verify out"
        )
    states = np.asarray(run.states)
    there = np.isfinite(states).all(axis=1)
    t, y, numbers = data.t[there], states[there], numbers[there]
    u = model.inputs(t, numbers, t) if model.inputs else np.zeros((len(t), 0))
    found = _lines(reread.rhs, reread.p, model, t, y, u, numbers)
    own = model.rhs(x, np.arange(data.n_trajectories))
    functions = _difference(found, np.asarray(own(t, y, numbers, t))) if len(model.field.states) else 0.0
    functions = max(functions, _difference(_observed(reread, model, t, y, numbers), model.observe(x, t, y, numbers)))
    with np.errstate(all="ignore"):
        trial = _WithForeign(model, reread).trial(x, Selection.of(data))
        predicted = trial.predicted
    return Agreement(functions, _difference(predicted, np.asarray(run.prediction)))


def _lines(
    function: Any, p: np.ndarray, model: Model, t: np.ndarray, y: np.ndarray, u: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
    """A function of one time and state, at many (line, …)."""
    c = model.covariates
    none = np.zeros(0)
    values = [
        function(float(t[i]), y[i], u[i], none if c is None else c[k], p[k]) for i, k in enumerate(numbers.tolist())
    ]
    return np.array(values, dtype=float).reshape(len(t), -1)


def _observed(reread: Reread, model: Model, t: np.ndarray, y: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    u = model.inputs(t, numbers, t) if model.inputs else np.zeros((len(t), 0))
    return _lines(reread.observe, reread.p, model, t, y, u, numbers)


def _difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, relative to the largest value of its column; infinite where one of both is missing."""
    if found.shape != wanted.shape or (np.isfinite(found) != np.isfinite(wanted)).any():
        return float("inf")
    scale = np.nanmax(np.abs(wanted), axis=0, initial=0.0)
    off = np.nanmax(np.abs(found - wanted), axis=0, initial=0.0)
    return float(np.max(np.where(scale > 0, off / np.where(scale > 0, scale, 1.0), off), initial=0.0))


def table_agreement(curves: Curves, written: str | Path) -> Agreement:
    """How the columns of a CSV text or of a netCDF file compare with the run."""
    columns = list(curves.columns())
    wanted = np.column_stack([curves.data.t, *(values for _, _, values in columns)])
    if isinstance(written, Path):
        from scipy.io import netcdf_file

        with netcdf_file(str(written), "r", mmap=False) as file:
            names = [name for name, variable in file.variables.items() if variable.dimensions == ("observation",)]
            found = np.column_stack(
                [np.array(file.variables[name][:], dtype=float) for name in names if name != "part"]
            )
    else:
        rows = list(csv.reader(io.StringIO(written)))[1:]
        found = np.array([[float(cell or "nan") for cell in (row[1], *row[3:])] for row in rows])
    return Agreement(_difference(found, wanted), None)
