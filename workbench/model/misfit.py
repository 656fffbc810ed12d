"""A pointwise loss over channels: value, residuals and their derivative by the prediction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..contracts import Loss, Pointwise
from ..errors.numerics import NoFiniteSolution
from ..errors.usage import UsageError
from .pointwise import CensoredFormulas, PointwiseFormulas, Sigma


@dataclass(frozen=True)
class Weights:
    """What a misfit holds besides the prediction: a scale a channel, and robust weights where they are frozen."""

    sigma: Mapping[int, float] = field(default_factory=dict)
    robust: np.ndarray | None = None  # (value,) √w, in the order of the residuals


class Misfit:
    """The loss of a prediction against values (observation, channel); missing ones are taken out before any arithmetic.

    `spread` (channel,) divides the channels' residuals; `scales` are given noise scales (channel → sigma, or "fit"),
    others are profiled; `limits` are what a channel's instrument can show, lower and upper. The values of a `measured`
    channel bring standard deviations `sd` (observation, channel) of their own, which every method is then told: they
    are the scales, or times what is profiled where the scale is "fit". The value is the mean of ρ(residual) for a loss
    of differences and the sum of −log density for a likelihood.
    """

    def __init__(
        self,
        loss: Loss,
        channels: tuple[str, ...],
        noise: Mapping[str, str],
        spread: np.ndarray,
        scales: Mapping[str, float | str],
        limits: Mapping[str, tuple[float, float]] | None = None,
        measured: Collection[str] = (),
    ) -> None:
        kinds = [loss.pointwise(noise.get(channel, "gaussian")) for channel in channels]
        lowered = {kind: PointwiseFormulas(kind) for kind in kinds}
        self.is_likelihood = all(kind.nll for kind in kinds)
        if (limits or measured) and not self.is_likelihood:
            raise UsageError(
                f"the loss {loss.name!r} is no likelihood: limits and standard deviations of values mean nothing to it",
                help="--loss likelihood",
            )
        self.formulas = [
            _censored(kind, limits[name]) if limits and name in limits else lowered[kind]
            for name, kind in zip(channels, kinds, strict=True)
        ]
        self.channels, self.spread = channels, spread
        self._measured = [name in measured for name in channels]
        known = dict.fromkeys(measured, 1.0) | dict(scales)
        self._given = {i: float(known[name]) for i, name in enumerate(channels) if known.get(name, "fit") != "fit"}

    @property
    def squares(self) -> bool:
        """The loss is the mean of squared differences, which declares no noise."""
        return all(f.loss.residual == "y - mu" and f.loss.rho == "linear" and not f.loss.nll for f in self.formulas)

    @property
    def scales_known(self) -> bool:
        """No channel's scale is profiled."""
        return not self.profiled

    def measured(self, channel: int) -> bool:
        """The values of the channel bring standard deviations of their own."""
        return self._measured[channel]

    def scale_known(self, channel: int) -> bool:
        """The scale of the channel's noise is given, or its noise has none."""
        return channel not in self.profiled

    @property
    def profiled(self) -> tuple[int, ...]:
        """The channels whose scale is profiled."""
        return tuple(i for i, f in enumerate(self.formulas) if f.loss.scale != "none" and i not in self._given)

    def sigma(self, values: np.ndarray, predicted: np.ndarray, sd: np.ndarray | None = None) -> dict[int, float]:
        """Channel → its scale: the given one, the profiled one, or 1 where the loss has none."""
        found = {i: self._given.get(i, 1.0) for i in range(len(self.formulas))}
        for i in self.profiled:
            seen = np.isfinite(values[:, i])
            if seen.any():
                known = self._known(i, seen, sd)
                found[i] = self.formulas[i].profiled(values[seen, i], predicted[seen, i], known)
        return found

    def _known(self, channel: int, seen: np.ndarray, sd: np.ndarray | None) -> Sigma:
        """What a channel's scale is times of: the standard deviations of its values (value,), or 1."""
        if not self._measured[channel]:
            return 1.0
        assert sd is not None, "the values of this channel bring standard deviations of their own"
        return sd[seen, channel]

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

    def value(
        self,
        values: np.ndarray,
        predicted: np.ndarray,
        weights: Weights | None = None,
        sd: np.ndarray | None = None,
    ) -> float:
        """The loss; inf where the prediction is not finite or not admissible."""
        try:
            self.check(values, predicted)
        except NoFiniteSolution:
            return float("inf")
        with np.errstate(over="ignore"):  # what is too large to square is worth inf
            if self.is_likelihood and weights is None:
                return self.total_nll(values, predicted, sd=sd)
            r = self.residuals(values, predicted, weights or Weights(), sd)
            return 0.5 * float(r @ r) if weights is not None else float(np.sum(self._rho(r)))

    def total_nll(
        self,
        values: np.ndarray,
        predicted: np.ndarray,
        sigma: Mapping[int, float] | None = None,
        sd: np.ndarray | None = None,
    ) -> float:
        """The negative log-likelihood in data space; scales profiled on these very values unless they are given."""
        sigma = sigma or self.sigma(values, predicted, sd)
        total = 0.0
        for i, formulas in enumerate(self.formulas):
            seen = np.isfinite(values[:, i])
            scale = sigma[i] * self._known(i, seen, sd)
            total += float(np.sum(formulas.nll(values[seen, i], predicted[seen, i], scale)))
        return total

    def residuals(
        self, values: np.ndarray, predicted: np.ndarray, weights: Weights, sd: np.ndarray | None = None
    ) -> np.ndarray:
        """Residuals of the observed values, channel after channel (value,)."""
        r, _ = self._rows(values, predicted, weights, sd, slopes=False)
        return r

    def linear(
        self, values: np.ndarray, predicted: np.ndarray, weights: Weights, sd: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Residuals, ∂residual/∂mu, and of which observation and channel each is (value,)."""
        r, slope = self._rows(values, predicted, weights, sd, slopes=True)
        channel, observation = np.nonzero(np.isfinite(values.T))
        return r, slope, observation, channel

    def sharpness(
        self, values: np.ndarray, predicted: np.ndarray, weights: Weights, sd: np.ndarray | None = None
    ) -> np.ndarray:
        """√ of the information of each value about its mu (value,), in the order of the residuals; a likelihood's."""
        assert self.is_likelihood
        found = [np.zeros(0)]
        for i, formulas in enumerate(self.formulas):
            seen = np.isfinite(values[:, i])
            scale = weights.sigma.get(i, 1.0) * self._known(i, seen, sd)
            found.append(np.sqrt(formulas.information(values[seen, i], predicted[seen, i], scale)))
        return np.concatenate(found)

    def beyond(self, values: np.ndarray) -> np.ndarray:
        """Which values lie at or beyond a limit of their channel (observation, channel)."""
        return np.column_stack([f.beyond(values[:, i]) for i, f in enumerate(self.formulas)])

    def readings(self, values: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """The prediction (observation, channel), as the instruments would show it where a value lies beyond a limit."""
        shown = predicted.copy()
        for i, formulas in enumerate(self.formulas):
            at = formulas.beyond(values[:, i])
            shown[at, i] = formulas.shown(values[at, i], predicted[at, i])
        return shown

    def _rows(
        self, values: np.ndarray, predicted: np.ndarray, weights: Weights, sd: np.ndarray | None, slopes: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        n = max(int(np.isfinite(values).sum()), 1)
        rs, ds = [], []
        for i, formulas in enumerate(self.formulas):
            seen = np.isfinite(values[:, i])
            y, mu = values[seen, i], predicted[seen, i]
            sigma = weights.sigma.get(i, 1.0) * self._known(i, seen, sd)
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

    def weights(self, values: np.ndarray, predicted: np.ndarray, sd: np.ndarray | None = None) -> Weights:
        """The weights at a prediction: profiled scales, and √(ρ'(r)/r) where the loss is robust (Huber 1981, §7.8)."""
        kind = self.formulas[0].loss
        sigma = self.sigma(values, predicted, sd)
        if kind.rho == "linear":
            return Weights(sigma)
        n = max(int(np.isfinite(values).sum()), 1)
        plain = np.abs(self.residuals(values, predicted, Weights(sigma), sd)) * np.sqrt(n / 2)
        if kind.rho == "huber":
            w = np.where(plain <= kind.delta, 1.0, kind.delta / np.maximum(plain, kind.delta)) / 2
        else:  # |r|: below a thousandth of the median the weight stays finite
            floor = max(1e-3 * float(np.median(plain)), 1e-150) if len(plain) else 1.0
            w = 0.5 / np.maximum(plain, floor)
        return Weights(sigma, np.sqrt(w))


def _censored(kind: Pointwise, limits: tuple[float, float]) -> CensoredFormulas:
    if not kind.z:
        raise UsageError(f"{kind.name} noise has no limits", help="censored values are gaussian, lognormal or student")
    return CensoredFormulas(kind, *limits)
