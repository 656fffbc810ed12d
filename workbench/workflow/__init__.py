"""Read, fit, compare, predict, load: what a notebook calls and the command line prints."""

from .comparing import Comparison, compare
from .fit import fit, fit_each, resume
from .fitted import Fitted, load
from .listing import dynamics, losses, plugins, problems, solvers
from .predicting import Prediction, predict
from .simulating import Simulation, simulate
from .solves import prepare, solve
from .sources import read, read_problem

__all__ = [
    "Comparison",
    "Fitted",
    "Prediction",
    "Simulation",
    "compare",
    "dynamics",
    "fit",
    "fit_each",
    "load",
    "losses",
    "plugins",
    "predict",
    "prepare",
    "problems",
    "read",
    "read_problem",
    "resume",
    "simulate",
    "solve",
    "solvers",
]
