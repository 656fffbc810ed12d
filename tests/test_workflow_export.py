"""`export`: runs of several kinds in every format, verified against themselves; what is refused."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import workbench as wb
from workbench.cli import main
from workbench.errors.usage import FormatUnknown, NotExportable
from workbench.workflow import export_check
from workbench.workflow.exported import SUFFIXES, form_of

OWN = """
[states.x]
equation = "-k*x + b*u + c1"
initial  = { value = 1.0, fit = true }
[parameters]
k = { value = 0.7, per = "trajectory" }
b = { value = 0.5, unit = "1/s" }
[covariates]
c1 = { column = "c1" }
[inputs.u]
interpolation = "linear"
[observed.y]
formula = "2*x"
"""


def _own(folder: Path) -> wb.Fitted:
    """Two trajectories with rates of their own, an input, a covariate and an observed function."""
    problem = folder / "own.toml"
    problem.write_text(OWN, encoding="utf-8")
    lines = ["id,t,u,c1,y"]
    for name, rate, c in (("a", 0.5, 0.1), ("b", 0.9, 0.3)):
        lines += [
            f"{name},{t:g},{np.sin(t):.6f},{c},{2 * np.exp(-rate * t) + c * t:.6f}" for t in np.arange(0, 4, 0.25)
        ]
    table = folder / "own.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return wb.fit(table, problem=problem, trajectory="id", iterations=10, store=folder, name="own")


def _stiff(folder: Path) -> wb.Fitted:
    data = replace(wb.simulate("robertson", solver="rodas5p").dataset(), source="")  # no truth to retrace: it is stiff
    return wb.fit(data, problem="robertson", solver="rodas5p", iterations=2, store=folder, name="stiff")


def _network(folder: Path) -> wb.Fitted:
    settings = {"dynamics.hidden": [5]}
    data = wb.simulate("lotka_volterra", samples=30).dataset()
    return wb.fit(data, dynamics="mlp", iterations=8, settings=settings, store=folder, name="network")


def _linear(folder: Path) -> wb.Fitted:
    data = wb.simulate("lotka_volterra", samples=30).dataset()
    return wb.fit(data, dynamics="linear", iterations=8, store=folder, name="linear")


def _curve(folder: Path) -> wb.Fitted:
    return wb.fit("puromycin", iterations=20, store=folder, name="curve")


KINDS = {"own": _own, "stiff": _stiff, "network": _network, "linear": _linear, "curve": _curve}


@pytest.fixture(scope="module", params=KINDS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> wb.Fitted:
    return KINDS[request.param](tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("format", [name for name in SUFFIXES if name != "latex"])
def test_what_is_exported_is_read_back_and_agrees_with_the_run(run: wb.Fitted, format: str, tmp_path: Path) -> None:
    made = run.export(format, tmp_path / f"model{SUFFIXES[format]}", verify=True)
    assert made.agreement is not None
    assert made.agreement.holds, made.agreement
    assert made.path is not None
    assert made.path.stat().st_size > 100


def test_latex_is_made_of_every_run_and_read_back_by_nobody(run: wb.Fitted) -> None:
    made = run.export("latex")
    assert made.text is not None
    assert r"\begin{align*}" in made.text
    with pytest.raises(NotExportable, match="nothing reads it back"):
        run.export("latex", verify=True)


def test_a_program_that_computes_something_else_is_found(run: wb.Fitted) -> None:
    """A parameter, or where there is none that matters the start, changed by 1e-6 of itself."""
    form = form_of(run)
    text = run.export("python").text
    assert text is not None
    changed = text + "\n\n_p = P.copy()\nP = P * (1 + 1e-6)\n"
    assert export_check.agreement_of(run, form, "python", text).holds
    assert not export_check.agreement_of(run, form, "python", changed).holds


def test_csv_holds_every_digit_of_data_and_prediction(run: wb.Fitted) -> None:
    text = run.export("csv").text
    assert text is not None
    rows = list(csv.DictReader(text.splitlines()))
    channel = run.run.dataset.channels[0]
    found = [float(row[f"{channel}_predicted"] or "nan") for row in rows]
    np.testing.assert_array_equal(found, np.asarray(run.run.prediction)[:, 0])


def _invoke(*words: str) -> Any:
    return CliRunner().invoke(main, list(words))


def test_the_command_prints_writes_verifies_and_refuses(tmp_path: Path) -> None:
    _linear(tmp_path)
    store = ["--runs", str(tmp_path)]
    printed = _invoke("export", "linear", "python", *store)
    assert printed.exit_code == 0
    assert "def rhs(t, y" in printed.stdout
    written = _invoke("export", "linear", "c", "-o", str(tmp_path / "m.c"), "--verify", *store)
    assert written.exit_code == 0
    assert "agrees with the run" in written.stderr
    told = json.loads(
        _invoke("export", "linear", "torch", "-o", str(tmp_path / "m.py"), "--verify", "--json", *store).stdout
    )
    assert told["schema"] == "workbench/export/1"
    assert told["agreement"]["holds"]
    for words, status, said in (
        (["export", "linear", "pyton"], 2, "did you mean 'python'"),
        (["export", "linear", "netcdf"], 2, "-o FILE.nc"),
        (["export", "nothing", "c"], 2, "nothing"),
        (["export", "linear", "c", "-o", "/proc/no/m.c"], 5, "cannot be written"),
    ):
        refused = _invoke(*words, *store)
        assert refused.exit_code == status, refused.output
        assert said in refused.stderr


def test_an_unknown_format_is_named_in_python_too(tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown):
        _linear(tmp_path).export("fortran")


def test_what_only_torch_knows_is_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _linear(tmp_path)
    monkeypatch.setattr(run.session.model, "lowered", None)
    with pytest.raises(NotExportable, match="torch module"):
        run.export("python")
    assert run.export("csv").text
