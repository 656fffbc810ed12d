"""Numbers of things, in words."""

from __future__ import annotations


def count(n: int, noun: str) -> str:
    """A number of things.

    >>> count(1, "trajectory"), count(21, "observation"), count(3, "trajectory")
    ('1 trajectory', '21 observations', '3 trajectories')
    """
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {noun[:-1]}ies".replace(",", " ") if noun.endswith("y") else f"{n:,} {noun}s".replace(",", " ")
