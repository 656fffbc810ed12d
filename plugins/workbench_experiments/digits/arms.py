"""The networks that are compared: what stands between the shrinking layers and the answer in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from .networks import Dynamics, OdeBlock, ResidualBlock, classifier, mlp

Gradient = Literal["discrete", "checkpoints", "backprop", "adjoint"]


@dataclass(frozen=True)
class Arm:
    """One network of the comparison: its name, what it is, and how it is made of the images' size and the channels."""

    name: str
    text: str
    make: Callable[[int, int], nn.Sequential]


def arms(solver: str, rtol: float) -> tuple[Arm, ...]:
    """All of them, the ODE-Net last; it is trained with the discrete gradient."""
    return (
        Arm("MLP", "one hidden layer of 300 units", lambda size, channels: mlp(size)),
        Arm("no block", "shrinking layers and answer alone", resnet(0)),
        Arm("one block", "one residual block", resnet(1)),
        Arm("ResNet", "six residual blocks", resnet(6)),
        Arm("RK-Net", "ODE block, rk4 with 4 steps, backprop", ode_net("rk4", "backprop", step=0.25)),
        Arm("Euler block", "two layers conv + ReLU, 20 steps", ode_net("euler", "discrete", normed=False, step=0.05)),
        Arm("ODE-Net", f"ODE block, {solver} at {rtol:g}", ode_net(solver, "discrete", rtol=rtol, atol=rtol)),
    )


def resnet(blocks: int) -> Callable[[int, int], nn.Sequential]:
    """A network of so many residual blocks."""
    return lambda size, channels: classifier(size, channels, [ResidualBlock(channels) for _ in range(blocks)])


def ode_net(
    solver: str, gradient: Gradient, normed: bool = True, **options: Any
) -> Callable[[int, int], nn.Sequential]:
    """A network with an ODE in place of the blocks; `options` are those of the solver."""
    way: dict[str, Any] = {"gradient": "discrete" if gradient == "checkpoints" else gradient}
    if gradient == "checkpoints":
        way["checkpoints"] = True

    def make(size: int, channels: int) -> nn.Sequential:
        return classifier(size, channels, [OdeBlock(Dynamics(channels, normed), solver=solver, **way, **options)])

    return make


def seeded(make: Callable[[int, int], nn.Sequential], size: int, channels: int, seed: int) -> nn.Sequential:
    """The network with weights drawn from a seed; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(size, channels)
