"""The kit: what every plugin of a kind must pass, as pytest classes to inherit.

A distribution of plugins tests itself in a few lines; without `offer`, every installed one of the kind is tested:

    from workbench.testing import LossContract

    class TestMine(LossContract):
        offer = "mine"
"""

from .dynamics import DynamicsContract
from .experiments import ExperimentContract
from .losses import LossContract
from .optimizers import OptimizerContract
from .readers import ReaderContract
from .reporters import ReporterContract
from .solvers import SolverContract
from .strategies import StrategyContract

__all__ = [
    "DynamicsContract",
    "ExperimentContract",
    "LossContract",
    "OptimizerContract",
    "ReaderContract",
    "ReporterContract",
    "SolverContract",
    "StrategyContract",
]
