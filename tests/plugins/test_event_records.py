"""The records and baselines of the experiment on event times."""

from __future__ import annotations

import numpy as np
import pytest
from workbench_experiments.events.baselines import constant, histogram, kernel
from workbench_experiments.events.coal import explosions
from workbench_experiments.events.records import Record, log_likelihood, simulated, two_waves


def test_the_coal_mine_record_is_jarretts() -> None:
    t = explosions()
    assert len(t) == 191
    assert round((t[-1] - t[0]) * 365.25) == 40549  # days from 15 March 1851 to 22 March 1962
    assert (np.diff(t) >= 0).all()


def test_simulated_events_are_as_many_as_the_intensity_expects() -> None:
    rng = np.random.default_rng(0)
    grid = np.linspace(0.0, 10.0, 2001)
    expected = np.trapezoid(two_waves(grid), grid)
    counts = [len(simulated(two_waves, 95.0, 0.0, 10.0, rng).t) for _ in range(200)]
    assert np.mean(counts) == pytest.approx(expected, abs=4 * np.sqrt(expected / 200))  # four standard errors
    assert np.var(counts) == pytest.approx(expected, rel=0.4)  # Poisson: four standard errors of a variance of 200


def test_the_likelihood_of_a_linear_intensity_is_its_closed_form() -> None:
    record = Record(np.array([0.5, 1.5]), 0.0, 2.0)
    grid = record.grid
    exact = np.log(1 + 0.5) + np.log(1 + 1.5) - 4.0  # ∫ (1 + t) dt over [0, 2] is 4
    assert log_likelihood(1 + grid, grid, record) == pytest.approx(exact, rel=1e-12)


def test_baselines_expect_about_as_many_events_as_there_are() -> None:
    record = simulated(two_waves, 95.0, 0.0, 10.0, np.random.default_rng(1))
    for estimate, more in ((constant, 0.01), (histogram, 0.15), (kernel, 0.02)):  # half an event is added to each bin
        expected = np.trapezoid(estimate(record), record.grid)
        assert expected == pytest.approx(len(record.t), rel=more)


def test_halves_share_out_all_events() -> None:
    record = simulated(two_waves, 95.0, 0.0, 10.0, np.random.default_rng(2))
    one, other = record.halves(np.random.default_rng(3))
    assert np.array_equal(np.sort(np.concatenate([one.t, other.t])), record.t)


def test_a_count_holds_the_first_event_where_it_opens_the_record() -> None:
    data = Record(np.array([1.0, 2.0, 2.0, 4.0]), 1.0, 4.0).count()
    assert data.t.tolist() == [1.0, 2.0, 4.0]
    assert data.values[:, 0].tolist() == [1.0, 3.0, 4.0]
