"""The bootstrap against closed forms of a linear model, and for what neighbours have in common."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli import main
from workbench.dataset import Dataset
from workbench.diagnose.resampling import moving_blocks
from workbench.errors.usage import UsageError
from workbench.model import Selection
from workbench.workflow.drawing import _scattered

TS = np.linspace(0, 4, 41)
SAMPLES = 200
WITHIN = 4 / np.sqrt(2 * SAMPLES)  # of a standard deviation from so many normal draws: four of its own deviations


def line(tmp_path: Path, errors: np.ndarray, noise: str = "") -> wb.Fitted:
    """a + b*t fitted to 1 + 2t + errors (time,) at TS."""
    text = f'title = "line"\n[parameters]\na = 1.0\nb = 2.0\n[observed]\ny = {{ formula = "a + b*t"{noise} }}\n'
    (tmp_path / "line.toml").write_text(text)
    data = Dataset(TS, (1 + 2 * TS + errors)[:, None], np.array([len(TS)]), ("y",))
    return wb.fit(data, problem=tmp_path / "line.toml", split="none")


def independent(seed: int = 0) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).normal(size=len(TS))


@pytest.mark.parametrize(("noise", "block"), [(', noise = "gaussian"', None), ("", 1)])
def test_of_a_linear_model_the_spread_is_the_standard_error(tmp_path: Path, noise: str, block: int | None) -> None:
    fit = line(tmp_path, independent(), noise)
    found = fit.bootstrap(samples=SAMPLES, block=block)
    assert found.method == ("parametric" if noise else "blocks")
    exact = [fit.parameters[name]["stderr"] for name in found.names]
    np.testing.assert_allclose(found.stderr, exact, rtol=WITHIN)
    bias = found.estimates.mean(axis=0) - found.values  # zero; its own standard error is stderr/√samples
    assert np.all(np.abs(bias) < 4 * found.stderr / np.sqrt(SAMPLES))
    assert found.failed == 0


def test_blocks_see_what_neighbours_have_in_common(tmp_path: Path) -> None:
    """Errors that are alike in neighbours leave the mean of a line less certain than independent ones of that size."""
    rng, errors = np.random.default_rng(3), np.zeros(len(TS))
    for k in range(1, len(TS)):
        errors[k] = 0.8 * errors[k - 1] + 0.2 * rng.normal()
    fit = line(tmp_path, errors)
    single, blocks = (fit.bootstrap(samples=SAMPLES, block=block).stderr for block in (1, 8))
    assert np.all(blocks > 1.2 * single)


def test_whole_trajectories_are_drawn_where_there_are_several(tmp_path: Path) -> None:
    text = 'title = "decay"\n[parameters]\nk = 1.0\n[states.x]\nequation = "-k*x"\ninitial = 1.0\n'
    (tmp_path / "decay.toml").write_text(text)
    ts, rates = np.linspace(0, 2, 6), 1 + 0.1 * np.random.default_rng(0).normal(size=8)
    values = np.concatenate([np.exp(-rate * ts) for rate in rates])
    data = Dataset(np.tile(ts, 8), values[:, None], np.full(8, 6), ("x",))
    found = wb.fit(data, problem=tmp_path / "decay.toml", split="none").bootstrap(samples=100)
    assert (found.method, found.names) == ("trajectories", ("k",))
    # rates differ between trajectories and nothing else does: the error is that of their mean
    assert found.stderr[0] == pytest.approx(np.std(rates) / np.sqrt(8), rel=0.35)


def test_a_trajectory_that_is_taken_twice_counts_twice() -> None:
    values = np.arange(5.0)[:, None]
    data = Dataset(np.array([0.0, 1, 0, 1, 2]), values, np.array([2, 3]), ("x",), sd=values + 10)
    taken = Selection.of(data, np.ones(5, dtype=bool)).take(np.array([1, 1]))
    assert taken.rows.tolist() == [1, 1]
    assert taken.values[:, 0].tolist() == [2, 3, 4, 2, 3, 4]
    assert taken.row.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(taken.sd, taken.values + 10)


def test_trajectories_are_drawn_with_the_deviations_of_their_values(tmp_path: Path) -> None:
    """Of a constant per trajectory and deviations that differ, the estimate is the weighted mean of those drawn."""
    text = 'title = "level"\n[parameters]\na = 1.0\n[observed]\ny = { formula = "a", noise = "gaussian" }\n'
    (tmp_path / "level.toml").write_text(text)
    sd = np.tile([0.1, 1.0], 6)
    values = np.repeat(1 + 0.1 * np.random.default_rng(4).normal(size=6), 2) + np.tile([0.0, 0.5], 6)
    data = Dataset(np.tile([0.0, 1.0], 6), values[:, None], np.full(6, 2), ("y",), sd=sd[:, None])
    fit = wb.fit(data, problem=tmp_path / "level.toml", split="none")
    found = fit.bootstrap(samples=20, method="trajectories")
    taken = [child.integers(0, 6, 6) for child in np.random.default_rng([0, 5]).spawn(20)]
    means = [np.average(values.reshape(6, 2)[k].ravel(), weights=sd**-2) for k in taken]
    # a fit ends where its loss, below 20, falls by less than 1e-10 of itself: half of (off / standard error)²
    assert np.abs(found.estimates[:, 0] - means).max() < 0.1 / np.sqrt(6) * np.sqrt(2 * 1e-10 * 20)


def test_blocks_keep_their_order_and_fill_what_is_missing() -> None:
    residuals = np.column_stack([np.arange(10.0), np.where(np.arange(10) == 4, np.nan, 1.0)])
    drawn = moving_blocks(residuals, 5, np.random.default_rng(0))
    assert drawn.shape == (10, 2)
    assert np.all(np.diff(drawn[:5, 0]) == 1)
    assert np.all(drawn[:, 1] == 1.0)


def test_fits_that_do_not_converge_are_counted_and_left_out(tmp_path: Path) -> None:
    """Of a saturating curve seen where it is nearly straight some draws are straight, and V and K go on growing."""
    text = 'title = "straight"\n[parameters]\nV = 20.0\nK = 40.0\n[observed]\n'
    (tmp_path / "straight.toml").write_text(text + 'y = { formula = "V*t/(K + t)", noise = "gaussian" }\n')
    data = Dataset(TS, (20 * TS / (40 + TS) + independent())[:, None], np.array([len(TS)]), ("y",))
    found = wb.fit(data, problem=tmp_path / "straight.toml", split="none").bootstrap(samples=20)
    assert found.failed > 0
    assert len(found.estimates) + found.failed == 20
    assert found.notes == (f"{found.failed} of 20 fits did not converge and are left out",)


def test_equal_seeds_draw_alike_and_what_has_no_bootstrap_is_refused(tmp_path: Path) -> None:
    fit = line(tmp_path, independent())
    one, two, other = (fit.bootstrap(samples=20, seed=seed).estimates for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)
    with pytest.raises(UsageError, match="too few"):
        fit.bootstrap(samples=5)
    with pytest.raises(UsageError, match="no bootstrap"):
        fit.bootstrap(method="jackknife")
    with pytest.raises(UsageError, match="blocks of 21 are too long for 41 observations a trajectory"):
        fit.bootstrap(block=21)
    with pytest.raises(UsageError, match="one trajectory"):
        fit.bootstrap(method="trajectories")
    with pytest.raises(UsageError, match="only 0 of 0"):
        fit.bootstrap(max_time=-1.0)


def test_fits_of_networks_to_drawn_data_come_to_an_end() -> None:
    """Their weights creep on for ever: before that counted as an end, none of these 20 fits converged."""
    data = wb.simulate("lotka_volterra", noise="3%", samples=41, span=(0.0, 12.0)).dataset()
    fit = wb.fit(data, dynamics="mlp", settings={"dynamics.hidden": [6]})
    found = fit.bootstrap(samples=20)
    assert found.failed <= 2
    assert found.names == ("prey(0)", "predator(0)")


def test_the_command_prints_a_table_and_a_document(tmp_path: Path) -> None:
    run = str(line(tmp_path, independent()).save(tmp_path / "run.h5"))
    shown = CliRunner().invoke(main, ["bootstrap", run, "--samples", "20", "--block", "1"])
    assert shown.exit_code == 0, shown.output
    assert "blocks of 1" in shown.stdout
    document = json.loads(CliRunner().invoke(main, ["bootstrap", run, "--samples", "20", "--json"]).stdout)
    assert document["schema"] == "workbench/bootstrap/1"
    assert len(document["parameters"]["a"]["estimates"]) == 20


@pytest.mark.parametrize(
    ("kind", "freedom", "deviation", "variance"),
    [
        ("gaussian", np.inf, 0.7, 0.49),
        ("student(5)", 5.0, 0.7, 0.49),
        ("poisson", np.inf, np.nan, 9.0),
        ("negative-binomial", np.inf, 0.5, 9.0 + 0.5 * 81.0),
    ],
)
def test_observations_are_drawn_with_the_variance_of_their_noise(
    kind: str, freedom: float, deviation: float, variance: float
) -> None:
    """Of 40,000 draws the variance is off by a few hundredths; that of t(5) has few moments, so more."""
    n = 40_000
    drawn = _scattered(kind, freedom, np.full(n, 9.0), np.full(n, deviation), np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(9.0, abs=5 * np.sqrt(variance / n))
    assert drawn.var() == pytest.approx(variance, rel=0.1)
