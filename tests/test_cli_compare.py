"""`workbench compare`: what it prints, what it stores, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from workbench.cli import main
from workbench.cli.compare import NOT_SHARED, compare
from workbench.cli.fit import fit


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder of runs, and what was printed for two families with two seeds each."""
    folder = tmp_path_factory.mktemp("runs")
    words = "-d equations -d mlp --seeds 2 --iterations 3 -S dynamics.hidden=[3] --name lv --csv"
    return folder, run("compare", "lotka_volterra", *words.split(), "--runs", str(folder))


def test_families_are_fitted_stored_and_printed_best_first(stored: tuple[Path, Result]) -> None:
    folder, result = stored
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert rows[0]["model"] == "equations"
    assert {row["model"] for row in rows} == {"equations", "mlp", "(linear)", "(mean)", "(persistence)"}
    assert rows[0]["runs"] == "lv-equations-0 lv-equations-1"
    assert sorted(path.name for path in folder.glob("*.h5"))[-1] == "lv-mlp-1.h5"


def test_stored_runs_are_compared_and_shown_with_a_truth(stored: tuple[Path, Result]) -> None:
    folder, _ = stored
    result = run("compare", "lv-mlp-0", "lv-mlp-1", "--json", "--truth", "lotka_volterra", "--runs", str(folder))
    assert result.exit_code == 0, result.output
    rows = {row["model"]: row for row in json.loads(result.stdout)["rows"]}
    assert rows["lv-mlp-0"]["field_error_on"] > 0
    shown = run("show", "lv-equations-0", "--truth", "lotka_volterra", "--runs", str(folder))
    assert "prey = 3, predator = 1.5: eigenvalues" in shown.stdout
    table = run("compare", "lv-mlp-0", "lv-mlp-1", "--md", "--runs", str(folder))
    assert table.stdout.startswith("| model | holdout nrmse |")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("lotka_volterra", 2, "lotka_volterra alone is nothing to compare"),
        ("lotka_volterra -d mlp", 2, "one model and one seed"),
        ("lotka_volterra lorenz -d mlp --seeds 2", 2, "file"),
        ("lotka_volterra -d mlpp -d mlp", 2, 'no dynamics is named "mlpp"'),
        ("lotka_volterra -d mlp --seeds 2 --json --csv", 2, "three forms of one table"),
        ("lv-mlp-0 lv-mlp-1 --split none", 2, "--split is about fits"),
        ("lv-mlp-0 lv-mlp-1 --truth lorenz", 2, "has the states x, y, z"),
    ],
)
def test_mistakes_are_one_line_with_a_way_on(stored: tuple[Path, Result], words: str, status: int, said: str) -> None:
    result = run("compare", *words.split(), "--runs", str(stored[0]))
    assert result.exit_code == status
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "help:" in result.stderr


def test_compare_has_every_option_of_fit_that_is_about_fitting() -> None:
    ours = {parameter.name for parameter in compare.params}
    assert {parameter.name for parameter in fit.params} - set(NOT_SHARED) <= ours
