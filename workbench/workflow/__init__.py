"""Read, fit, compare, predict, load: what a notebook calls and the command line prints.

A name is loaded on first use, with what it needs and no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..on_first_use import on_first_use

if TYPE_CHECKING:
    from ..fitting import FitBudget as FitBudget
    from ..scaffolds import Scaffold as Scaffold
    from .beginning import new as new
    from .bootstrapping import Bootstrap as Bootstrap
    from .bootstrapping import bootstrap as bootstrap
    from .checking import Checked as Checked
    from .checking import check_plugin as check_plugin
    from .comparing import compare as compare
    from .comparing import compare_runs as compare_runs
    from .comparing import truth_of as truth_of
    from .comparison import Comparison as Comparison
    from .document import fit_document as fit_document
    from .ensembles import Ensemble as Ensemble
    from .ensembles import ensemble as ensemble
    from .exported import Exported as Exported
    from .exported import export as export
    from .findings_json import findings_document as findings_document
    from .fitted import Fitted as Fitted
    from .fitted import load as load
    from .gradient_check import GradientCheck as GradientCheck
    from .gradient_check import check_gradient as check_gradient
    from .listing import dynamics as dynamics
    from .listing import losses as losses
    from .listing import plugins as plugins
    from .listing import problems as problems
    from .listing import solvers as solvers
    from .planning import plan as plan
    from .predicting import Prediction as Prediction
    from .predicting import predict as predict
    from .profiles import Profile as Profile
    from .profiles import Profiles as Profiles
    from .profiling import profile as profile
    from .reproducing import Reproduced as Reproduced
    from .reproducing import experiments as experiments
    from .reproducing import reproduce as reproduce
    from .running import fit as fit
    from .running import fit_each as fit_each
    from .running import resume as resume
    from .simulating import Simulation as Simulation
    from .simulating import simulate as simulate
    from .solves import prepare as prepare
    from .solves import solve as solve
    from .sources import read as read
    from .sources import read_problem as read_problem

_HOME = {
    "Bootstrap": ".bootstrapping",
    "Checked": ".checking",
    "Comparison": ".comparison",
    "Ensemble": ".ensembles",
    "Exported": ".exported",
    "FitBudget": "..fitting",
    "Fitted": ".fitted",
    "GradientCheck": ".gradient_check",
    "Prediction": ".predicting",
    "Profile": ".profiles",
    "Profiles": ".profiles",
    "Reproduced": ".reproducing",
    "Scaffold": "..scaffolds",
    "Simulation": ".simulating",
    "bootstrap": ".bootstrapping",
    "check_gradient": ".gradient_check",
    "check_plugin": ".checking",
    "compare": ".comparing",
    "compare_runs": ".comparing",
    "dynamics": ".listing",
    "ensemble": ".ensembles",
    "experiments": ".reproducing",
    "export": ".exported",
    "findings_document": ".findings_json",
    "fit": ".running",
    "fit_document": ".document",
    "fit_each": ".running",
    "load": ".fitted",
    "losses": ".listing",
    "new": ".beginning",
    "plan": ".planning",
    "plugins": ".listing",
    "predict": ".predicting",
    "prepare": ".solves",
    "problems": ".listing",
    "profile": ".profiling",
    "read": ".sources",
    "read_problem": ".sources",
    "reproduce": ".reproducing",
    "resume": ".running",
    "simulate": ".simulating",
    "solve": ".solves",
    "solvers": ".listing",
    "truth_of": ".comparing",
}
"""Public name → the module it lives in; the block above says the same to type checkers."""

__getattr__, __dir__ = on_first_use(__name__, _HOME)
