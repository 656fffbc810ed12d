"""Bands of predictions: of the curve, of observations, and of ensembles."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.axes import crowded
from workbench.cli import main
from workbench.errors.usage import UsageError
from workbench.workflow.ensemble_figure import figure_of

TS = np.linspace(0, 4, 21)
T19 = 2.0930240544  # Student's t(0.975) on 19 degrees of freedom


def line(tmp_path: Path, y: np.ndarray, noise: str = "", formula: str = "a + b*t") -> wb.Fitted:
    """A curve fitted to y (time,) at TS."""
    text = f'title = "line"\n[parameters]\na = 1.0\nb = 0.5\n[observed]\ny = {{ formula = "{formula}"{noise} }}\n'
    (tmp_path / "line.toml").write_text(text)
    data = wb.Dataset(TS, y[:, None], np.array([len(TS)]), ("y",))
    return wb.fit(data, problem=tmp_path / "line.toml", split="none")


def half(found: wb.Prediction) -> np.ndarray:
    assert found.upper is not None
    return (found.upper - found.observed)[0, :, 0]


@pytest.mark.parametrize("noise", ["", ', noise = "gaussian"'])
def test_of_a_line_both_bands_are_the_textbooks(tmp_path: Path, noise: str) -> None:
    """t·s·√(h) and t·s·√(1 + h), h = 1/n + (t − mean)²/Σ(t − mean)² (Draper & Smith 1998, §3.1)."""
    y = 1 + 2 * TS + 0.3 * np.random.default_rng(0).normal(size=len(TS))
    fit, at = line(tmp_path, y, noise), np.array([0.0, 2.0, 9.0])
    slope, intercept = np.polyfit(TS, y, 1)
    s = np.sqrt(np.sum((y - intercept - slope * TS) ** 2) / 19)
    h = 1 / 21 + (at - TS.mean()) ** 2 / np.sum((TS - TS.mean()) ** 2)
    np.testing.assert_allclose(half(fit.predict(at, interval=95)), T19 * s * np.sqrt(h), rtol=1e-6)
    new = fit.predict(at, interval=95, band="observation")
    np.testing.assert_allclose(half(new), T19 * s * np.sqrt(1 + h), rtol=1e-6)
    assert new.document()["band"] == {"percent": 95, "of": "observation", "from": "covariance"}
    inside = fit.predict(TS, interval=95, band="observation")
    np.testing.assert_allclose(fit.run.upper, inside.upper[0], rtol=1e-9)  # type: ignore[index]  # what plots draw


def test_lognormal_bands_are_those_of_the_logarithm(tmp_path: Path) -> None:
    errors = 0.2 * np.random.default_rng(1).normal(size=len(TS))
    curve = line(tmp_path, np.exp(1 + 0.5 * TS + errors), ', noise = "lognormal"', "exp(a + b*t)")
    plain = line(tmp_path, 1 + 0.5 * TS + errors)
    for band in ("curve", "observation"):
        found, logs = (fit.predict(np.array([5.0]), interval=95, band=band) for fit in (curve, plain))
        assert found.lower is not None
        assert logs.lower is not None
        np.testing.assert_allclose(np.log(found.lower), logs.lower, rtol=1e-6)


def test_from_another_start_the_band_forgets_the_fitted_one(tmp_path: Path) -> None:
    text = 'title = "decay"\n[parameters]\nk = 1.0\n[states.x]\nequation = "-k*x"\n'
    (tmp_path / "decay.toml").write_text(text + "initial = { value = 1.0, fit = true }\n")
    y = np.exp(-0.5 * TS) + 0.02 * np.random.default_rng(0).normal(size=len(TS))
    data = wb.Dataset(TS, y[:, None], np.array([len(TS)]), ("x",))
    fit = wb.fit(data, problem=tmp_path / "decay.toml", split="none")
    found, k = fit.predict(np.array([0.0, 2.0]), x0=[3.0], interval=95), fit.parameters["k"]
    # dx/dk = −t·x: the start is given, and only k is uncertain
    np.testing.assert_allclose(half(found), [0.0, T19 * 2 * 3 * np.exp(-2 * k["value"]) * k["stderr"]], rtol=1e-4)


def test_on_a_new_record_the_band_is_that_of_what_both_share(tmp_path: Path) -> None:
    """x = 3·exp(−k·t) from the record's first value: dx/dk = −t·x, and the start has no part in it."""
    (tmp_path / "decay.toml").write_text(
        'title = "decay"\n[parameters]\nk = { value = 0.5, transform = "log" }\n'
        '[states.x]\nequation = "-k*x"\ninitial = { value = 1.0, fit = true }\n'
    )
    y = 2 * np.exp(-0.4 * TS) + 0.05 * np.random.default_rng(0).normal(size=len(TS))
    fit = wb.fit(wb.Dataset(TS, y[:, None], np.array([len(TS)]), ("x",)), problem=tmp_path / "decay.toml", split="none")
    k = fit.parameters["k"]
    record = wb.Dataset(np.array([0.0, 2.0]), np.array([[3.0], [1.5]]), np.array([2]), ("x",))
    found = fit.predict(data=record, interval=95)
    np.testing.assert_allclose(half(found), [0.0, T19 * 2 * 3 * np.exp(-2 * k["value"]) * k["stderr"]], rtol=1e-4)
    assert "the band takes the start that the data give for exact" in found.notes
    assert found.metrics is not None


