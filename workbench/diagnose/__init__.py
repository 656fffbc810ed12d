"""How far a fit can be trusted: scores, baselines, uncertainty, residual tests, the solver swap and the verdict.

Everything here takes arrays and gives plain dictionaries that JSON can hold: a value that cannot be computed is None,
never NaN and never a constant. NumPy at import; SciPy inside the functions that need it; torch never.
"""

from .beside_weights import errors_beside_weights, of_named
from .covariance import standard_errors
from .criteria import gaussian_nll, information_criteria
from .input_correlation import input_correlation
from .judgement import verdict
from .linear_ode import LinearOde, fit_linear_ode
from .modes import linear_system, modes
from .parts import given_values, scored
from .references import baselines
from .residual_tests import whiteness
from .scoring import metrics
from .starts import waterfall
from .steps_ahead import steps_ahead
from .swap import solver_swap
from .uncertainty import Uncertainty

__all__ = [
    "LinearOde",
    "Uncertainty",
    "baselines",
    "errors_beside_weights",
    "fit_linear_ode",
    "gaussian_nll",
    "given_values",
    "information_criteria",
    "input_correlation",
    "linear_system",
    "metrics",
    "modes",
    "of_named",
    "scored",
    "solver_swap",
    "standard_errors",
    "steps_ahead",
    "verdict",
    "waterfall",
    "whiteness",
]
