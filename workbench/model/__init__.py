"""A Model is dynamics and a solver on a problem; a Trial is the model at one vector of unknowns, computed on demand."""

from .model import Model
from .selection import Selection
from .trial import Trial

__all__ = ["Model", "Selection", "Trial"]
