"""Losses of the difference y − mu; what noise a channel declares does not change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.contracts import Pointwise

Weights = Literal["auto", "none", "spread"]


@dataclass(frozen=True)
class Difference:
    """A loss of y − mu: `weights` "spread" divides each channel by its standard deviation over the training part.

    "auto" is "none" where the equations are known and "spread" where a network stands for them.
    """

    name: str
    rho: Literal["linear", "huber", "absolute"]
    weights: Weights
    delta: float = 1.0

    def pointwise(self, noise: str) -> Pointwise:
        """The same formula whatever the noise."""
        return Pointwise(self.name, residual="y - mu", derivative="-1", rho=self.rho, delta=self.delta)


def mse(weights: Weights = "auto") -> Difference:
    """Mean of (y − mu)²."""
    return Difference("mse", "linear", weights)


def mae(weights: Weights = "auto") -> Difference:
    """Mean of |y − mu|."""
    return Difference("mae", "absolute", weights)


def huber(delta: float = 1.0, weights: Weights = "auto") -> Difference:
    """Mean of ρ(y − mu): half the square up to delta, delta·(|r| − delta/2) beyond (Huber 1964, eq. 2.4)."""
    return Difference("huber", "huber", weights, delta)
