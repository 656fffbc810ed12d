"""The options of the families, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .mlp import Mlp

Activation = Literal["tanh", "softplus", "silu", "relu", "sin"]
Features = Literal["state", "state+time"]


def mlp(
    hidden: tuple[int, ...] = (32,),
    activation: Activation = "tanh",
    features: Features = "state",
    decay: float = 0.0,
) -> Mlp:
    """A network of `hidden` layers; `features` may add time, `decay` is the precision of a prior on the weights."""
    from .mlp import Mlp

    return Mlp(tuple(hidden), activation, features, decay)
