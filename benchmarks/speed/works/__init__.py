"""Every work by name, in the order in which they are shown."""

from __future__ import annotations

from ..contender import Work
from . import fresh, lotka_volterra, scratch, spiral, stiff, trajectories

WORKS: dict[str, Work] = {
    **spiral.WORKS,
    **trajectories.WORKS,
    **lotka_volterra.WORKS,
    **stiff.WORKS,
    **scratch.WORKS,
    **fresh.WORKS,
}
