"""Residuals drawn anew: in blocks of a trajectory, so that what is alike in neighbours stays so."""

from __future__ import annotations

import numpy as np


def block_length(n: int) -> int:
    """n^(1/3), rounded: the order that is best for the variance of a mean (Künsch 1989, Ann. Stat. 17, 1217–1241).

    >>> block_length(21), block_length(1000)
    (3, 10)
    """
    return max(1, round(n ** (1 / 3)))


def moving_blocks(residuals: np.ndarray, block: int, rng: np.random.Generator) -> np.ndarray:
    """Residuals (time, channel) made of blocks that begin anywhere, one after the other (Künsch 1989).

    Channels stay together, so that what they have in common stays so. Where a drawn residual is missing (NaN), another
    of its channel stands in.
    """
    n = len(residuals)
    block = min(block, n)
    starts = rng.integers(0, n - block + 1, -(-n // block))
    drawn = residuals[(starts[:, None] + np.arange(block)).ravel()[:n]].copy()
    for c, column in enumerate(residuals.T):
        seen, missing = column[np.isfinite(column)], ~np.isfinite(drawn[:, c])
        if len(seen):
            drawn[missing, c] = rng.choice(seen, int(missing.sum()))
    return drawn
