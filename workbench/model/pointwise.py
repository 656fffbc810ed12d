"""A pointwise loss lowered to functions of arrays, for values as they are and for values beyond a limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts import Pointwise
from ..formula import parse
from ..graph import Graph, from_sympy
from .profiling import likeliest
from .tails import tail

NAMES = ("y", "mu", "sigma")
Sigma = float | np.ndarray  # one for all values, or one each (value,)


class PointwiseFormulas:
    """A Pointwise loss, lowered once: each formula a function of y, mu (value,) and sigma, one number or (value,)."""

    def __init__(self, loss: Pointwise) -> None:
        self.loss = loss
        texts = {"residual": loss.residual, "support": loss.support}
        optional = ("nll", "derivative", "z", "information")
        texts |= {key: text for key in optional if (text := getattr(loss, key))}
        groups = {key: [parse(text, NAMES)] for key, text in texts.items()}
        self._graph: Graph = from_sympy(groups, states=("y", "mu"), parameters=("sigma",))
        support = self._graph.nodes[self._graph.groups["support"][0]]
        self.everywhere = support.op == "constant" and support.value > 0
        """Every prediction is admissible."""

    def _evaluate(self, group: str, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        return self._graph.function(group)(*_arguments(y, mu, sigma))[:, 0]

    def _slope(self, group: str, by: str, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """The derivative of a formula by mu or sigma (value,)."""
        _, slopes = self._graph.function(group, ("y",) if by == "mu" else ("p",))(*_arguments(y, mu, sigma))
        return slopes[:, 0, 1 if by == "mu" else 0]

    def residual(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """(value,)"""
        return self._evaluate("residual", y, mu, sigma)

    def derivative(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """∂residual/∂mu (value,)"""
        if self.loss.derivative:
            return self._evaluate("derivative", y, mu, sigma)
        return self._slope("residual", "mu", y, mu, sigma)

    def nll(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """(value,)"""
        return self._evaluate("nll", y, mu, sigma)

    def nll_by_log_sigma(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """∂nll/∂log sigma (value,)"""
        return self._slope("nll", "sigma", y, mu, sigma) * sigma

    def information(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """How sharply a value speaks of mu (value,): the expected ∂²nll/∂mu²."""
        if self.loss.information:
            return self._evaluate("information", y, mu, sigma)
        return self.derivative(y, mu, sigma) ** 2

    def admissible(self, y: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """Where support > 0 (value,)."""
        return np.ones(len(y), dtype=bool) if self.everywhere else self._evaluate("support", y, mu, 1.0) > 0

    def beyond(self, y: np.ndarray) -> np.ndarray:
        """Which values only say that the true one lies beyond them (value,)."""
        return np.zeros(len(y), dtype=bool)

    def shown(self, y: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """What the instrument would show of mu where it showed y (value,)."""
        return mu

    def profiled(self, y: np.ndarray, mu: np.ndarray, known: Sigma = 1.0) -> float:
        """The scale that is likeliest, or as the loss says; sigma is it times `known`, a number or one a value.

        1 where no value has one to tell.
        """
        seen = ~self.beyond(y)
        if not seen.any():
            return 1.0
        each = known if isinstance(known, float) else known[seen]
        start = "residual" if self.loss.scale == "rms" else "z" if self.loss.z else ""
        r = self._evaluate(start, y[seen], mu[seen], each) if start else np.ones(1)
        size = float(np.sqrt(np.mean(r * r)))
        if self.loss.scale == "rms" and seen.all():
            return max(size, self.loss.least_scale)
        begin = size if self.loss.least_scale < size < np.inf else 1.0

        def slope(u: float) -> float:
            with np.errstate(all="ignore"):
                return float(np.sum(self.nll_by_log_sigma(y, mu, np.exp(u) * known)))

        return likeliest(slope, begin, self.loss.least_scale)


class CensoredFormulas(PointwiseFormulas):
    """The same for a channel whose instrument shows nothing below `lower` or above `upper`.

    A value at or beyond a limit is worth −log of the probability of all that lies beyond it (Tobin 1958, Econometrica
    26, 24–36); its residual is √(2·nll), which is 0 far inside and grows like the plain one outside.
    """

    def __init__(self, loss: Pointwise, lower: float, upper: float) -> None:
        super().__init__(loss)
        self.lower, self.upper = lower, upper

    def beyond(self, y: np.ndarray) -> np.ndarray:
        """Which values lie at or beyond a limit (value,)."""
        return (y <= self.lower) | (y >= self.upper)

    def admissible(self, y: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """Where support > 0, the limit in place of what lies beyond it (value,)."""
        return super().admissible(self._at_limits(y), mu)

    def shown(self, y: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """y itself where mu lies beyond the same limit, else mu (value,)."""
        agreed = np.where(y <= self.lower, mu <= self.lower, mu >= self.upper)
        return np.where(self.beyond(y) & agreed, y, mu)

    def _at_limits(self, y: np.ndarray) -> np.ndarray:
        return np.clip(y, self.lower, self.upper)

    def _tail(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> tuple[np.ndarray, ...]:
        """nll, its first two derivatives by z, and which way z counts (value,)."""
        way = np.where(y <= self.lower, 1.0, -1.0)
        z = self._evaluate("z", self._at_limits(y), mu, sigma)
        nll, first, second = tail(way * z, self.loss.freedom)
        return nll, way * first, second

    def _mixed(self, y: np.ndarray, plain: np.ndarray, censored: np.ndarray) -> np.ndarray:
        return np.where(self.beyond(y), censored, plain)

    def residual(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """(value,)"""
        nll, first, _ = self._tail(y, mu, sigma)
        plain = super().residual(self._at_limits(y), mu, sigma)
        return self._mixed(y, plain, np.sign(first) * np.sqrt(2 * nll))

    def derivative(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """∂residual/∂mu (value,)"""
        nll, first, _ = self._tail(y, mu, sigma)
        by_mu = self._slope("z", "mu", self._at_limits(y), mu, sigma)
        plain = super().derivative(self._at_limits(y), mu, sigma)
        root = np.sqrt(2 * np.maximum(nll, 1e-300))
        return self._mixed(y, plain, np.abs(first) * by_mu / root)

    def nll(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """(value,)"""
        return self._mixed(y, super().nll(self._at_limits(y), mu, sigma), self._tail(y, mu, sigma)[0])

    def nll_by_log_sigma(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """∂nll/∂log sigma (value,)"""
        by_sigma = self._slope("z", "sigma", self._at_limits(y), mu, sigma) * sigma
        plain = super().nll_by_log_sigma(self._at_limits(y), mu, sigma)
        return self._mixed(y, plain, self._tail(y, mu, sigma)[1] * by_sigma)

    def information(self, y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> np.ndarray:
        """How sharply a value speaks of mu (value,); of one beyond a limit the very curvature, by z, of its nll."""
        by_mu = self._slope("z", "mu", self._at_limits(y), mu, sigma)
        plain = super().information(self._at_limits(y), mu, sigma)
        return self._mixed(y, plain, self._tail(y, mu, sigma)[2] * by_mu**2)


def _arguments(y: np.ndarray, mu: np.ndarray, sigma: Sigma) -> tuple[Any, ...]:  # of Graph.function
    each = np.reshape(np.asarray(sigma, dtype=float), (-1,) if np.ndim(sigma) == 0 else (-1, 1))
    return np.zeros(len(y)), np.column_stack([y, mu]), None, None, each
