"""The one door to the engines: y(ts) of dy/dt = f(t, y) for any callable or module, on NumPy or torch."""

from __future__ import annotations

from .door import solve
from .prepared import Prepared, prepare
from .signals import Signal
from .solution import Solution

__all__ = ["Prepared", "Signal", "Solution", "prepare", "solve"]
