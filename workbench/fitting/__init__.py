"""The fit: objectives made of a model, the task that strategies work on, and the generator that yields steps."""

from .budget import Clock, FitBudget
from .loop import steps
from .multistart import Multistart, best_start
from .task import FitTask

__all__ = ["Clock", "FitBudget", "FitTask", "Multistart", "best_start", "steps"]
