"""Read, fit, compare, predict, load: what a notebook calls and the command line prints."""

from ..fitting import FitBudget
from ..scaffolds import Scaffold
from .beginning import new
from .bootstrapping import Bootstrap, bootstrap
from .checking import Checked, check_plugin
from .comparing import compare, compare_runs, truth_of
from .comparison import Comparison
from .document import fit_document
from .ensembles import Ensemble, ensemble
from .exported import Exported, export
from .findings_document import document as findings_document
from .fitted import Fitted, load
from .gradient_check import GradientCheck, check_gradient
from .listing import dynamics, losses, plugins, problems, solvers
from .planning import plan
from .predicting import Prediction, predict
from .profiles import Profile, Profiles
from .profiling import profile
from .reproducing import Reproduced, experiments, reproduce
from .running import fit, fit_each, resume
from .simulating import Simulation, simulate
from .solves import prepare, solve
from .sources import read, read_problem

__all__ = [
    "Bootstrap",
    "Checked",
    "Comparison",
    "Ensemble",
    "Exported",
    "FitBudget",
    "Fitted",
    "GradientCheck",
    "Prediction",
    "Profile",
    "Profiles",
    "Reproduced",
    "Scaffold",
    "Simulation",
    "bootstrap",
    "check_gradient",
    "check_plugin",
    "compare",
    "compare_runs",
    "dynamics",
    "ensemble",
    "experiments",
    "export",
    "findings_document",
    "fit",
    "fit_document",
    "fit_each",
    "load",
    "losses",
    "new",
    "plan",
    "plugins",
    "predict",
    "prepare",
    "problems",
    "profile",
    "read",
    "read_problem",
    "reproduce",
    "resume",
    "simulate",
    "solve",
    "solvers",
    "truth_of",
]
