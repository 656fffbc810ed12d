"""The verdict: every rule, one at a time, from a run about which there is nothing to say."""

import pytest

from workbench.diagnose import verdict

NOISE = {"white": True, "p": 0.4, "level": 0.01, "channels": {"x": {"p": 0.4}}}
COLOURED = {"white": False, "p": 1e-6, "level": 0.01, "channels": {"x": {"p": 1e-6}, "y": {"p": None}}}
ODE = {"verdict": "an ODE", "max_relative_difference": 1e-7}
TIED = {"verdict": "a map tied to euler, h = 0.05", "max_relative_difference": 0.4}


def scores(nrmse, **more):
    return {"n": 20, "sse": 1.0, "nrmse": nrmse, "fit_percent": 100 * (1 - nrmse), "log_rmse_all": None} | more


def against(mean=1.0, persistence=0.8, linear=0.5, key="nrmse"):
    errors = {"mean": mean, "persistence": persistence, "linear": linear}
    return {name: {"holdout": {key: error}} for name, error in errors.items()}


def judge(train=0.1, holdout=0.15, baselines=None, **more):
    parts = {"train": scores(train), "holdout": None if holdout is None else scores(holdout)}
    known = {"status": "converged", "whiteness": NOISE, "swap": ODE, "n_unknowns": 4, "parameters": {}}
    return verdict(parts, against() if baselines is None else baselines, **(known | more))


def said(found, words):
    return any(words in reason for reason in found["reasons"])


def test_a_model_that_beats_the_baselines_and_passes_the_checks_is_good():
    found = judge()
    assert found["word"] == "good"
    assert said(found, "It beats the best baseline, a linear ODE: held-out normalised RMSE 0.15 against 0.5.")


def test_a_model_that_loses_to_a_baseline_is_bad_and_is_told_so():
    found = judge(holdout=0.6)
    assert found["word"] == "bad"
    assert found["reasons"][0].startswith("It does not beat the best baseline, a linear ODE")


def test_a_tie_is_doubtful_unless_the_linear_ode_may_be_the_truth():
    tie = judge(holdout=0.79, train=0.5, baselines=against(linear=None))
    assert tie["word"] == "doubtful"
    assert said(tie, "does not beat the best baseline, the last value repeated, but equals it")
    truth = judge(holdout=0.101, train=0.1, baselines=against(linear=0.1))
    assert truth["word"] == "good"
    assert said(truth, "does not beat")


def test_errors_that_are_next_to_nothing_are_not_ranked():
    assert judge(train=1e-7, holdout=1e-6, baselines=against(linear=1e-9))["word"] == "good"


def test_lognormal_noise_is_judged_on_the_logarithm():
    parts = {"train": scores(0.1, log_rmse_all=0.2), "holdout": scores(0.15, log_rmse_all=0.9)}
    found = verdict(parts, against(key="log_rmse_all"), status="converged", score="log_rmse_all")
    assert found["word"] == "bad"
    assert said(found, "held-out log-RMSE 0.9 against 0.5")


def test_where_the_two_errors_disagree_both_are_told():
    parts = {"train": scores(0.1, log_rmse_all=0.1), "holdout": scores(0.15, log_rmse_all=0.9)}
    both = {name: {"holdout": {"nrmse": 0.5, "log_rmse_all": 0.5}} for name in ("mean", "persistence")}
    found = verdict(parts, both, status="converged")
    assert found["word"] == "doubtful"
    assert said(found, "By log-RMSE it does not beat")


def test_a_forecast_far_worse_than_the_fit_is_doubtful():
    found = judge(train=0.05, holdout=0.3)
    assert found["word"] == "doubtful"
    assert said(found, "6.0 times the training error")


@pytest.mark.parametrize(("train", "residuals", "word"), [
    (0.8, COLOURED, "bad"), (0.8, NOISE, "doubtful"), (0.5, COLOURED, "doubtful"), (0.5, NOISE, "good"),
])  # fmt: skip
def test_a_low_fit_weighs_less_where_only_noise_is_left(train, residuals, word):
    found = judge(train=train, holdout=0.4, baselines=against(linear=0.9), whiteness=residuals)
    assert found["word"] == word


