"""Exact steps of linear systems: matrix exponentials in stacks, and long chains of affine maps."""

from __future__ import annotations

import numpy as np

TAYLOR_TERMS = 12
"""Terms of the exponential's series; with a norm of at most 1/2 the rest is below 0.5¹³/13! ≈ 2e-14."""


def exponentials(systems: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The top rows of exp([[A B b], [0]]·h) for every system and length h (set, length, channel, regressor).

    `systems` (set, channel, regressor) are [A B b]; they give y(t + h) from (y(t), u, 1) exactly where u is constant.
    Scaling and squaring of the Taylor series, all matrices at once: Moler & Van Loan (2003), SIAM Review 45, 3–49,
    methods 1 and 3. A result that overflows is NaN or infinite.
    """
    n_sets, n, m = systems.shape
    generators = np.zeros((n_sets, len(lengths), m, m))
    generators[:, :, :n] = systems[:, None] * lengths[:, None, None]
    norm = np.abs(generators).sum(axis=-1).max(initial=0.0)
    if not np.isfinite(norm):
        return np.full((n_sets, len(lengths), n, m), np.nan)
    squarings = max(0, int(np.ceil(np.log2(norm))) + 1) if norm > 0 else 0
    scaled = generators / 2.0**squarings
    result = eye = np.broadcast_to(np.eye(m), scaled.shape)
    for term in range(TAYLOR_TERMS, 0, -1):  # Horner: 1 + X(1 + X/2(1 + X/3(…)))
        result = eye + np.matmul(scaled, result) / term
    for _ in range(squarings):
        result = np.matmul(result, result)
    return result[:, :, :n]


def follow(maps: np.ndarray, shifts: np.ndarray, y0: np.ndarray) -> np.ndarray:
    """All values (…, step, state) of y ← P y + q from y0 (…, state).

    `maps` P are (…, step, state, state), `shifts` q (…, step, state).
    The chain is cut into about √steps blocks whose maps are composed side by side, so that Python takes 2·√steps turns
    rather than one a step: Blelloch (1990), CMU-CS-90-190, §1.4, with two levels.
    """
    *lead, n_steps, n = shifts.shape
    size = max(1, int(np.ceil(np.sqrt(n_steps))))
    n_blocks = -(-n_steps // size)
    maps, shifts = _in_blocks(maps, shifts, n_blocks, size)
    for k in range(1, size):
        shifts[..., k, :] += np.matmul(maps[..., k, :, :], shifts[..., k - 1, :, None])[..., 0]
        maps[..., k, :, :] = np.matmul(maps[..., k, :, :], maps[..., k - 1, :, :])
    starts = np.empty((*lead, n_blocks, n))
    starts[..., 0, :] = y0
    for block in range(1, n_blocks):
        whole, shift = maps[..., block - 1, -1, :, :], shifts[..., block - 1, -1, :]
        starts[..., block, :] = np.matmul(whole, starts[..., block - 1, :, None])[..., 0] + shift
    ys = np.matmul(maps, starts[..., None, :, None])[..., 0] + shifts
    return ys.reshape(*lead, n_blocks * size, n)[..., :n_steps, :]


def _in_blocks(maps: np.ndarray, shifts: np.ndarray, n_blocks: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Copies cut into blocks (…, block, step, …), the last one filled up with steps that change nothing."""
    *lead, n_steps, n = shifts.shape
    whole = np.broadcast_to(np.eye(n), (*lead, n_blocks * size, n, n)).copy()
    moved = np.zeros((*lead, n_blocks * size, n))
    whole[..., :n_steps, :, :] = maps
    moved[..., :n_steps, :] = shifts
    return whole.reshape(*lead, n_blocks, size, n, n), moved.reshape(*lead, n_blocks, size, n)
