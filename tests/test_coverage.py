"""Intervals hold the truth as often as they say: the benchmark of coverage, on few data sets."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from scipy import stats

SAMPLES = 30
KINDS = 3 * 6  # kinds of interval, times unknowns
FEWEST = int(stats.binom.ppf(1e-4 / KINDS, SAMPLES, 0.95))
"""Intervals of 95 % that hold the truth this rarely or less often: one run of this test in ten thousand, at most."""


@pytest.mark.parametrize("known", [False, True])
def test_intervals_of_lotka_volterra_hold_the_truth_as_often_as_they_say(known: bool) -> None:
    file = Path(__file__).parent.parent / "benchmarks" / "coverage.py"
    spec = spec_from_file_location("coverage_benchmark", file)
    assert spec is not None
    assert spec.loader is not None
    benchmark = module_from_spec(spec)
    sys.modules["coverage_benchmark"] = benchmark  # dataclasses look there for the module of their annotations
    try:
        spec.loader.exec_module(benchmark)
        found = benchmark.measure(SAMPLES, noise=0.3, known=known)
    finally:
        del sys.modules["coverage_benchmark"]
    assert found.failed == 0
    assert len(found.held) * len(found.names) == KINDS
    for shares in found.held.values():
        assert (shares * SAMPLES >= FEWEST).all(), shares
