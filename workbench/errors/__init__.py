"""Every error of the workbench, one module a family of codes (the first letter is the exit code).

usage U · problems S (problem files and formulas) · data D · numerics N · store R · plugins P
"""

from . import data, numerics, plugins, problems, store, usage
from .base import EXIT_CODES, Where, WorkbenchError, explanations

__all__ = [
    "EXIT_CODES",
    "Where",
    "WorkbenchError",
    "data",
    "explanations",
    "numerics",
    "plugins",
    "problems",
    "store",
    "usage",
]
