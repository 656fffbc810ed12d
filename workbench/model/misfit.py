"""A pointwise loss over channels: value, residuals and their derivative by the prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..contracts import Loss, Pointwise
from ..errors.numerics import NoFiniteSolution
from ..formula import parse
from ..graph import Graph, from_sympy

NAMES = ("y", "mu", "sigma")


class PointwiseFormulas:
    """A Pointwise loss, lowered once: each formula a function of y, mu (value,) and one sigma."""

    def __init__(self, loss: Pointwise) -> None:
        self.loss = loss
        texts = {"residual": loss.residual, "support": loss.support}
        texts |= {key: text for key, text in (("nll", loss.nll), ("derivative", loss.derivative)) if text}
        groups = {key: [parse(text, NAMES)] for key, text in texts.items()}
        self._graph: Graph = from_sympy(groups, states=("y", "mu"), parameters=("sigma",))
        support = self._graph.nodes[self._graph.groups["support"][0]]
        self.everywhere = support.op == "constant" and support.value > 0
        """Every prediction is admissible."""

    def _evaluate(self, group: str, y: np.ndarray, mu: np.ndarray, sigma: float) -> np.ndarray:
        points = np.column_stack([y, mu])
        return self._graph.function(group)(np.zeros(len(y)), points, None, None, np.array([sigma]))[:, 0]

    def residual(self, y: np.ndarray, mu: np.ndarray, sigma: float) -> np.ndarray:
        """(value,)"""
        return self._evaluate("residual", y, mu, sigma)

    def derivative(self, y: np.ndarray, mu: np.ndarray, sigma: float) -> np.ndarray:
        """∂residual/∂mu (value,)"""
        if self.loss.derivative:
            return self._evaluate("derivative", y, mu, sigma)
        points = np.column_stack([y, mu])
        function = self._graph.function("residual", ("y",))
        return function(np.zeros(len(y)), points, None, None, np.array([sigma]))[1][:, 0, 1]

    def nll(self, y: np.ndarray, mu: np.ndarray, sigma: float) -> np.ndarray:
        """(value,)"""
        return self._evaluate("nll", y, mu, sigma)

    def admissible(self, y: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """Where support > 0 (value,)."""
        return np.ones(len(y), dtype=bool) if self.everywhere else self._evaluate("support", y, mu, 1.0) > 0


@dataclass(frozen=True)
class Weights:
    """What a misfit holds besides the prediction: a scale a channel, and robust weights where they are frozen."""

    sigma: Mapping[int, float] = field(default_factory=dict)
    robust: np.ndarray | None = None  # (value,) √w, in the order of the residuals


class Misfit:
    """The loss of a prediction against values (observation, channel); missing ones are taken out before any arithmetic.

    `spread` (channel,) divides the channels' residuals; `scales` are given noise scales (channel → sigma), others are
    profiled. The value is the mean of ρ(residual) for a loss of differences and the sum of −log density for a
    likelihood.
    """

    def __init__(
        self,
        loss: Loss,
        channels: tuple[str, ...],
        noise: Mapping[str, str],
        spread: np.ndarray,
        scales: Mapping[str, float],
    ) -> None:
        kinds = [loss.pointwise(noise.get(channel, "gaussian")) for channel in channels]
        lowered = {kind.name: PointwiseFormulas(kind) for kind in kinds}
        self.formulas = [lowered[kind.name] for kind in kinds]
        self.channels, self.spread = channels, spread
        self.is_likelihood = all(kind.nll for kind in kinds)
        self._given = {i: scales[name] for i, name in enumerate(channels) if name in scales}

    @property
    def squares(self) -> bool:
        """The loss is the mean of squared differences, which declares no noise."""
        return all(f.loss.residual == "y - mu" and f.loss.rho == "linear" and not f.loss.nll for f in self.formulas)

    @property
    def scales_known(self) -> bool:
        """No channel's scale is profiled."""
        return all(f.loss.scale == "none" or i in self._given for i, f in enumerate(self.formulas))

    def sigma(self, values: np.ndarray, predicted: np.ndarray) -> dict[int, float]:
        """Channel → its scale: the given one, the profiled one, or 1 where the loss has none."""
        found = {}
        for i, formulas in enumerate(self.formulas):
            if formulas.loss.scale == "none" or i in self._given:
                found[i] = self._given.get(i, 1.0)
                continue
            seen = np.isfinite(values[:, i])
            r = formulas.residual(values[seen, i], predicted[seen, i], 1.0)
            found[i] = max(float(np.sqrt(np.mean(r * r))), 1e-150) if len(r) else 1.0
        return found

    def check(self, values: np.ndarray, predicted: np.ndarray) -> None:
        """Raise NoFiniteSolution where a prediction is not finite or outside the support of its noise."""
        for i, formulas in enumerate(self.formulas):
            seen = np.isfinite(values[:, i])
            y, mu = values[seen, i], predicted[seen, i]
            if not np.isfinite(mu).all():
                raise NoFiniteSolution(f"the prediction of {self.channels[i]} is not finite")
            if not formulas.admissible(y, mu).all():
                raise NoFiniteSolution(
                    f"the prediction of {self.channels[i]} leaves the support of {formulas.loss.name} noise"
                )

    def value(self, values: np.ndarray, predicted: np.ndarray, weights: Weights | None = None) -> float:
        """The loss; inf where the prediction is not finite or not admissible."""
        try:
            self.check(values, predicted)
        except NoFiniteSolution:
            return float("inf")
        with np.errstate(over="ignore"):  # what is too large to square is worth inf
            if self.is_likelihood and weights is None:
                return self.total_nll(values, predicted)
            r = self.residuals(values, predicted, weights or Weights())
            return 0.5 * float(r @ r) if weights is not None else float(np.sum(self._rho(r)))

    def total_nll(self, values: np.ndarray, predicted: np.ndarray, sigma: Mapping[int, float] | None = None) -> float:
        """The negative log-likelihood in data space; scales profiled on these very values unless they are given."""
        sigma = sigma or self.sigma(values, predicted)
        total = 0.0
        for i, formulas in enumerate(self.formulas):
            seen = np.isfinite(values[:, i])
            total += float(np.sum(formulas.nll(values[seen, i], predicted[seen, i], sigma[i])))
        return total

    def residuals(self, values: np.ndarray, predicted: np.ndarray, weights: Weights) -> np.ndarray:
        """Residuals of the observed values, channel after channel (value,)."""
        r, _ = self._rows(values, predicted, weights, slopes=False)
        return r

    def linear(
        self, values: np.ndarray, predicted: np.ndarray, weights: Weights
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Residuals, ∂residual/∂mu, and of which observation and channel each is (value,)."""
        r, slope = self._rows(values, predicted, weights, slopes=True)
        channel, observation = np.nonzero(np.isfinite(values.T))
        return r, slope, observation, channel

    def _rows(
        self, values: np.ndarray, predicted: np.ndarray, weights: Weights, slopes: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        n = max(int(np.isfinite(values).sum()), 1)
        rs, ds = [], []
        for i, formulas in enumerate(self.formulas):
            seen = np.isfinite(values[:, i])
            y, mu, sigma = values[seen, i], predicted[seen, i], weights.sigma.get(i, 1.0)
            # a mean of squares is half the squared norm of r·√(2/n); a likelihood is a plain sum
            factor = 1.0 if self.is_likelihood else 1.0 / self.spread[i]
            rs.append(formulas.residual(y, mu, sigma) * factor)
            if slopes:
                ds.append(formulas.derivative(y, mu, sigma) * factor)
        r = np.concatenate(rs) if rs else np.zeros(0)
        d = np.concatenate(ds) if ds else np.zeros(0)
        norm = 1.0 if self.is_likelihood else np.sqrt(2.0 / n)
        robust = 1.0 if weights.robust is None else weights.robust
        return r * norm * robust, d * norm * robust if slopes else d

    def _rho(self, r: np.ndarray) -> np.ndarray:
        """ρ of residuals that carry the factor √(2/n), summing to the mean of ρ."""
        kind = self.formulas[0].loss
        n = max(len(r), 1)
        plain = np.abs(r) * np.sqrt(n / 2)
        if kind.rho == "absolute":
            return plain / n
        if kind.rho == "huber":
            return np.where(plain <= kind.delta, plain**2 / 2, kind.delta * (plain - kind.delta / 2)) / n
        return plain**2 / n

    def weights(self, values: np.ndarray, predicted: np.ndarray) -> Weights:
        """The weights at a prediction: profiled scales, and √(ρ'(r)/r) where the loss is robust (Huber 1981, §7.8)."""
        kind = self.formulas[0].loss
        sigma = self.sigma(values, predicted)
        if kind.rho == "linear":
            return Weights(sigma)
        n = max(int(np.isfinite(values).sum()), 1)
        plain = np.abs(self.residuals(values, predicted, Weights(sigma))) * np.sqrt(n / 2)
        if kind.rho == "huber":
            w = np.where(plain <= kind.delta, 1.0, kind.delta / np.maximum(plain, kind.delta)) / 2
        else:  # |r|: below a thousandth of the median the weight stays finite
            floor = max(1e-3 * float(np.median(plain)), 1e-150) if len(plain) else 1.0
            w = 0.5 / np.maximum(plain, floor)
        return Weights(sigma, np.sqrt(w))
