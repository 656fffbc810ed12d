"""What single tests hold apart, in one fit: a hybrid, a prior, measured deviations, a hidden state, several starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import workbench as wb

OSCILLATOR = """
[states.x]
equation = "v"
initial  = { value = 1.0, fit = true }
[states.v]
equation = "-k*x + drag(v)"
initial  = { value = 0.0, fit = true }
[parameters]
k = { value = 3.0, transform = "log", prior = "lognormal(1.2, 0.5)" }
[networks.drag]
hidden = [4]
[observed.x]
formula = "x"
noise   = "gaussian"
"""


@pytest.fixture(scope="module")
def data() -> wb.Dataset:
    t = np.linspace(0, 8, 100)
    path = solve_ivp(lambda t, y: [y[1], -4 * y[0] - 0.5 * y[1]], (0, 8), [1.5, 0], t_eval=t, rtol=1e-9, atol=1e-9)
    seen = path.y[0] + 0.03 * np.random.default_rng(0).standard_normal(len(t))
    return wb.Dataset(t, seen[:, None], [len(t)], ("x",), sd=np.full((len(t), 1), 0.03))


@pytest.mark.parametrize(("strategy", "starts"), [("multiple-shooting", 1), ("ladder", 2), ("horizon", 1)])
def test_a_hybrid_with_a_prior_and_known_errors_is_fitted_by_every_strategy(
    strategy: str, starts: int, data: wb.Dataset, tmp_path: Path
) -> None:
    problem = tmp_path / "oscillator.toml"
    problem.write_text(OSCILLATOR, encoding="utf-8")
    found = wb.fit(data, problem=problem, strategy=strategy, starts=starts, iterations=60, store=tmp_path, name="all")
    # the noise of 0.03 leaves some 95 % to the true curve
    assert found.metrics["train"]["fit_percent"] > 85
    # a standard error of 0.5 %, and what the learned drag takes over from the spring
    assert found.parameters["k"]["value"] == pytest.approx(4.0, rel=0.05)
    assert found.parameters["k"]["prior"]["density"] == "lognormal(1.2, 0.5)"
    again = wb.load(tmp_path / "all.h5")
    np.testing.assert_array_equal(again.predict(data.t).observed, found.predict(data.t).observed)
    assert (found.starts is None) == (starts == 1)


DOSES = """
[states.x]
equation = "-k*x"
initial  = { value = 1.0, fit = true }
[events.dose]
time = [1.0, 2.0, 3.0]
map  = { x = "x + d" }
[parameters]
k = { value = 0.5, transform = "log", prior = "lognormal(0, 1)" }
d = { value = 0.5, transform = "log" }
[observed.x]
formula = "x"
noise   = "gaussian"
"""


def test_doses_with_known_errors_are_fitted_on_the_whole_and_in_windows(tmp_path: Path) -> None:
    t, x, seen = np.linspace(0, 4, 81), 1.0, []
    for k, now in enumerate(t):
        seen.append(x)
        x = (x + (1.5 if k and float(now).is_integer() else 0.0)) * np.exp(-0.8 * 0.05)
    noise = 0.02 * np.random.default_rng(1).standard_normal(len(t))
    data = wb.Dataset(t, (np.array(seen) + noise)[:, None], [len(t)], ("x",), sd=np.full((len(t), 1), 0.02))
    problem = tmp_path / "doses.toml"
    problem.write_text(DOSES, encoding="utf-8")
    for strategy in ("ladder", "multiple-shooting"):
        found = wb.fit(data, problem=problem, strategy=strategy)
        # standard errors of 0.9 % and 0.6 %
        assert found.parameters["k"]["value"] == pytest.approx(0.8, rel=0.03)
        assert found.parameters["d"]["value"] == pytest.approx(1.5, rel=0.03)
        assert found.run.metrics["ahead"]["reason"] == "events happen between observations"
