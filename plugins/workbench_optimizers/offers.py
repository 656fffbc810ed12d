"""The options of the optimizers, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .first_order import Moments
    from .lbfgs import Lbfgs
    from .levenberg import LevenbergMarquardt
    from .scipy_least_squares import ScipyLeastSquares


def levenberg_marquardt(ftol: float = 1e-10, xtol: float = 1e-10, damping: float = 1e-3) -> LevenbergMarquardt:
    """Levenberg–Marquardt; `damping` is the first λ, in units of the squared column norms."""
    from .levenberg import LevenbergMarquardt

    return LevenbergMarquardt(ftol, xtol, damping)


def least_squares(ftol: float = 1e-10, max_rounds: int = 50) -> ScipyLeastSquares:
    """SciPy's least_squares; at most `max_rounds` minimisations with frozen weights."""
    from .scipy_least_squares import ScipyLeastSquares

    return ScipyLeastSquares(ftol, max_rounds)


def lbfgs(memory: int = 20, gtol: float = 1e-9, ftol: float = 1e-12) -> Lbfgs:
    """L-BFGS with `memory` curvature pairs."""
    from .lbfgs import Lbfgs

    return Lbfgs(memory, gtol, ftol)


def adam(
    rate: float = 1e-2, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, patience: int = 200
) -> Moments:
    """Adam (Kingma & Ba 2015, algorithm 1)."""
    from .first_order import Moments

    return Moments("adam", rate, beta1, beta2, eps, patience=patience)


def adamw(
    rate: float = 1e-2,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    decay: float = 1e-2,
    patience: int = 200,
) -> Moments:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2)."""
    from .first_order import Moments

    return Moments("adamw", rate, beta1, beta2, eps, decay, patience=patience)


def rmsprop(rate: float = 1e-3, alpha: float = 0.99, eps: float = 1e-8, patience: int = 200) -> Moments:
    """RMSprop (Tieleman & Hinton 2012), without momentum."""
    from .first_order import Moments

    return Moments("rmsprop", rate, 0.0, alpha, eps, unbias=False, patience=patience)
