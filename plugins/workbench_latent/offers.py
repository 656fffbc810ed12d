"""The options of the family, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .bound import Bound
    from .dynamics import Latent

Activation = Literal["tanh", "softplus", "silu", "relu", "sin"]


def latent(
    size: int = 4,
    hidden: tuple[int, ...] = (20,),
    decoder: tuple[int, ...] = (20,),
    encoder: int = 25,
    activation: Activation = "tanh",
    samples: int = 10,
) -> Latent:
    """`size` hidden states, `hidden` layers of their slopes, `decoder` layers from them to the channels.

    An `encoder` of so many units reads each trajectory's training values backwards and says where its states begin;
    trajectories that are only forecast are read in their first `samples` observations. Values may be missing.
    """
    from .dynamics import Latent

    return Latent(size, tuple(hidden), tuple(decoder), encoder, activation, samples)


def elbo(weight: float = 1.0, draws: int = 1) -> Bound:
    """Minus the evidence lower bound, Gaussian noise profiled or as declared; for the dynamics `latent`.

    `weight` multiplies the divergence of the posterior from the prior (1 is the bound), `draws` are how many initial
    states of a trajectory the expectation is taken over at each step.
    """
    from .bound import Bound

    return Bound(weight, draws)
