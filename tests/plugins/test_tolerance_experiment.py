"""The trade-off's bookkeeping: the knee, errors, and steps that are those that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
from workbench_experiments.tolerance_trade_off.experiment import Sweep
from workbench_experiments.tolerance_trade_off.swept import Evaluated, Model, Question


def sweep(*errors: float) -> Sweep:
    return Sweep.of([[Evaluated(10.0**-i, error, 0.0, 1, 0.0) for i, error in enumerate(errors)]])


def test_the_knee_is_the_loosest_setting_from_which_on_nothing_is_lost() -> None:
    assert sweep(9.0, 3.0, 1.05, 1.0, 1.0).knee == 2
    assert sweep(1.0, 3.0, 1.0).knee == 2, "a lucky loose tolerance before a bad one does not count"
    assert sweep(1.0, 1.0).knee == 0
    assert sweep(float("inf"), 1.0).knee == 1


def test_a_distance_is_in_units_of_the_spread_and_infinite_where_it_has_no_value() -> None:
    question = Question.of("damped_oscillator", 20)
    assert question.distance(question.ys + question.ys.std(axis=0), question.ys) == pytest.approx(1.0)
    assert question.distance(question.ys * np.nan, question.ys) == float("inf")


def test_steps_and_tolerances_are_those_that_were_asked_for() -> None:
    question = Question.of("damped_oscillator", 33)
    model = Model(question, "euler", 4, seed=0)
    own, half, double = model.by_step((1.0, 0.5, 2.0))
    assert own.error == pytest.approx(question.distance(np.asarray(model.fitted.run.states), question.ys), rel=1e-9)
    assert (own.evaluations, half.evaluations, double.evaluations) == (32, 64, 16)
    loose, tight = model.by_tolerance((1e-3, 1e-9))
    assert tight.apart < loose.apart
    assert tight.evaluations > loose.evaluations
