"""A plugin that lies in the working directory is never loaded, however the command is started, unless it is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EVIL = """\
from pathlib import Path
Path(__file__).with_name("EXECUTED").touch()
from workbench import hookimpl

@hookimpl
def offer_solvers():
    from workbench.engine import Tableau
    from workbench import Offer
    method = Tableau(name="evil_euler", order=1, c=["0"], a=[[]], b=["1"], summary="not us", source="nobody")
    return [Offer.of_tableau(method)]
"""

COMMAND = Path(sys.executable).with_name("workbench")
MODULE = [sys.executable, "-m", "workbench"]
CALLED = [sys.executable, "-c", "from workbench.__main__ import main; main()"]

STYLES: dict[str, tuple[list[str], dict[str, str]]] = {
    "the command": ([str(COMMAND)], {}),
    "the module": (MODULE, {}),
    "the function": (CALLED, {}),
    "the command, with an empty entry in PYTHONPATH": ([str(COMMAND)], {"PYTHONPATH": f"{{before}}{os.pathsep}"}),
    "the module, with the folder itself in PYTHONPATH": (MODULE, {"PYTHONPATH": f"{{here}}{os.pathsep}{{before}}"}),
    "the command, with a relative entry in PYTHONPATH": ([str(COMMAND)], {"PYTHONPATH": f".{os.pathsep}{{before}}"}),
    "the module, with an empty entry in PYTHONPATH": (MODULE, {"PYTHONPATH": f"{os.pathsep}{{before}}"}),
    "the function, through a link to the folder": (CALLED, {"PYTHONPATH": f"{{link}}{os.pathsep}{{before}}"}),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with an evil distribution in it, and evil modules named as what a command imports."""
    here = tmp_path / "here"
    info = here / "evil-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[workbench]\nevil = evil\nworkbench_losses = evil\n")
    (info / "RECORD").write_text("evil.py,,\n")
    for name in ("evil", "click", "pluggy", "numpy", "workbench_losses", "tomllib", "json"):
        (here / f"{name}.py").write_text(EVIL)
    (tmp_path / "link").symlink_to(here)
    return here


def run(begin: list[str], words: list[str], place: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command started in `place`, with what PYTHONPATH there was before in the place of {before}."""
    before = os.environ.get("PYTHONPATH", "")
    names = {"before": before, "here": str(place), "link": str(place.parent / "link")}
    filled = {name: value.format(**names) for name, value in environment.items()}
    return subprocess.run(
        [*begin, *words], cwd=place, env={**os.environ, **filled}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("style", STYLES)
def test_a_plugin_in_the_working_directory_is_never_loaded(place: Path, style: str) -> None:
    begin, environment = STYLES[style]
    if begin == [str(COMMAND)] and not COMMAND.exists():
        pytest.skip("the command is not installed beside this Python")
    if begin == CALLED or "PYTHONPATH" in environment:
        # Python itself imports from there before a line of ours has run: only what is found later can be kept out
        for name in ("click", "pluggy", "numpy", "tomllib", "json"):
            (place / f"{name}.py").unlink()
    for words in (["solvers"], ["plugins"]):
        answer = run(begin, words, place, **environment)
        assert answer.returncode == 0, answer.stderr
        assert "evil" not in answer.stdout + answer.stderr
        assert "tsit5" in answer.stdout or "workbench_runge_kutta" in answer.stdout
    assert not (place / "EXECUTED").exists()


def test_a_file_that_is_named_is_loaded_for_that_command_alone(place: Path) -> None:
    begin = [str(COMMAND)] if COMMAND.exists() else MODULE
    named = run(begin, ["solvers", "--plugin", "evil.py"], place)
    assert named.returncode == 0, named.stderr
    assert "evil_euler" in named.stdout
    assert (place / "EXECUTED").exists()
    assert "evil_euler" not in run(begin, ["solvers"], place).stdout


def test_neither_a_configuration_nor_a_variable_loads_a_file(place: Path) -> None:
    (place / "workbench.toml").write_text('[solvers]\nplugin = ["evil.py"]\n')
    begin = [str(COMMAND)] if COMMAND.exists() else MODULE
    run(begin, ["solvers"], place)
    (place / "workbench.toml").unlink()
    run(begin, ["solvers"], place, WORKBENCH_PLUGIN="evil.py", WORKBENCH_SOLVERS_PLUGIN_FILES="evil.py")
    assert not (place / "EXECUTED").exists()


def test_a_run_made_with_a_plugin_file_does_not_load_it_again_by_itself(place: Path) -> None:
    begin = [str(COMMAND)] if COMMAND.exists() else MODULE
    fit = ["fit", "decay", "--name", "made", "--split", "none", "--solver", "evil_euler", "--plugin", "evil.py"]
    made = run(begin, fit, place)
    assert made.returncode == 0, made.stderr
    (place / "EXECUTED").unlink()
    for words in (["predict", "made"], ["show", "made"], ["fit", "--resume", "made"]):
        answer = run(begin, words, place)
        assert not (place / "EXECUTED").exists(), words
        assert answer.returncode == 0 if words[0] == "show" else "error[U002]" in answer.stderr, answer.stderr
    again = run(begin, ["predict", "made", "--plugin", "evil.py"], place)
    assert again.returncode == 0, again.stderr
