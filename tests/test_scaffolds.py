"""`workbench new`: what is written, and what is refused. `.ci/scaffolds` runs the scaffolds' own tests."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from workbench.cli import main
from workbench.errors.store import NotWritable
from workbench.errors.usage import TextMalformed, UnknownName, UsageError
from workbench.registry import installed
from workbench.scaffolds import KINDS, scaffold
from workbench.workflow import read_problem


def invoked(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_sound_and_no_word_is_left_to_fill_in(kind: str, tmp_path: Path) -> None:
    made = scaffold("my-own", kind, out=tmp_path / "here")
    assert set(made.files) == {path for path in (tmp_path / "here").rglob("*") if path.is_file()}
    for path in made.files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"@[a-z_]+@", text)
        if path.suffix == ".py":
            ast.parse(text)
        if path.suffix == ".toml":
            tomllib.loads(text)
    project = tomllib.loads((tmp_path / "here/pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["workbench"] == {"workbench_my_own": "workbench_my_own"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "problem"])
def test_the_example_is_offered_under_its_name(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"a_{kind}"
    made = scaffold(name, kind, out=tmp_path / "here")
    monkeypatch.syspath_prepend(made.folder)
    registry = installed([made.folder / f"workbench_{name}/__init__.py"])
    assert not list(registry.failures())
    offer = next(listed for listed in registry.offers(kind) if listed.name == name)
    assert offer.distribution
    assert registry.make(kind, name) is not None


def test_a_tableau_is_a_solver_without_code(tmp_path: Path) -> None:
    made = scaffold("mine", "solver", tableau=True, out=tmp_path / "here")
    file = made.folder / "workbench_mine/mine.tableau.toml"
    assert installed([file]).make("solver", "mine").order == 3


def test_a_problem_can_be_read_and_has_its_reference(tmp_path: Path) -> None:
    made = scaffold("reactor", "problem", out=tmp_path / "here")
    problem = read_problem(made.folder / "workbench_reactor/reactor.toml")
    assert problem.system is not None
    assert problem.system.state_names == ("x",)


def test_the_command_says_what_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoked("new", "plugin", "my_method")
    assert result.exit_code == 0
    assert "workbench-my-method/tests/test_my_method.py" in result.stdout
    assert "workbench plugins check my_method" in result.stderr
    told = json.loads(invoked("new", "problem", "my_reactor", "--json").stdout)
    assert told["folder"] == "workbench-my-reactor"
    assert all(Path(file).exists() for file in told["files"])
    for words, kind in ((("plugin", "tsit5"), "solver"), (("problem", "lorenz"), "problem")):
        taken = invoked("new", *words)
        assert taken.exit_code == 2
        assert f'the {kind} "{words[1]}" is there already' in taken.stderr
    again = invoked("new", "plugin", "my_method")
    assert again.exit_code == 2
    assert "there already" in again.stderr


def test_what_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    for name in ("My", "1x", "a b", "", "a__b", "../x", "x;y", "ü"):
        with pytest.raises(TextMalformed):
            scaffold(name, "solver", out=tmp_path / "x")
    with pytest.raises(UnknownName, match="no kind"):
        scaffold("a", "solvers", out=tmp_path / "x")
    with pytest.raises(UsageError, match="no tableau"):
        scaffold("a", "loss", tableau=True, out=tmp_path / "x")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        scaffold("a", "loss", out=tmp_path / "file")
    with pytest.raises(NotWritable):
        scaffold("a", "loss", out=tmp_path / "file" / "below")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "problem"])
def test_what_says_what_a_plugin_is_stands_in_one_file(kind: str, tmp_path: Path) -> None:
    """Whoever changes the example into a method of their own changes its summary and source in that file."""
    made = scaffold("mine", kind, out=tmp_path / "here")
    saying = [path.name for path in made.files if f'"{KINDS[kind].summary}"' in path.read_text(encoding="utf-8")]
    assert saying == ["mine.py"]
