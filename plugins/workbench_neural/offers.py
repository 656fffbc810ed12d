"""The options of the families, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .hamiltonian import Hamiltonian
    from .intensity import Intensity
    from .mlp import Mlp
    from .second_order import SecondOrder

Activation = Literal["tanh", "softplus", "silu", "relu", "sin"]
Features = Literal["state", "state+time"]


def mlp(
    hidden: tuple[int, ...] = (32,),
    activation: Activation = "tanh",
    features: Features = "state",
    decay: float = 0.0,
    augment: int = 0,
    encoder: int = 0,
) -> Mlp:
    """A network of `hidden` layers; `features` may add time, `decay` is the precision of a prior on the weights.

    `augment` states that nothing measures stand beside the channels and begin at 0 (Dupont, Doucet & Teh 2019,
    arXiv 1904.01681). With `encoder` = N a second network makes the initial state of the first N samples, for many
    trajectories.
    """
    from .mlp import Mlp

    return Mlp(tuple(hidden), activation, features, decay, augment, encoder)


def second_order(
    velocities: tuple[str, ...] = (), hidden: tuple[int, ...] = (32,), activation: Activation = "tanh"
) -> SecondOrder:
    """`velocities` are the channels that measure them, in the order of their positions, all or none."""
    from .second_order import SecondOrder

    return SecondOrder(tuple(velocities), tuple(hidden), activation)


def hamiltonian(
    momenta: tuple[str, ...] = (), hidden: tuple[int, ...] = (32,), activation: Activation = "tanh"
) -> Hamiltonian:
    """`momenta` are the channels that measure them, in the order of their positions; the second half unless said."""
    from .hamiltonian import Hamiltonian

    return Hamiltonian(tuple(momenta), tuple(hidden), activation)


def intensity(
    latent: int = 2,
    hidden: tuple[int, ...] = (16,),
    activation: Activation = "tanh",
    features: Features = "state+time",
    decay: float = 0.0,
) -> Intensity:
    """`latent` hidden states say the intensity of the events that each channel counts; for the loss poisson-process.

    `features` may take time from their slopes; `decay` is the precision of a prior on the weights.
    """
    from .intensity import Intensity

    return Intensity(latent, tuple(hidden), activation, features, decay)
