"""Profiles against closed forms, published intervals, and models whose parameters the data cannot tell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.axes import crowded
from workbench.cli import main
from workbench.diagnose.profiles import threshold
from workbench.errors.usage import UsageError
from workbench.workflow.profile_figure import figure_of
from workbench.workflow.profiles import Profile, Profiles

TS = np.linspace(0, 4, 21)


def fitted(
    tmp_path: Path,
    formula: str,
    parameters: list[str],
    truth: np.ndarray,
    sd: float,
    noise: str = "",
    **options: object,
) -> wb.Fitted:
    """A curve fitted to truth (time,) at TS with Gaussian noise of standard deviation sd."""
    lines = ['title = "curve"', "[parameters]", *parameters, "[observed]", f'y = {{ formula = "{formula}"{noise} }}']
    (tmp_path / "curve.toml").write_text("\n".join(lines))
    y = truth + sd * np.random.default_rng(0).normal(size=len(TS))
    data = wb.Dataset(TS, y[:, None], np.array([len(TS)]), ("y",))
    return wb.fit(data, problem=tmp_path / "curve.toml", split="none", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", ["", ', noise = "gaussian"', ', noise = "gaussian", scale = 0.3'])
def test_of_a_linear_model_the_profile_is_the_exact_interval(tmp_path: Path, noise: str) -> None:
    """Student's t on n − p for squares and for a profiled scale, the normal's where the scale is known."""
    found = fitted(tmp_path, "a + b*t", ["a = 1.0", "b = 1.0"], 1 + 2 * TS, 0.3, noise).profile()
    for one in found.parameters.values():
        assert one.verdict == "identified"
        assert one.interval == pytest.approx(one.gauss_newton, rel=1e-6)
    data = 1 + 2 * TS + 0.3 * np.random.default_rng(0).normal(size=len(TS))
    design = np.column_stack([np.ones(len(TS)), TS])
    estimate, squares = np.linalg.lstsq(design, data)[:2]
    known = "scale" in noise
    # t(0.975, 19) = 2.0930240544, the normal's 1.9599639845
    reach = 1.9599639845 * 0.3 if known else 2.0930240544 * np.sqrt(squares[0] / 19)
    reach = reach * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))
    for k, name in enumerate("ab"):
        assert found[name].interval == pytest.approx((estimate[k] - reach[k], estimate[k] + reach[k]), rel=1e-6)


def test_puromycin_has_the_profile_intervals_of_r() -> None:
    """R's confint on nls, as printed in the tests of heal-research/HEAL.NonlinearRegression (`ProfilePuromycin`).

    R interpolates between the values at which it has fitted, so that its ends are off by up to a part in ten thousand.
    """
    found = wb.fit("puromycin", split="none").profile()
    assert found["Vm"].interval == pytest.approx((197.30212848, 229.29006490), abs=2e-3)
    assert found["K"].interval == pytest.approx((0.04692517, 0.08615995), abs=1e-5)
    others = found["Vm"].others["K"]
    assert np.all(np.diff(found["Vm"].at) > 0)
    assert np.all(np.diff(others) > 0)  # the two rise together
    assert len(others) == len(found["Vm"].loss)


def test_a_product_of_two_parameters_is_structurally_not_identified(tmp_path: Path) -> None:
    found = fitted(tmp_path, "a*b*t + c", ["a = 1.0", "b = 1.0", "c = 0.0"], 2 * TS, 0.3).profile()
    assert found["a"].reason == "structurally not identified (flat: b changes with it at the same fit)"
    assert found["b"].verdict == "structurally not identified"
    assert found["a"].interval == (None, None)
    assert found["c"].verdict == "identified"


def test_bounds_do_not_make_a_product_identified(tmp_path: Path) -> None:
    ranges = ["a = { value = 1.0, bounds = [0, 10] }", "b = { value = 1.0, bounds = [0, inf] }"]
    found = fitted(tmp_path, "a*b*t", ranges, 2 * TS, 0.3).profile()
    assert {one.verdict for one in found.parameters.values()} == {"structurally not identified"}


def test_a_saturating_curve_seen_where_it_is_straight_is_practically_not_identified(tmp_path: Path) -> None:
    ranges = ["V = { value = 10.0, bounds = [0, inf] }", "K = { value = 10.0, bounds = [0, 60] }"]
    found = fitted(tmp_path, "V*t/(K + t)", ranges, 20 * TS / (40 + TS), 0.1).profile()
    assert found["K"].reason == "practically not identified (the profile stays below the threshold up to its bound 60)"
    low, high = found["K"].interval
    assert high is None
    assert low is not None
    assert 1 < low < 40


def test_initial_values_have_profiles_and_the_level_decides_their_width() -> None:
    fit = wb.fit("lynx_hare", split="none")
    wide, narrow = (fit.profile(["hare(0)"], level=level)["hare(0)"].interval for level in (0.95, 0.5))
    assert wide[0] < narrow[0] < fit.parameters["hare(0)"]["value"] < narrow[1] < wide[1]  # type: ignore[operator]
    assert wide == pytest.approx(fit.parameters["hare(0)"]["ci95"], rel=0.02)  # nearly linear in the logarithm


def test_a_profile_that_finds_a_better_fit_says_so_and_starts_there(tmp_path: Path) -> None:
    found = fitted(tmp_path, "a*exp(-b*t)", ["a = 1.0", "b = 3.0"], 2 * np.exp(-TS), 0.05, iterations=1).profile()
    fully = fitted(tmp_path, "a*exp(-b*t)", ["a = 1.0", "b = 3.0"], 2 * np.exp(-TS), 0.05)
    assert found["b"].value == pytest.approx(fully.parameters["b"]["value"], rel=1e-5)


def test_what_runs_out_of_time_is_not_decided(tmp_path: Path) -> None:
    found = fitted(tmp_path, "a + b*t", ["a = 1.0", "b = 1.0"], 1 + 2 * TS, 0.3).profile(["a"], max_time=-1.0)["a"]
    assert found.verdict == "not decided"
    assert "cut by the time limit" in found.reason


def test_names_and_losses_without_a_profile_are_refused(tmp_path: Path) -> None:
    line = (tmp_path, "a + b*t", ["a = 1.0", "b = { value = 2.0, fixed = true }"], 1 + 2 * TS, 0.3)
    with pytest.raises(UsageError, match="'b' is held"):
        fitted(*line).profile(["b"])
    with pytest.raises(UsageError, match="'A' is no unknown"):
        fitted(*line).profile(["A"])
    with pytest.raises(UsageError, match="neither squares nor a likelihood"):
        fitted(*line, loss="huber").profile()
    with pytest.raises(UsageError, match="confidence level of 95 was asked for") as error:
        fitted(*line).profile(level=95)
    assert error.value.help == "as a share: level=0.95"


def test_a_weight_is_refused_and_an_initial_value_beside_weights_is_not(tmp_path: Path) -> None:
    y = 3 * np.exp(-0.5 * TS) + 0.02 * np.random.default_rng(0).normal(size=len(TS))
    fit = wb.fit(wb.Dataset(TS, y[:, None], np.array([len(TS)]), ("x",)), settings={"dynamics.hidden": [3]})
    with pytest.raises(UsageError, match="'w0' is a weight, which no data identify"):
        fit.profile(["w0"])
    found = fit.profile()
    assert list(found.parameters) == ["x(0)"]
    assert not any("not converged" in note for note in found.notes)


def test_the_thresholds_agree_where_they_must() -> None:
    squares = threshold(0.95, 1.0, 10**6, 2, likelihood=False, scales_known=False)
    profiled = threshold(0.95, 0.0, 10**6, 2, likelihood=True, scales_known=False)
    known = threshold(0.95, 0.0, 10**6, 2, likelihood=True, scales_known=True)
    assert known == pytest.approx(3.841458820694124 / 2)  # χ² on one degree of freedom
    assert profiled == pytest.approx(known, rel=1e-5)
    assert squares * 10**6 / 2 == pytest.approx(known, rel=1e-5)


def test_the_command_prints_a_table_a_document_and_a_figure(tmp_path: Path) -> None:
    fit = fitted(tmp_path, "a + b*t", ["a = 1.0", "b = 1.0"], 1 + 2 * TS, 0.3)
    run = str(fit.save(tmp_path / "line.h5"))
    shown = CliRunner().invoke(main, ["profile", run, "--plot", str(tmp_path / "line.svg")])
    assert shown.exit_code == 0, shown.output
    assert "identified" in shown.stdout
    assert "<svg" in (tmp_path / "line.svg").read_text()
    document = json.loads(CliRunner().invoke(main, ["profile", run, "a", "--json"]).stdout)
    assert document["schema"] == "workbench/profile/1"
    assert list(document["parameters"]) == ["a"]
    assert document["parameters"]["a"]["ends"] == ["crossed", "crossed"]


def parabola(name: str, value: float, width: float, **more: object) -> Profile:
    """A profile that crosses the threshold 1 at value ± width."""
    at = value + width * np.linspace(-1.1, 1.1, 12)
    known = {"gauss_newton": (value - width, value + width), "verdict": "identified", "reason": "", "others": {}}
    known |= {"interval": (value - width, value + width), "seconds": 0.0, "lower_end": "", "upper_end": ""}
    return Profile(name=name, value=value, at=at, loss=((at - value) / width) ** 2, **(known | more))  # type: ignore[arg-type]


def test_the_figure_has_units_room_between_ticks_and_a_legend_of_all_panels() -> None:
    few = [
        parabola("b", 0.027, 0.008, unit="1/(thousand year)", gauss_newton=None),
        parabola("k", 0.01, 1e-7, unit="1/day"),
        parabola("ka[0]", 1.6, 0.5, unit="1/h", trajectory="Jane"),
        parabola("m", 4e-9, 2e-9),
    ]
    figure = figure_of(Profiles(None, 0.95, "t", 0.0, 1.0, {one.name: one for one in few}))
    assert [panel.get_xlabel() for panel in figure.axes] == ["b [1/(thousand year)]", "k [1/day]", "ka[0] [1/h]", "m"]
    assert figure.axes[2].get_title() == "trajectory Jane: identified"
    assert not any(crowded(axis) for panel in figure.axes for axis in (panel.xaxis, panel.yaxis))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["profile", "threshold, 95 %", "Gauss–Newton interval"]