def test_coloured_residuals_are_doubtful_except_under_a_fit_that_is_exact():
    found = judge(whiteness=COLOURED)
    assert found["word"] == "doubtful"
    assert said(found, "residuals of x are not white")
    assert judge(train=1e-5, holdout=1e-5, whiteness=COLOURED)["word"] == "good"


def test_a_model_tied_to_its_solver_is_bad():
    found = judge(swap=TIED)
    assert found["word"] == "bad"
    assert said(found, "a map tied to euler, h = 0.05, not an ODE")


def test_unknowns_that_are_not_determined_or_at_a_bound_are_named():
    parameters = {
        "a": {"value": 1.0, "stderr": None, "reason": "not determined on its own: the data fix only …"},
        "b": {"value": 1.0, "stderr": None, "reason": "at its bound: held there"},
        "c": {"value": 1.0, "stderr": 3.0},
        "d": {"value": 1.0, "stderr": 0.1},
        "g": {"value": 9.81, "stderr": None, "fixed": True},
    }
    found = judge(parameters=parameters)
    assert found["word"] == "doubtful"
    assert said(found, "do not determine a (")
    assert said(found, "b ended at a bound")
    assert said(found, "exceeds the value itself for c.")


def test_without_a_held_out_part_it_says_so_and_asks_for_enough_values():
    found = judge(holdout=None, n_unknowns=6)
    assert found["word"] == "good"
    assert said(found, "No held-out check was made")
    assert judge(holdout=None, n_unknowns=7)["word"] == "doubtful"  # 20 values
    assert judge(holdout=None, n_unknowns=None)["word"] == "doubtful"


@pytest.mark.parametrize(("status", "more", "word"), [
    ("iterations", {}, "good"),
    ("iterations", {"parameters": {"a": {"value": 1.0, "stderr": 0.1}}}, "doubtful"),
    ("time", {"holdout": None}, "doubtful"),
    ("interrupted", {}, "doubtful"),
    ("early_stop", {}, "good"),
    ("stuck", {}, "bad"),
    ("failed.N010", {}, "bad"),
])  # fmt: skip
def test_an_end_before_convergence_is_told(status, more, word):
    found = judge(status=status, **more)
    assert found["word"] == word
    assert said(found, "The fit ")


def test_no_finite_prediction_is_bad_whatever_else():
    nothing = {"n": 4, "sse": None, "nrmse": None}
    assert verdict({"train": nothing}, {}, status="converged")["word"] == "bad"
    found = verdict({"train": scores(0.1), "holdout": nothing}, against(), status="converged")
    assert found["word"] == "bad"
    assert said(found, "no finite prediction of the held-out part")


DEPENDENT = {"independent": False, "pairs": {"x": {"u": {"r": [0.1, 0.5], "lag": 1, "bound": 0.2}}}}


def test_residuals_that_depend_on_an_input_are_doubtful_and_tell_which():
    found = judge(inputs=DEPENDENT)
    assert found["word"] == "doubtful"
    assert said(found, "x on u (correlation 0.5 at lag 1, 99 % bound 0.2)")
    assert judge(inputs=DEPENDENT | {"independent": True})["word"] == "good"


def test_forecasts_worse_than_repeating_the_last_value_are_doubtful():
    ahead = {"1": {"holdout": {"nrmse": 0.5, "persistence": 0.1}}, "5": {"holdout": {"nrmse": 0.2, "persistence": 0.1}}}
    found = judge(ahead=ahead)
    assert found["word"] == "doubtful"
    assert said(found, "Forecasts 5 steps ahead are worse than the last value repeated")
    ahead["5"]["holdout"]["persistence"] = 0.2
    assert judge(ahead=ahead)["word"] == "good"


def test_a_held_out_part_beyond_the_training_part_is_told_and_its_score_stands():
    found = judge(extrapolation={"outside": True, "at": 3.0, "beyond": {"x": 0.25}, "distance": 0.1})
    assert found["word"] == "good"
    assert said(found, "The held-out part leaves what training visited from t = 3 on")


def test_chaos_is_told_and_is_not_held_against_the_model():
    found = judge(swap={"verdict": "an ODE", "max_relative_difference": 2.0, "sensitive": True, "parts_at": 8.5})
    assert found["word"] == "good"
    assert said(found, "it parts at 8.5, as it does after a small change of its start")
