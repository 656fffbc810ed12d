"""The damped spiral learned by a small network through Euler, RK4 and Dopri5, with the errata of the published text."""

from .experiment import SpiralExperiment

__all__ = ["SpiralExperiment"]
