"""`workbench reproduce`: a stranger's experiment by one command, its findings kept, its mistakes in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import workbench as wb
from workbench.cli import main
from workbench.errors.data import FileMissing
from workbench.errors.plugins import ContractBroken, ExperimentFailed
from workbench.runs import Reproduction

SOURCE = """
from workbench import Offer, hookimpl


class Twice:
    def __init__(self, factor):
        self.factor = factor

    def run(self, lab):
        from workbench.findings import Claim, Column, Findings, Panel, Picture, ResultTable, Series

        if self.factor == 0.0:
            raise RuntimeError("nothing comes of nothing")
        if self.factor < 0.0:
            return "findings"
        lab.say(f"{len(lab.seeds)} seeds")
        rows = tuple((seed, self.factor * seed) for seed in lab.seeds)
        table = ResultTable("Seeds", (Column("seed"), Column("twice", source="a talk", checked=False)), rows)
        claim = Claim("Twice is more", "factor 3", f"{self.factor}", False, "the factor is another")
        curve = Series("line", [0, 1], [0, self.factor])
        return Findings((table,), (claim,), (Picture("line", "A line", (Panel("p", "x", "y", (curve,)),)),))


def twice(factor: float = 2.0):
    return Twice(factor)


@hookimpl
def offer_experiments():
    return [Offer("twice", twice, "the seeds, twice", "a talk")]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    file = tmp_path / "twice.py"
    file.write_text(SOURCE)
    return file


@pytest.fixture
def run(plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return lambda *words: CliRunner().invoke(main, ["reproduce", *words, "--plugin", str(plugin)])


def test_an_experiment_leaves_a_run_file_a_page_a_document_and_pictures(run: Callable[..., Result]) -> None:
    answer = run("twice", "--seeds", "3", "-S", "factor=2.5")
    assert answer.exit_code == 0, answer.output
    assert "2.5" in answer.stdout
    assert "not reproduced: the factor is another" in answer.stdout
    assert "twice [1, unchecked]" in answer.stdout
    assert "3 seeds" in answer.stderr
    folder = Path("reproduced/twice")
    assert sorted(path.name for path in folder.iterdir()) == ["line.png", "twice.h5", "twice.json", "twice.md"]
    kept = Reproduction.open(folder / "twice.h5")
    assert kept.config["seeds"] == [0, 1, 2]
    assert kept.config["options"] == {"factor": 2.5}
    assert kept.provenance["plugins"]["experiment"]["distribution"].endswith("twice.py")
    told = json.loads((folder / "twice.json").read_text())
    assert told["tables"][0]["rows"][2] == [2, 5.0]
    assert told["run_id"] == kept.run_id


def test_what_was_kept_is_shown_verified_and_never_taken_for_a_fit(run: Callable[..., Result]) -> None:
    first = run("twice", "--quick", "--format", "svg", "-o", "kept")
    assert Path("kept/line.svg").exists()
    invoke = CliRunner().invoke
    assert invoke(main, ["show", "kept/twice.h5"]).stdout == first.stdout
    assert json.loads(invoke(main, ["show", "kept/twice.h5", "--json"]).stdout)["schema"] == "workbench/reproduce/1"
    assert invoke(main, ["runs", "verify", "kept/twice.h5"]).exit_code == 0
    assert "twice" in invoke(main, ["runs", "--runs", "kept"]).stdout
    for words in (["show", "kept/twice.h5", "--config"], ["plot", "kept/twice.h5"]):
        refused = invoke(main, words)
        assert refused.exit_code != 0
        assert "what an experiment found" in refused.stderr


@pytest.mark.parametrize(
    ("words", "seeds"), [((), [0, 1, 2]), (("--quick",), [0]), (("--seeds", "5"), [0, 1, 2, 3, 4])], ids=str
)
def test_an_experiment_says_how_many_seeds_are_usual_and_takes_as_many_as_it_is_told(
    plugin: Path, run: Callable[..., Result], words: tuple[str, ...], seeds: list[int]
) -> None:
    usual = "    def usual_seeds(self, quick, data):\n        return 1 if quick else 3\n\n    def run(self, lab):"
    plugin.write_text(SOURCE.replace("    def run(self, lab):", usual))
    assert run("twice", *words).exit_code == 0
    assert Reproduction.open("reproduced/twice/twice.h5").config["seeds"] == seeds


def test_the_document_is_one_on_standard_output(run: Callable[..., Result]) -> None:
    document = json.loads(run("twice", "--quick", "--json").stdout)
    assert document["quick"] is True
    assert document["seeds"] == [0, 1]
    assert document["claims"][0]["holds"] is False
    assert all(Path(file).exists() for file in document["files"])


def test_the_list_names_options_and_source(run: Callable[..., Result]) -> None:
    assert "the seeds, twice" in run("--list").stdout
    listed = {entry["name"]: entry for entry in json.loads(run("--list", "--json").stdout)["experiments"]}
    assert listed["twice"]["options"] == [{"name": "factor", "type": "float", "default": 2.0}]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "reproduce --list"),
        (("twic",), 2, "twice"),
        (("twice", "-S", "solver.step=1"), 2, "solver.step"),
        (("twice", "-S", "facto=1"), 2, "factor"),
        (("twice", "-S", "factor=many"), 2, "factor"),
        (("twice", "--seeds", "0"), 2, "seeds"),
        (("twice", "--data", "nowhere"), 3, "--data FOLDER"),
        (("twice", "-S", "factor=0.0"), 6, "nothing comes of nothing"),
        (("twice", "-S", "factor=-1.0"), 6, "returned str"),
    ],
)
def test_a_mistake_is_one_line(run: Callable[..., Result], words: tuple[str, ...], status: int, said: str) -> None:
    answer = run(*words)
    assert answer.exit_code == status
    assert said in answer.stderr.splitlines()[-1]
    assert not Path("reproduced").exists()


def test_a_foreign_file_in_the_place_is_refused_before_the_work(run: Callable[..., Result]) -> None:
    Path("kept").mkdir()
    Path("kept/twice.h5").write_text("mine")
    answer = run("twice", "-o", "kept")
    assert answer.exit_code != 0
    assert "twice.h5" in answer.stderr
    assert "seeds" not in answer.stderr, "the experiment was not run"
    assert Path("kept/twice.h5").read_text() == "mine"


def test_a_notebook_does_the_same(plugin: Path, tmp_path: Path) -> None:
    assert "resnet-euler" in [entry.name for entry in wb.experiments()]
    found = wb.reproduce("twice", quick=True, out=tmp_path / "out", plugins=[plugin])
    assert found.findings.tables[0].rows == ((0, 0.0), (1, 2.0))
    assert found.path == tmp_path / "out" / "twice.h5"
    with pytest.raises(FileMissing):
        wb.reproduce("twice", data=tmp_path / "none", plugins=[plugin])
    for factor, error in ((0.0, ExperimentFailed), (-1.0, ContractBroken)):
        with pytest.raises(error):
            wb.reproduce("twice", settings={"experiment.factor": factor}, out=tmp_path / "bad", plugins=[plugin])
    assert not (tmp_path / "bad").exists()
