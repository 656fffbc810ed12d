"""The main job from the command line: fit, go on, show, predict, draw, and gates, on real data."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from workbench.cli import main

BEST = 122.927
"""Negative log-likelihood that Lotka–Volterra reaches on these data from the right start (an independent optimum)."""


def run(*words: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, list(words))


def answer(*words: str) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one fit of lynx and hare, named `lynx`."""
    folder = tmp_path_factory.mktemp("runs")
    assert run("fit", "lynx_hare", "--split", "none", "--name", "lynx", "--runs", str(folder)).exit_code == 0
    return folder


def test_the_main_job_reaches_the_optimum_and_stores_a_whole_run(store: Path) -> None:
    document = answer("show", "lynx", "--runs", str(store))
    assert document["schema"] == "workbench/fit/1"
    assert document["metrics"]["train"]["nll"] <= BEST
    assert document["metrics"]["holdout"] is None
    assert set(document["metrics"]["baselines"]) == {"mean", "persistence", "linear"}
    verified = answer("runs", "verify", "--runs", str(store))
    assert [one["whole"] for one in verified["runs"]] == [True]


def test_a_fit_prints_parameters_equations_and_verdict_and_keeps_progress_off_the_answer(tmp_path: Path) -> None:
    result = run("fit", "lynx_hare", "--runs", str(tmp_path), "--name", "held-out")
    assert result.exit_code == 0
    for word in ("alpha", "d hare/dt = ", "verdict", "persistence", "workbench predict held-out"):
        assert word in result.stdout
    assert "step " in result.stderr
    assert not any(line.startswith("step ") for line in result.stdout.splitlines())


def test_show_reads_a_run_that_was_moved_away(store: Path, tmp_path: Path) -> None:
    moved = shutil.copy(store / "lynx.h5", tmp_path / "elsewhere.h5")
    assert answer("show", str(moved))["status"] == "converged"


def test_a_finished_run_is_not_changed_by_resume(store: Path) -> None:
    before = (store / "lynx.h5").read_bytes()
    assert run("fit", "--resume", "lynx", "--runs", str(store)).exit_code == 0
    assert (store / "lynx.h5").read_bytes() == before


