"""Intervals hold the truth as often as they say: the benchmark of coverage, on few data sets."""

from __future__ import annotations

import pytest
from scipy import stats
from scripts import loaded

SAMPLES = 30
KINDS = 3 * 6  # kinds of interval, times unknowns
FEWEST = int(stats.binom.ppf(1e-4 / KINDS, SAMPLES, 0.95))
"""Intervals of 95 % that hold the truth this rarely or less often: one run of this test in ten thousand, at most."""


@pytest.mark.parametrize("known", [False, True])
def test_intervals_of_lotka_volterra_hold_the_truth_as_often_as_they_say(known: bool) -> None:
    found = loaded("benchmarks/coverage.py").measure(SAMPLES, noise=0.3, known=known)
    assert found.failed == 0
    assert len(found.held) * len(found.names) == KINDS
    for shares in found.held.values():
        assert (shares * SAMPLES >= FEWEST).all(), shares
