"""A System: equations as text with parameters, initial values and a source, and what can be made of them."""

from .parts import (
    Clock,
    Covariate,
    EndValue,
    Event,
    Expression,
    Input,
    Network,
    Observed,
    Parameter,
    Scaling,
    State,
)
from .system import System

__all__ = [
    "Clock",
    "Covariate",
    "EndValue",
    "Event",
    "Expression",
    "Input",
    "Network",
    "Observed",
    "Parameter",
    "Scaling",
    "State",
    "System",
]
