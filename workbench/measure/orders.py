"""The order that a method really has, from its errors at several steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

SMALLEST, LARGEST = 1e-12, 1e-4
"""Errors outside are rounding, or no longer the leading term."""


def observed_order(steps: Sequence[float], errors: Sequence[float]) -> float:
    """Slope of log(error) against log(step): the order a method really has.

    >>> round(observed_order([0.1, 0.05], [1e-2, 2.5e-3]), 6)
    2.0
    """
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


def order_of(errors_with: Callable[[Sequence[int]], Iterable[float]], enough: int = 200) -> float:
    """The order over the last three of 2, 3, 4, 6, 8, 12 … steps whose errors lie in [1e-12, 1e-4].

    Steps grow in number until errors fall below, or beyond `enough` as soon as three are found; `errors_with` is asked
    for the errors of four numbers of steps at once, beyond `enough` of as many as are still needed.

    >>> round(order_of(lambda counts: [0.3 / n**4 for n in counts]), 6)
    4.0
    """
    counts: list[int] = []
    errors: list[float] = []
    for n, error in _found(errors_with, counts, enough):
        if error < SMALLEST:
            break
        if error <= LARGEST:
            counts.append(n)
            errors.append(error)
    if len(counts) < 3:
        raise ValueError(f"only {len(counts)} errors lie in [{SMALLEST}, {LARGEST}]: take another problem")
    return observed_order([1 / n for n in counts[-3:]], errors[-3:])


def _found(
    errors_with: Callable[[Sequence[int]], Iterable[float]], counts: Sequence[int], enough: int
) -> Iterator[tuple[int, float]]:
    """Numbers of steps with their errors, until three `counts` have been found and all that are left are too many."""
    left = [k * 2**j for j in range(16) for k in (2, 3)]
    while left and (left[0] <= enough or len(counts) < 3):
        some = [n for n in left[:4] if n <= enough] or left[: 3 - len(counts)]
        yield from zip(some, errors_with(some), strict=True)
        left = left[len(some) :]
