"""Fit learned dynamics to observed trajectories.

Every public name is loaded on first use, so that `import workbench` costs next to nothing:

>>> import workbench as wb
>>> "fit" in dir(wb)
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import contracts as contracts
    from . import errors as errors
    from .contracts import Event as Event
    from .dataset import Dataset as Dataset
    from .dataset import Inputs as Inputs
    from .dataset import Table as Table
    from .engine import Tableau as Tableau
    from .graph import Graph as Graph
    from .graph import from_function as from_function
    from .graph import from_module as from_module
    from .graph import from_network as from_network
    from .graph import from_sympy as from_sympy
    from .hookspecs import hookimpl as hookimpl
    from .offers import Offer as Offer
    from .problem import Problem as Problem
    from .runs import Run as Run
    from .runs.guard import open_hdf5 as open_hdf5
    from .solving import Signal as Signal
    from .system import System as System
    from .unknowns import Block as Block
    from .unknowns import Unknowns as Unknowns
    from .workflow import Bootstrap as Bootstrap
    from .workflow import Comparison as Comparison
    from .workflow import Ensemble as Ensemble
    from .workflow import Exported as Exported
    from .workflow import Fitted as Fitted
    from .workflow import Prediction as Prediction
    from .workflow import Profile as Profile
    from .workflow import Profiles as Profiles
    from .workflow import Reproduced as Reproduced
    from .workflow import Simulation as Simulation
    from .workflow import bootstrap as bootstrap
    from .workflow import check_plugin as check_plugin
    from .workflow import compare as compare
    from .workflow import compare_runs as compare_runs
    from .workflow import dynamics as dynamics
    from .workflow import ensemble as ensemble
    from .workflow import experiments as experiments
    from .workflow import export as export
    from .workflow import fit as fit
    from .workflow import fit_each as fit_each
    from .workflow import load as load
    from .workflow import losses as losses
    from .workflow import new as new
    from .workflow import plugins as plugins
    from .workflow import predict as predict
    from .workflow import prepare as prepare
    from .workflow import problems as problems
    from .workflow import profile as profile
    from .workflow import read as read
    from .workflow import read_problem as read_problem
    from .workflow import reproduce as reproduce
    from .workflow import resume as resume
    from .workflow import simulate as simulate
    from .workflow import solve as solve
    from .workflow import solvers as solvers
    from .workflow import truth_of as truth_of

    __version__: str

_HOME = {
    "contracts": "",
    "errors": "",
    "Event": "contracts",
    "Dataset": "dataset",
    "Inputs": "dataset",
    "Table": "dataset",
    "Tableau": "engine",
    "Graph": "graph",
    "from_function": "graph",
    "from_module": "graph",
    "from_network": "graph",
    "from_sympy": "graph",
    "hookimpl": "hookspecs",
    "Offer": "offers",
    "Problem": "problem",
    "Run": "runs",
    "open_hdf5": "runs.guard",
    "Signal": "solving",
    "System": "system",
    "Block": "unknowns",
    "Unknowns": "unknowns",
    "Bootstrap": "workflow",
    "Comparison": "workflow",
    "Ensemble": "workflow",
    "Exported": "workflow",
    "Fitted": "workflow",
    "Prediction": "workflow",
    "Profile": "workflow",
    "Profiles": "workflow",
    "Reproduced": "workflow",
    "Simulation": "workflow",
    "bootstrap": "workflow",
    "check_plugin": "workflow",
    "compare": "workflow",
    "compare_runs": "workflow",
    "dynamics": "workflow",
    "ensemble": "workflow",
    "export": "workflow",
    "experiments": "workflow",
    "fit": "workflow",
    "fit_each": "workflow",
    "load": "workflow",
    "losses": "workflow",
    "new": "workflow",
    "plugins": "workflow",
    "predict": "workflow",
    "prepare": "workflow",
    "problems": "workflow",
    "profile": "workflow",
    "read": "workflow",
    "read_problem": "workflow",
    "reproduce": "workflow",
    "resume": "workflow",
    "simulate": "workflow",
    "solve": "workflow",
    "solvers": "workflow",
    "truth_of": "workflow",
}
"""Public name → the module it lives in ("": it is a module itself); the block above says the same to type checkers."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("dynamics-workbench")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not _HOME[name]:
        return importlib.import_module(f".{name}", __name__)
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*_HOME, "__version__"})
