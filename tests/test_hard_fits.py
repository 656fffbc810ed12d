"""Fits that single shooting loses, in the small: benchmarks/hard_fits.py runs ten draws of each."""

from __future__ import annotations

import numpy as np
import pytest
from scripts import loaded

import workbench as wb

HARD = loaded("benchmarks/hard_fits.py")


@pytest.mark.parametrize("name", [name for name in HARD.CASES if name != "spiral"])
def test_the_ladder_finds_the_truth_from_a_random_start(name: str) -> None:
    outcome = HARD.attempt(HARD.CASES[name], "ladder", seed=0)
    assert outcome.good, outcome


def test_a_network_on_a_noisy_spiral_follows_the_truth_where_nothing_was_seen() -> None:
    outcome = HARD.attempt(HARD.CASES["spiral"], "ladder", seed=0)
    assert outcome.fit >= HARD.GOOD


def test_the_exponent_of_lorenz_at_its_true_parameters_is_the_published_one() -> None:
    class Truth:
        parameters = {"sigma": {"value": 10.0}, "rho": {"value": 28.0}, "beta": {"value": 8 / 3}}  # noqa: RUF012

    # its mean over 200 units of time scatters by some percent
    assert HARD._exponent(Truth()) == pytest.approx(HARD.LYAPUNOV, rel=0.05)


def test_starts_are_off_by_the_stated_rule_and_the_same_for_every_strategy() -> None:
    case = HARD.CASES["oscillator"]
    truth = wb.simulate(case.problem, samples=case.samples, span=case.span, values=case.values)
    data = truth.dataset().with_channels(case.seen)
    for seed in range(20):
        starts = HARD._question(case, truth, data, seed)["start_values"]
        off = abs(np.sqrt(starts["k"] / 4.0) - 1)
        assert 0.2 <= off <= 0.5
        assert HARD._question(case, truth, data, seed)["start_values"] == starts
