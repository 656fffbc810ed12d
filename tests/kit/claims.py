"""Plugins of the kit's own tests: a solver for separable systems, and solvers that claim what they do not keep."""

from dataclasses import dataclass, replace

from workbench import Offer, hookimpl


@hookimpl
def offer_solvers():
    return [
        Offer("verlet", verlet, "velocity Verlet steps for q' = p, p' = g(q)", "Verlet (1967), Phys. Rev. 159, 98–103"),
        Offer("boastful", boastful, "Heun's method that claims order 3"),
        Offer("clipping", clipping, "Heun's method that keeps states below 10"),
        Offer("falsely_stiff", falsely_stiff, "Heun's method that claims to be for stiff problems"),
    ]


def verlet_step(f, t, y, h, carry):
    half = y.shape[-1] // 2
    q, p = y[..., :half], y[..., half:]
    middle = p + h / 2 * f(t, y)[..., half:]
    end = q + h * f(t, joined(q, middle))[..., :half]
    last = middle + h / 2 * f(t + h, joined(end, middle))[..., half:]
    return joined(end, last), None, None, carry, True


def joined(q, p):
    import numpy as np

    if isinstance(q, np.ndarray):
        return np.concatenate([q, p], axis=-1)
    import torch

    return torch.cat([q, p], dim=-1)


def verlet(step: float = 0.01):
    from workbench.engine import StepSolver

    @dataclass(frozen=True)
    class Verlet(StepSolver):
        separable = True

    return Verlet(verlet_step, order=2, step=step)


def heun(f, t, y, h, carry):
    k = f(t, y)
    end = f(t + h, y + h * k)
    return y + h / 2 * (k + end), h / 2 * (end - k), None, carry, True


def boastful(rtol: float = 1e-4, atol: float = 1e-7):
    from workbench.engine import StepSolver

    return StepSolver(heun, order=3, error_order=1, rtol=rtol, atol=atol)


def clipping(rtol: float = 1e-6, atol: float = 1e-9):
    from workbench.engine import StepSolver

    def step(f, t, y, h, carry):
        y1, error, *rest = heun(f, t, y, h, carry)
        return y1.clip(-10, 10), error, *rest

    return StepSolver(step, order=2, error_order=1, rtol=rtol, atol=atol)


def falsely_stiff(rtol: float = 1e-6, atol: float = 1e-9):
    from workbench.engine import StepSolver

    @dataclass(frozen=True)
    class Claims(StepSolver):
        stiff = True

    return replace(Claims(heun, order=2, error_order=1), rtol=rtol, atol=atol)