def test_the_printed_configuration_fits_the_same_again(store: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "again.toml"
    recipe.write_text(run("show", "lynx", "--config", "--runs", str(store)).stdout)
    again = answer("fit", "lynx_hare", "--config", str(recipe), "--runs", str(tmp_path))
    first = answer("show", "lynx", "--runs", str(store))
    assert again["parameters"] == first["parameters"]
    assert again["choices"] == first["choices"]


def test_a_closed_gate_exits_1_and_says_which_while_the_run_is_kept(tmp_path: Path) -> None:
    words = ["fit", "lynx_hare", "--split", "none", "--runs", str(tmp_path), "--name", "gated"]
    result = run(*words, "--fail-if", "nll>100", "--fail-if", "train.rmse.hare>1e6", "--fail-if", "verdict=bad")
    assert result.exit_code == 1
    assert "gate closed: nll>100: it is 122.9" in result.stderr
    assert result.stderr.count("gate closed") == 1
    assert (tmp_path / "gated.h5").exists()


def test_a_gate_on_something_that_was_not_computed_is_closed(tmp_path: Path) -> None:
    words = ["fit", "lynx_hare", "--split", "none", "--runs", str(tmp_path)]
    result = run(*words, "--fail-if", "holdout.nrmse>0.5")
    assert result.exit_code == 1
    assert "holdout.nrmse was not computed" in result.stderr


def test_a_dry_run_says_what_would_be_done_and_leaves_nothing(tmp_path: Path) -> None:
    document = answer("fit", "lynx_hare", "--dry-run", "--runs", str(tmp_path / "runs"))
    assert document["schema"] == "workbench/fit-plan/1"
    assert sum(document["split"].values()) == document["data"]["rows"] == 21
    assert document["choices"]["device"] == "cpu"
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_refuses_a_device_that_is_not_there() -> None:
    result = run("fit", "lynx_hare", "--dry-run", "--device", "cuda:77")
    assert result.exit_code == 2
    assert "there is no device 'cuda:77'" in result.stderr


def test_a_prediction_is_a_csv_that_can_be_read_back_exactly(store: Path, tmp_path: Path) -> None:
    words = ["predict", "lynx", "--times", "1900:1910:11", "--interval", "95", "--runs", str(store)]
    rows = list(csv.DictReader(io.StringIO(run(*words).stdout)))
    document = answer(*words)
    assert [float(row["year"]) for row in rows] == document["times"]
    assert [float(row["hare"]) for row in rows] == document["observed"]["hare"]
    assert all(float(row["hare_lower"]) < float(row["hare"]) < float(row["hare_upper"]) for row in rows)
    out = tmp_path / "future.csv"
    assert run(*words, "-o", str(out)).stdout == f"{out}\n"
    assert list(csv.DictReader(io.StringIO(out.read_text()))) == rows


def test_a_prediction_from_another_start_begins_there(store: Path) -> None:
    document = answer("predict", "lynx", "--times", "1900,1901", "--x0", "hare=20,lynx=10", "--runs", str(store))
    assert (document["states"]["hare"][0], document["states"]["lynx"][0]) == (20.0, 10.0)


def test_figures_are_written_where_they_are_asked_for(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit.svg"
    document = answer("plot", "lynx", "--kind", "fit", "-o", str(out), "--runs", str(store))
    assert document["files"] == [str(out)]
    assert out.read_text().lstrip().startswith("<?xml")


def test_a_simulation_can_be_fitted_as_a_data_file(tmp_path: Path) -> None:
    """What is simulated without noise is found again: to the solver's tolerance, ten times over for the fit."""
    data = tmp_path / "decay.csv"
    assert run("simulate", "decay", "--set", "k=0.7", "-o", str(data)).exit_code == 0
    document = answer("fit", str(data), "--problem", "decay", "--runs", str(tmp_path))
    assert document["parameters"]["k"]["value"] == pytest.approx(0.7, rel=1e-5)


def test_seeds_make_noise_repeatable() -> None:
    words = ["simulate", "decay", "--noise", "5%", "--samples", "5"]
    assert run(*words, "--seed", "1").stdout == run(*words, "--seed", "1").stdout
    assert run(*words, "--seed", "1").stdout != run(*words, "--seed", "2").stdout


@pytest.mark.parametrize("place", ["{folder}/none/x.csv", "{folder}"])
def test_what_cannot_be_written_is_told_with_the_status_of_stores_and_leaves_nothing(
    place: str, tmp_path: Path
) -> None:
    out = Path(place.format(folder=tmp_path)) if "none" in place else tmp_path / "folder.csv"
    if "none" not in place:
        out.mkdir()
    result = run("simulate", "decay", "--samples", "3", "-o", str(out))
    assert result.exit_code == 5
    assert result.stderr.startswith("error[R001]: ")
    assert result.stderr.count("\n") == 1
    assert not [file for file in tmp_path.iterdir() if file.name.endswith(".tmp")]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_fit_keeps_its_run_and_says_how_to_go_on(number: int, status: int, tmp_path: Path) -> None:
    words = ["fit", "lynx_hare", "-d", "mlp", "--strategy", "single", "--optimizer", "adam", "--name", "cut"]
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", *words, "--runs", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.readline()  # the first line of progress: the run has been committed once, and steps are taken
    process.send_signal(number)
    _, rest = process.communicate(timeout=120)
    assert process.returncode == status, said + rest
    assert "go on with: workbench fit --resume cut" in rest
    assert "Traceback" not in rest
    assert answer("show", "cut", "--runs", str(tmp_path))["status"] == "interrupted"
    gone_on = answer("fit", "--resume", "cut", "--iterations", "3", "--runs", str(tmp_path))
    assert gone_on["status"] in ("iterations", "converged", "early_stop")


# --- where options come from -------------------------------------------------------------------------------------


def planned(*words: str, **environment: str) -> dict[str, Any]:
    result = run("fit", "lynx_hare", "--dry-run", "--json", *words, **environment)
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a workbench.toml, and a user's configuration; both differ."""
    monkeypatch.chdir(tmp_path)
    user = tmp_path / "config" / "workbench"
    user.mkdir(parents=True)
    (user / "config.toml").write_text("[fit]\nseed = 1\nloss = 'mse'\nstrategy = 'single'\n[solver]\nrtol = 1e-4\n")
    (tmp_path / "workbench.toml").write_text("[fit]\nseed = 2\nloss = 'mae'\n[solver]\nrtol = 1e-5\n")
    (tmp_path / "given.toml").write_text("[fit]\nseed = 3\nloss = 'likelihood'\n[fit.noise]\nhare = 'gaussian'\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_the_nearest_word_wins_flag_variable_given_file_project_file_user_file_default(folder: Path) -> None:
    assert planned("--config", "given.toml", "--seed", "5", WORKBENCH_SEED="4")["choices"]["seed"] == 5
    assert planned("--config", "given.toml", WORKBENCH_SEED="4")["choices"]["seed"] == 4
    assert planned("--config", "given.toml", WORKBENCH_FIT_SEED="6", WORKBENCH_SEED="4")["choices"]["seed"] == 6
    assert planned("--config", "given.toml")["choices"]["seed"] == 3
    assert planned()["choices"]["seed"] == 2
    assert planned()["choices"]["loss"] == "mae"
    assert planned()["choices"]["strategy"] == "single"
    (folder / "workbench.toml").unlink()
    assert planned()["choices"]["seed"] == 1
    (folder / "config" / "workbench" / "config.toml").unlink()
    assert planned()["choices"]["seed"] == 0


def test_settings_of_plugins_come_from_files_and_the_nearest_wins(folder: Path) -> None:
    assert planned()["settings"] == {"solver.rtol": 1e-5}
    assert planned("-S", "solver.rtol=1e-9")["settings"] == {"solver.rtol": "1e-9"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[fit]\nsede = 1\n", ":2: error[U013]: fit has no option \"sede\" in a file; help: did you mean 'seed'?"),
        ("[fitt]\nseed = 1\n", ":1: error[U013]: \"fitt\" is no table of a configuration; help: did you mean 'fit'?"),
        ("[fit]\nseed =\n", ":2:7: error[U013]: this is no TOML: Invalid value"),
        ("[fit]\nplugin = ['x.py']\n", ':2: error[U013]: fit has no option "plugin" in a file'),
        ("[solver]\nrtoll = 1\n", 'error[U010]: solver "tsit5" has no option "rtoll"; help: did you mean \'rtol\'?'),
        ("[fit]\nseed = 'x'\n", "error[U001]: Invalid value for '--seed'"),
    ],
)
def test_a_mistake_in_a_configuration_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "given.toml"
    file.write_text(text)
    result = run("fit", "lynx_hare", "--dry-run", "--config", str(file))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_configuration_that_is_not_there_is_told() -> None:
    result = run("fit", "lynx_hare", "--dry-run", "--config", "nowhere.toml")
    assert (result.exit_code, result.stderr.partition(":")[0]) == (2, "nowhere.toml")


def test_several_files_without_times_are_trajectories_of_one_fit(tmp_path: Path) -> None:
    files = []
    for name, start in (("slow", 2.0), ("fast", 5.0), ("last", 3.0)):
        files.append(str(tmp_path / f"{name}.csv"))
        rows = "".join(f"{start * 0.9**k:.6f}\n" for k in range(12))
        Path(files[-1]).write_text(f"level\n{rows}", encoding="utf-8")
    model = tmp_path / "decay.toml"
    model.write_text(
        '[states.level]\nequation = "-k*level"\ninitial = { value = 1.0, fit = true }\n[parameters]\nk = 0.5\n',
        encoding="utf-8",
    )
    words = ["fit", *files, "--sample-time", "0.1", "--problem", str(model), "--split", "trajectories:1"]
    document = answer(*words, "--runs", str(tmp_path))
    assert document["data"]["trajectories"] == 3
    assert document["parameters"]["k"]["value"] == pytest.approx(10 * np.log(1 / 0.9), rel=1e-4)
    odd = run("fit", files[0], str(model), "--sample-time", "0.1")
    assert odd.exit_code == 2
    assert "is no data file, and only those can be several" in odd.stderr
