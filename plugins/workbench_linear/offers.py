"""The options of the families, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .linear import Linear
    from .state_space import StateSpace

Activation = Literal["tanh", "softplus", "silu", "relu", "sin"]


def linear() -> Linear:
    """A linear ODE in the channels, inputs and covariates."""
    from .linear import Linear

    return Linear()


def state_space(
    order: int = 2,
    hidden: tuple[int, ...] = (),
    activation: Activation = "tanh",
    direct: bool = False,
    stable: bool = False,
    encoder: int = 0,
) -> StateSpace:
    """`order` states behind the channels; `hidden` layers of a network in states and inputs are added to their slopes.

    `direct`: inputs reach the channels at once. `stable`: the linear part has eigenvalues left of the imaginary axis,
    whatever the weights. With `encoder` = N a network makes the initial state of the first N samples of inputs and
    channels, for many trajectories.
    """
    from .state_space import StateSpace

    return StateSpace(order, tuple(hidden), activation, direct, stable, encoder)
