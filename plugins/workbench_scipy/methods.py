"""The factories: one of SciPy's integrators each, imported when a solver is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .solver import ScipySolver


def _make(method: str, order: int | None, rtol: float, atol: float, first_step: float, max_step: float) -> ScipySolver:
    from .solver import ScipySolver

    return ScipySolver(method, order, rtol, atol, first_step, max_step)


def scipy_lsoda(rtol: float = 1e-6, atol: float = 1e-9, first_step: float = 0.0, max_step: float = 0.0) -> object:
    """LSODA; first_step and max_step 0: SciPy's own choice, no bound."""
    return _make("LSODA", None, rtol, atol, first_step, max_step)


def scipy_radau(rtol: float = 1e-6, atol: float = 1e-9, first_step: float = 0.0, max_step: float = 0.0) -> object:
    """Radau IIA of three stages."""
    return _make("Radau", 5, rtol, atol, first_step, max_step)


def scipy_bdf(rtol: float = 1e-6, atol: float = 1e-9, first_step: float = 0.0, max_step: float = 0.0) -> object:
    """BDF with quasi-constant steps."""
    return _make("BDF", None, rtol, atol, first_step, max_step)


def scipy_dop853(rtol: float = 1e-6, atol: float = 1e-9, first_step: float = 0.0, max_step: float = 0.0) -> object:
    """Dormand and Prince's method of order 8."""
    return _make("DOP853", 8, rtol, atol, first_step, max_step)
