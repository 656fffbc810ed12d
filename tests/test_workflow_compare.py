"""Comparisons: families on one split with several seeds, stored runs, and what cannot be set side by side."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors.usage import UnknownName, UsageError

SMALL: dict[str, Any] = {"settings": {"dynamics.hidden": (3,)}, "iterations": 3}


def spiral(noise: str | None = None) -> wb.Dataset:
    return wb.simulate("damped_spiral", samples=30, span=(0, 3), noise=noise).dataset()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def table(store: Path) -> wb.Comparison:
    """Equations and a network, two seeds each, stored as s-….h5."""
    options = {**SMALL, "iterations": 6}
    return wb.compare(
        spiral(),
        ["mlp", "equations"],
        problem="damped_spiral",
        seeds=2,
        name="s",
        store=store,
        truth="damped_spiral",
        **options,
    )


def row(table: wb.Comparison, model: str) -> dict[str, Any]:
    return next(one for one in table.rows if one["model"] == model)


def test_rows_are_medians_over_the_seeds_with_their_spread(table: wb.Comparison) -> None:
    each = [fit.metrics["holdout"]["nrmse"] for fit in table.fits["mlp"]]
    mlp = row(table, "mlp")
    assert mlp["holdout nrmse"] == pytest.approx(np.median(each))
    assert mlp["spread"] == [min(each), max(each)]
    assert min(each) < max(each), "the seeds draw different weights"
    assert row(table, "equations")["spread"][0] == row(table, "equations")["spread"][1], "nothing is drawn"
    assert mlp["seeds"] == "2/2"
    assert mlp["runs"] == ("s-mlp-0", "s-mlp-1")


def test_every_fit_has_the_same_data_and_split_and_options_reach_those_that_have_them(table: wb.Comparison) -> None:
    fits = [fit for fits in table.fits.values() for fit in fits]
    assert len(fits) == 4
    for fit in fits:
        np.testing.assert_array_equal(np.asarray(fit.run.part) == 2, np.asarray(fits[0].run.part) == 2)
        assert fit.run.config["limits"] == {"iterations": 6, "max_time": None}
    assert table.fits["mlp"][0].run.config["settings"] == {"dynamics.hidden": [3]}
    assert table.fits["equations"][0].run.config["settings"] == {}


def test_columns_of_the_truth_stand_beside_the_scores(table: wb.Comparison) -> None:
    right, network = row(table, "equations"), row(table, "mlp")
    for column in ("field on", "field off", "eigenvalues"):
        assert right[column] < 1e-4
    assert network["field on"] > 1e-3
    assert "field on" in str(table)
    assert "lyapunov" not in str(table), "a column without a number is left out"


def test_the_forms_hold_the_same_table(table: wb.Comparison) -> None:
    document = json.loads(json.dumps(table.document(), allow_nan=False))
    assert document["schema"] == "workbench/compare/1"
    models = [one["model"] for one in document["rows"]]
    assert [line["model"] for line in csv.DictReader(io.StringIO(table.csv()))] == models
    lines = table.markdown().splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == models
    assert len({line.count("|") for line in lines}) == 1
    assert [line.split()[0] for line in str(table).splitlines()[1:]] == models


def test_a_model_that_always_fails_is_a_row_at_the_end(tmp_path: Path) -> None:
    found = wb.compare(spiral(), ["equations", "mlp"], **SMALL)
    assert found.rows[-1]["model"] == "equations"
    assert (found.rows[-1]["verdict"], found.rows[-1]["seeds"]) == ("failed", "0/1")
    assert found.document()["failures"]["equations"] == found.failures["equations"]
    assert "equations: seed 0" in found.markdown()


def test_stored_runs_are_rows_as_they_are(table: wb.Comparison, store: Path) -> None:
    found = wb.compare_runs(["s-mlp-0", "s-equations-0"], store=store)
    assert [one["model"] for one in found.rows if not one["model"].startswith("(")] == ["s-equations-0", "s-mlp-0"]
    assert row(found, "s-mlp-0")["holdout nrmse"] == table.fits["mlp"][0].metrics["holdout"]["nrmse"]
    assert row(found, "s-mlp-0")["field on"] is not None
    assert wb.compare(["s-mlp-0", "s-equations-0"], store=store).rows == found.rows
    again = wb.compare_runs([*table.fits["mlp"]], truth="damped_spiral")
    assert row(again, "s-mlp-0")["field on"] == pytest.approx(row(found, "s-mlp-0")["field on"])


def test_runs_with_other_limits_are_compared_with_a_note(table: wb.Comparison) -> None:
    other = wb.fit(spiral(), dynamics="mlp", **SMALL)
    found = wb.compare_runs([table.fits["mlp"][0], other])
    assert found.notes == ("the runs had different limits of iterations or time",)
    assert row(found, "mlp 2")["runs"] == ()


def test_what_cannot_be_set_side_by_side_is_refused(table: wb.Comparison, store: Path) -> None:
    first = table.fits["mlp"][0]
    noisy = wb.fit(spiral("5%"), dynamics="mlp", **SMALL)
    whole = wb.fit(spiral(), dynamics="mlp", split="none", **SMALL)
    with pytest.raises(UsageError, match="of different data"):
        wb.compare_runs([first, noisy])
    with pytest.raises(UsageError, match=r"hold out different parts \(last:20%, none\)"):
        wb.compare_runs([first, whole])
    with pytest.raises(UsageError, match="nothing to compare"):
        wb.compare_runs([first])
    with pytest.raises(UsageError, match="named twice"):
        wb.compare_runs(["s-mlp-0", "s-mlp-0"], store=store)
    with pytest.raises(UsageError, match="has the states x, y, z, the model x, y"):
        wb.compare_runs(table.fits["mlp"], truth="lorenz")
    with pytest.raises(UsageError, match="one model and one seed"):
        wb.compare(spiral(), ["mlp"])
    with pytest.raises(UnknownName, match="mlpp"):
        wb.compare(spiral(), ["mlpp", "mlp"])
