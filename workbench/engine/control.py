"""How long the next step is, by one of the controllers as data, and the first step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .arrays import NumpyArrays, TorchArrays
from .controllers import CONTROLLERS, Controller
from .flow import Clock, Flow
from .newton import PATIENCE

Array = Any


@dataclass(frozen=True)
class Control:
    """The norm of errors, and what a controller (see `controllers`) makes of them.

    The theory is Gustafsson's (1991, ACM TOMS 17, 533–554) and Söderlind's (2003, ACM TOMS 29, 1–26). After a rejection
    the step does not grow at once.
    """

    rtol: float
    atol: np.ndarray  # (entry,) or ()
    k: int  # the error estimate is of size h^k
    safety: float = 0.9
    shrink: float = 0.2
    grow: float = 10.0
    controller: Controller = CONTROLLERS["pi"]

    @cached_property
    def exponents(self) -> tuple[float, float, float]:
        """Those of 1/e in this step, the last one and the one before it."""
        one, two, three = (float(beta / self.k) for beta in self.controller.beta)
        return one, two, three

    def error(
        self, arrays: NumpyArrays | TorchArrays, errors: Sequence[Array], size: Array, size1: Array
    ) -> np.ndarray:
        """The error of a step per row, 1 being the tolerance; NaN or inf where it has none.

        Several estimates combine as e₁²/√(e₁² + 0.01 Σ e_j²) (Hairer, Nørsett & Wanner, Solving ODEs I, II.10).
        """
        norms = arrays.scaled_norms(errors, size, size1, self.rtol, self.atol)
        if len(norms) == 1:
            return norms[0]
        lead = norms[0] ** 2
        rest = sum(norm**2 for norm in norms[1:])
        return np.where(lead == 0, 0.0 * rest, lead / np.sqrt(lead + 0.01 * rest))

    def factor(self, error: np.ndarray, previous: np.ndarray, before: np.ndarray, growth: np.ndarray) -> np.ndarray:
        """How much longer the next step may be (rows,), before any ceiling; `shrink` where the error is not finite.

        `previous` and `before` are the errors of the last two accepted steps, `growth` is how much longer this step is
        than the last accepted one, NaN where there was none.
        """
        one, two, three = self.exponents
        factor = error**-one
        factor *= previous**-two
        if three:
            factor *= before**-three
        if self.controller.predictive:
            factor = np.fmin(factor * growth, error ** (-1.0 / self.k))
        factor *= self.safety
        return np.fmax(factor, self.shrink)

    def held(self, factor: np.ndarray, iterations: np.ndarray | None) -> np.ndarray:
        """The factor (rows,) after a step whose equations took that many `iterations`, and not for a little growth.

        More iterations, shorter steps (Hairer & Wanner, Solving ODEs II, 2nd ed., IV.8): half of it where there were
        too many. After more than half of those no step grows, for it would be too long at once (the step that keeps a
        rate of convergence: Gustafsson & Söderlind 1997, SIAM J. Sci. Comput. 18, 23–40).
        """
        if iterations is not None:
            share = (2 * PATIENCE + 1) / (2 * PATIENCE + iterations)
            slow = np.where(iterations > PATIENCE // 2, 1.0, np.inf)
            factor = np.where(np.isinf(iterations), np.fmin(factor, 0.5), np.fmin(share * factor, slow))
        if self.controller.hold > 1.0:
            factor = np.where((factor > 1.0) & (factor < self.controller.hold), 1.0, factor)
        return factor

    def retry(self, error: np.ndarray) -> np.ndarray | float:
        """How long a rejected step may be at most, as a share of what was tried (rows,)."""
        if not self.controller.retry:
            return 0.9
        return np.fmax(np.fmin(self.safety * error ** (-1.0 / self.k), 0.9), self.shrink)

    def first_step(
        self,
        arrays: NumpyArrays | TorchArrays,
        f: Flow,
        clock: Clock,
        row: np.ndarray,
        y: Array,
        k: Array,
        span: np.ndarray,
    ) -> np.ndarray:
        """A first step per row from the sizes of y, y' and y'' (Solving ODEs I, II.4); one evaluation of f."""
        size = arrays.magnitude(y)
        d0 = arrays.scaled_norms([y], size, size, self.rtol, self.atol)[0]
        d1 = arrays.scaled_norms([k], size, size, self.rtol, self.atol)[0]
        small = (d0 < 1e-5) | (d1 < 1e-5)
        h0 = np.minimum(np.where(small, 1e-6 * span, 0.01 * d0 / np.where(d1 > 0, d1, 1.0)), span)
        zero = np.zeros_like(span)
        t, middle, step = clock.times(zero, h0, np.ones((1, 1)))
        y1 = y + arrays.column(step) * k
        d2 = arrays.scaled_norms([f(t[0], y1, row, middle) - k], size, size, self.rtol, self.atol)[0] / h0
        steep = np.maximum(d1, d2)
        h1 = np.where(
            steep > 1e-15, (0.01 / np.maximum(steep, 1e-15)) ** (1.0 / self.k), np.maximum(1e-6 * span, 1e-3 * h0)
        )
        return np.fmin(np.fmin(100.0 * h0, h1), span)