def test_a_band_that_is_none_is_refused(tmp_path: Path) -> None:
    fit = line(tmp_path, 1 + TS)
    with pytest.raises(UsageError, match="no band 'mean'"):
        fit.predict(TS, interval=95, band="mean")
    with pytest.raises(UsageError, match=r"an interval of 0\.95 %") as error:
        fit.predict(TS, interval=0.95)
    assert error.value.help == "in percent: interval=95"
    path = str(fit.save(tmp_path / "line.h5"))
    for words, meant in (
        (["predict", path, "--interval", "0.95"], "write --interval 95"),
        (["profile", path, "--level", "0.9"], "write --level 90"),
        (["bootstrap", path, "--level", "0.9"], "write --level 90"),
    ):
        refused = CliRunner().invoke(main, words)
        assert refused.exit_code == 2
        assert meant in refused.stderr


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> wb.Fitted:
    """A small network on a decay, and three more of other seeds beside it."""
    store = tmp_path_factory.mktemp("runs")
    y = 3 * np.exp(-0.5 * TS) + 0.02 * np.random.default_rng(0).normal(size=len(TS))
    data = wb.Dataset(TS, y[:, None], np.array([len(TS)]), ("x",), units={"x": "mg/L", "t": "h"})
    fit = wb.fit(data, settings={"dynamics.hidden": [4]}, iterations=16, store=store, name="net")
    assert fit.path is not None
    found = wb.ensemble(fit.path, 4)
    assert [member.name for member in found.members] == ["net", "net-seed1", "net-seed2", "net-seed3"]
    return fit


def test_the_members_of_an_ensemble_are_runs_like_others(network: wb.Fitted) -> None:
    assert network.path is not None
    member = wb.load(network.path.with_name("net-seed2.h5"))
    choices = dict(member.run.config["choices"])
    assert choices.pop("seed") == 2
    assert choices == {k: v for k, v in network.run.config["choices"].items() if k != "seed"}
    assert not np.array_equal(member.session.x, network.session.x)
    again = wb.ensemble(network.path, 4)  # what is there is taken as it is
    np.testing.assert_array_equal(again.members[2].session.x, member.session.x)


def test_the_figure_of_an_ensemble_has_units_and_a_legend_of_what_it_shows(network: wb.Fitted) -> None:
    assert network.path is not None
    figure = figure_of(wb.ensemble(network.path, 4), 0.95)
    (panel,), (legend,) = figure.axes, figure.legends
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("t [h]", "x [mg/L]")
    words = [text.get_text() for text in legend.get_texts()]
    assert words == ["members", "95 % of further members", "mean", "observed", "held out"]
    assert not crowded(panel.xaxis)


def test_an_ensemble_predicts_its_mean_and_the_spread_makes_the_band(network: wb.Fitted) -> None:
    assert network.path is not None
    at = np.array([0.5, 3.0, 8.0])
    members = [wb.load(network.path.with_name(f"net{end}.h5")) for end in ("", "-seed1", "-seed2", "-seed3")]
    curves = np.array([member.predict(at).observed[0, :, 0] for member in members])
    found = network.predict(at, ensemble=True, interval=95)
    np.testing.assert_allclose(found.observed[0, :, 0], curves.mean(axis=0), rtol=1e-12)
    t = 3.182446305284263  # Student's t(0.975) on 3 degrees of freedom
    np.testing.assert_allclose(half(found), t * np.sqrt(1.25) * curves.std(axis=0, ddof=1), rtol=1e-9)
    wider = network.predict(at, ensemble=True, interval=95, band="observation")
    assert np.all(half(wider) > half(found))
    assert wider.document()["band"]["from"] == "ensemble"


def test_the_commands_say_what_they_did(network: wb.Fitted) -> None:
    assert network.path is not None
    folder = ["--runs", str(network.path.parent)]
    shown = CliRunner().invoke(
        main, ["ensemble", "net", "-n", "3", "--plot", str(network.path.with_name("net.svg")), *folder]
    )
    assert shown.exit_code == 0, shown.output
    assert "net-seed1" in shown.stdout
    assert "members" in network.path.with_name("net.svg").read_text()
    words = ["predict", "net", "--ensemble", "--interval", "90", "--times", "1,2", "--json", *folder]
    document = json.loads(CliRunner().invoke(main, words).stdout)
    assert document["band"] == {"percent": 90.0, "of": "curve", "from": "ensemble"}
    alone = CliRunner().invoke(main, ["predict", "net", "--interval", "90", "--times", "1,2", *folder])
    assert "there is no band: a network has no standard errors; workbench ensemble RUN" in alone.stderr
    record = wb.Dataset(TS[:5], np.exp(-TS[:5])[:, None], np.array([5]), ("x",))
    new = network.predict(data=record, ensemble=True, interval=90)
    assert new.upper is not None
    assert new.metrics is not None
    np.testing.assert_allclose(new.metrics["sse"], np.sum((new.observed[0, 1:, 0] - record.values[1:, 0]) ** 2))
    refused = CliRunner().invoke(main, ["predict", "net", "--band", "observation", *folder])
    assert refused.exit_code == 2
    assert "--interval 95" in refused.stderr


def test_where_seeds_change_nothing_or_members_are_few_it_is_said(tmp_path: Path) -> None:
    fit = line(tmp_path, 1 + TS)
    path = fit.save(tmp_path / "line.h5")
    with pytest.raises(UsageError, match="its seed changes nothing"):
        wb.ensemble(path)
    with pytest.raises(UsageError, match="it has no ensemble"):
        fit.predict(TS, ensemble=True)
