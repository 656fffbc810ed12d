"""The intensity that a latent ODE is fitted to, its prior chosen on halves of the events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import workbench as wb

from .records import Record, log_likelihood


def intensity(record: Record, decay: float, iterations: int, seed: int) -> np.ndarray:
    """λ on the record's grid (time,) by maximum likelihood with a prior of precision `decay` on the weights."""
    fitted = wb.fit(
        record.count(),
        dynamics="intensity",
        loss="poisson-process",
        strategy="single",
        split="none",
        iterations=iterations,
        seed=seed,
        settings={"dynamics.decay": decay, "solver.rtol": 1e-7, "solver.atol": 1e-7},
    )
    grid = record.grid
    expected = fitted.predict(grid).observed.reshape(-1)
    return np.maximum(np.gradient(expected, grid), 1e-12)


def chosen(
    record: Record, decays: Sequence[float], iterations: int, rng: np.random.Generator, seed: int
) -> tuple[np.ndarray, float]:
    """λ on the grid (time,), and the prior under which each half of the events foretells the other best."""
    if len(decays) == 1:
        return intensity(record, decays[0], iterations, seed), decays[0]
    one, other = record.halves(rng)
    scores = [
        sum(
            log_likelihood(intensity(a, decay / 2, iterations, seed), record.grid, b)
            for a, b in ((one, other), (other, one))
        )
        for decay in decays
    ]  # half the events are half as loud against a prior, so its precision is half too
    best = decays[int(np.argmax(scores))]
    return intensity(record, best, iterations, seed), best
