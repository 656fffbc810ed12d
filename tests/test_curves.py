"""Problems without states: curves in t, through the same chain as dynamics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from workbench_reports.card import card

import workbench as wb
from workbench.errors.numerics import GradientUnavailable

LINE = """
title = "a line"
time = { span = [0, 4], samples = 5 }
[parameters]
a = 1.0
b = 2.0
[derived]
root = "-a/b"
[observed]
y = "a + b*t"
"""


def test_puromycin_has_the_estimates_and_errors_of_r() -> None:
    """R's nls on the treated enzyme (Bates & Watts 1988, p. 269): 212.684 ± 6.947 and .06412 ± .00828."""
    found = wb.fit("puromycin", split="none").parameters
    assert found["Vm"]["value"] == pytest.approx(212.684, abs=5e-4)
    assert found["K"]["value"] == pytest.approx(0.06412, abs=5e-6)
    assert found["Vm"]["stderr"] == pytest.approx(6.947, rel=1e-3)
    assert found["K"]["stderr"] == pytest.approx(0.00828, rel=1e-3)


def test_dnase_has_the_estimates_and_errors_of_r() -> None:
    """R's nls with SSlogis on the first run: 2.34518 ± .07815, 1.48309 ± .08135 and 1.04146 ± .03227."""
    found = wb.fit("dnase", split="none").parameters
    r = {"Asym": (2.34518, 0.07815), "xmid": (1.48309, 0.08135), "scal": (1.04146, 0.03227)}
    for name, (value, stderr) in r.items():
        assert found[name]["value"] == pytest.approx(value, abs=1e-5)
        assert found[name]["stderr"] == pytest.approx(stderr, rel=1e-3)


DOSE = """
title = "a dose response"
[parameters]
top = 90.0
ec50 = { value = 1.0, transform = "log" }
[observed]
response = "top*t/(ec50 + t)"
"""


def test_of_a_curve_nothing_is_held_out_and_its_column_keeps_its_name(tmp_path: Path) -> None:
    """A tail of a column of doses is no future, and nothing follows from the first dose: no persistence, no ODE."""
    doses = np.array([0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
    response = 100 * doses / (2 + doses) + np.array([1.0, -1.0, 2.0, -2.0, 1.0, -1.0, 0.5])
    lines = [f"{dose},{y}" for dose, y in zip(doses, response, strict=True)]
    (tmp_path / "dose.csv").write_text("\n".join(["conc,response", *lines]))
    (tmp_path / "dose.toml").write_text(DOSE)
    said: list[str] = []
    fit = wb.fit(
        tmp_path / "dose.csv",
        problem=tmp_path / "dose.toml",
        time="conc",
        store=tmp_path,
        name="dose",
        on_notes=said.extend,
    )
    assert fit.metrics["holdout"] is None
    assert fit.run.config["split"] == "none"
    assert "a curve: nothing is held out (--split overrides)" in said
    assert "*conc/(conc + " in fit.equations[0]
    slope, level = np.polyfit(doses, response, 1)
    baselines = fit.metrics["baselines"]
    assert set(baselines) == {"mean", "line"}
    np.testing.assert_allclose(baselines["line"]["train"]["sse"], np.sum((level + slope * doses - response) ** 2))
    text = card(wb.load("dose", tmp_path).run)
    assert "predict dose --times 0.1:100:101" in text
    held = wb.fit(tmp_path / "dose.csv", problem=tmp_path / "dose.toml", time="conc", split="last:2")
    assert held.metrics["holdout"]["n"] == 2


@pytest.fixture
def line(tmp_path: Path) -> Path:
    file = tmp_path / "line.toml"
    file.write_text(LINE)
    return file


def test_a_line_is_simulated_fitted_stored_and_predicted_exactly(line: Path, tmp_path: Path) -> None:
    simulated = wb.simulate(line)
    np.testing.assert_array_equal(simulated.observed[0, :, 0], 1 + 2 * np.arange(5.0))
    fitted = wb.fit(line, split="none", start_values={"a": 0.0, "b": 0.0}, store=tmp_path, name="line")
    np.testing.assert_allclose([fitted.parameters[k]["value"] for k in ("a", "b", "root")], [1, 2, -0.5], atol=1e-9)
    assert fitted.equations == ("y = 2*t + 1",)
    assert fitted.run.diagnostics["checks"]["solver_swap"] is None
    assert fitted.run.diagnostics["checks"]["gradient"] is None
    again = wb.load(tmp_path / "line.h5").predict(np.array([0.0, 10.0]))
    assert again.states.shape == (1, 2, 0)
    np.testing.assert_allclose(again.observed[0, :, 0], [1, 21], atol=1e-8)


def test_a_curve_asks_nothing_of_a_solver(line: Path) -> None:
    with pytest.raises(GradientUnavailable):
        wb.fit(line, gradient="backprop")
