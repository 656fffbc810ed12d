"""Losses: the contract for every one of them, a stranger's too; their values are checked in test_misfit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.errors.usage import UsageError
from workbench.measure.differences import central_differences
from workbench.model.misfit import Misfit
from workbench.registry import installed
from workbench.testing.losses import MU, LossContract, Y


class TestLosses(LossContract):
    """Every loss there is."""


def test_the_noise_of_a_channel_changes_nothing_but_the_likelihood() -> None:
    for name in ("mse", "mae", "huber"):
        loss = installed().make("loss", name)
        assert loss.pointwise("poisson") == loss.pointwise("gaussian")


def test_the_likelihood_refuses_noise_that_it_does_not_know_and_lists_what_it_does() -> None:
    with pytest.raises(UsageError, match="gaussian, lognormal, poisson, negative-binomial, student"):
        installed().make("loss", "likelihood").pointwise("cauchy")


def test_degrees_of_freedom_are_an_option_that_a_declaration_overrules() -> None:
    made = installed().make("loss", "likelihood", {"freedom": "3"})
    assert made.pointwise("student").freedom == 3
    assert made.pointwise("student(2.5)").freedom == 2.5
    with pytest.raises(UsageError, match="freedom is -1"):
        installed().make("loss", "likelihood", {"freedom": -1.0})


def test_hubers_delta_is_an_option_with_a_type() -> None:
    made = installed().make("loss", "huber", {"delta": "2.5"})
    assert made.pointwise("gaussian").delta == 2.5


def test_a_strangers_loss_is_fitted_like_those_that_are_built_in(outsider: Path) -> None:
    names = [listed.name for listed in installed().offers("loss") if listed.distribution == "workbench-outsider"]
    assert names
    for name in names:
        misfit = Misfit(installed().make("loss", name), ("a", "b"), {}, np.ones(2), {})
        r, slope, observation, channel = misfit.linear(Y, MU, misfit.weights(Y, MU))
        g = np.zeros_like(MU)
        g[observation, channel] = r * slope
        expected = central_differences(lambda mu, misfit=misfit: misfit.value(Y, mu.reshape(MU.shape)), MU.ravel())
        np.testing.assert_allclose(g.ravel(), expected, rtol=1e-9, atol=1e-10)
