"""The documentation is true: every block of code in it runs, every example in a docstring too.

A block is run by its language, in the order of the page, in a fresh folder with the page's earlier blocks behind it:
`python` in one namespace, each `$ command` of `console` (`# exits 3` behind it where it is to fail) by bash, or in this
process where it is a plain `workbench …`, `toml` and `json` are parsed, `text` is prose. `file=NAME` behind the
language writes the block to a file instead.
"""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from scripts import ROOT, loaded

from workbench.cli import main
from workbench.registry import HOOKS
from workbench.workflow import read_problem

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"python", "console", "toml", "json", "text", ""}


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    file: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    opened: tuple[int, str, str] | None = None
    body: list[str] = []
    for number, line in enumerate(lines, start=1):
        fence = re.fullmatch(r"\s*(`{3,}|:{3,})\s*(.*)", line)
        if opened is None:
            if fence and fence[1].startswith("`"):
                opened, body = (number, fence[1], fence[2]), []
        elif fence and fence[1].startswith(opened[1]) and not fence[2]:
            language, _, rest = opened[2].partition(" ")
            file = re.search(r"file=(\S+)", rest)
            yield Block(page, opened[0], language, file[1] if file else "", "\n".join(body) + "\n")
            opened = None
        else:
            body.append(line)
    assert opened is None, f"{page}:{opened and opened[0]}: the block never ends"


def environment(folder: Path) -> dict[str, str]:
    """Commands find the interpreter of this test first, and keep their hands off the user's files."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "XDG_CONFIG_HOME": str(folder / ".config"), "NO_COLOR": "1", "COLUMNS": "110"}


def run_python(block: Block, folder: Path, namespace: dict[str, Any]) -> None:
    code = "\n" * block.line + block.text  # so that a failure names the line of the page
    exec(compile(code, str(block.page), "exec"), namespace)


def run_console(block: Block, folder: Path) -> None:
    for command in re.findall(r"^\$ (.*(?:\\\n.*)*)", block.text, flags=re.MULTILINE):
        if command.startswith("python -m pip install"):
            continue  # done by .ci/run in a fresh environment
        expected = re.search(r"# exits (\d+)\s*$", command)
        plain = re.fullmatch(r"workbench ([^|&;<>$*?~`{}#]*?)(?: > (\S+))?(?:\s+#.*)?", command)
        status, output = by_workbench(plain[1], plain[2]) if plain else by_bash(command, folder)
        assert status == (int(expected[1]) if expected else 0), f"{block.page}:{block.line}: {command}\n{output}"


def by_workbench(words: str, to: str | None) -> tuple[int, str]:
    """As `workbench WORDS > TO` in this folder, of which a shell makes nothing more."""
    answer = CliRunner().invoke(main, shlex.split(words))
    if to:
        Path(to).write_text(answer.stdout, encoding="utf-8")
    return answer.exit_code, f"{answer.output}{answer.exception or ''}"


def by_bash(command: str, folder: Path) -> tuple[int, str]:
    answer = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return answer.returncode, answer.stdout + answer.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))  # a page may import the file that it has just shown
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    namespace: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{page}:{block.line}: nothing runs a block of {block.language}"
        if block.file:
            (tmp_path / block.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            run_python(block, tmp_path, namespace)
        elif block.language == "console":
            run_console(block, tmp_path)
        if block.language == "toml":
            tomllib.loads(block.text)
        if block.language == "json":
            json.loads(block.text)


def test_the_readme_holds_exactly_the_two_lines_that_set_everything_up() -> None:
    lines = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("python -m pip")
    ]
    assert len(lines) == 2
    main_job, tests = lines
    assert main_job.startswith("python -m pip install -c constraints.txt -e . && workbench fit ")
    assert tests == 'python -m pip install -c constraints.txt -e ".[test]" && python -m pytest'


@pytest.mark.parametrize("name", ["architecture", "tutorial", "writing-a-plugin", "run-format", "mathematics"])
def test_the_page_is_there(name: str) -> None:
    assert (ROOT / "docs" / f"{name}.md").is_file()


def test_every_hook_is_described_to_authors_of_plugins() -> None:
    page = (ROOT / "docs" / "writing-a-plugin.md").read_text(encoding="utf-8")
    assert [hook for hook in HOOKS.values() if hook not in page] == []


def test_every_room_is_described_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {file.stem for file in (ROOT / "workbench").glob("[!_]*.py")}
    rooms |= {folder.name for folder in (ROOT / "workbench").iterdir() if (folder / "__init__.py").exists()}
    assert [room for room in sorted(rooms) if room not in page] == []


def modules() -> Iterator[str]:
    for root in (ROOT, ROOT / "plugins", ROOT / "problems"):
        for package in sorted(folder for folder in root.iterdir() if folder.name.startswith("workbench")):
            for file in sorted(package.rglob("*.py")):
                if ">>>" in file.read_text(encoding="utf-8"):
                    yield ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", list(modules()))
def test_every_example_in_a_docstring_runs(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0
    assert result.failed == 0


def test_no_page_and_no_code_speaks_of_one_machine() -> None:
    """A path below a home or a work folder is true on one machine only."""
    found = []
    for folder in ("workbench", "plugins", "problems", "docs", "benchmarks"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in {".py", ".md", ".toml"} and re.search(
                r"/(home|work|root)/\w", file.read_text(encoding="utf-8")
            ):
                found.append(str(file.relative_to(ROOT)))
    assert found == []


def test_the_generated_pages_are_what_the_program_says_of_itself() -> None:
    folder = ROOT / "docs" / "generated"
    pages = loaded("docs/generate.py").pages()
    stale = [name for name, text in pages.items() if (folder / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python docs/generate.py"


@pytest.mark.parametrize("name", ["bouncing_ball", "dnase", "lynx_hare", "pendulum_friction", "theophylline"])
def test_a_system_has_its_picture_with_units_and_observations(name: str, tmp_path: Path) -> None:
    """A curve without states, observations, events, a learned term, doses that only data hold."""
    systems, problem = loaded("docs/systems.py"), read_problem(name)
    systems.draw(name, problem, tmp_path / "one.svg")
    drawn = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert problem.system is not None
    assert f"[{problem.system.observed[0].unit or problem.system.time.unit}]" in drawn
    if problem.data_file is not None:
        observed = systems.observations(name, problem)
        assert "stroke: #222222" in drawn  # the dots
        assert len(observed.t) > 9
    assert f"figures/systems/{name}.svg" in loaded("docs/generate.py").pages()["problems.md"]


def test_every_key_of_a_problem_file_is_described() -> None:
    from pydantic import BaseModel

    from workbench.problem import schema

    page = (ROOT / "docs" / "problem-files.md").read_text(encoding="utf-8")
    tables = [kind for kind in vars(schema).values() if isinstance(kind, type) and issubclass(kind, BaseModel)]
    keys = {key for table in tables for key in table.model_fields}
    assert {"equation", "interpolation", "terminate"} <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in page and not re.search(rf"\[{key}[.\]]", page)] == []


def test_every_function_of_formulas_is_described() -> None:
    from workbench.formula.functions import FUNCTIONS

    page = (ROOT / "docs" / "problem-files.md").read_text(encoding="utf-8")
    assert [name for name in FUNCTIONS if not re.search(rf"\b{name}\b", page)] == []


def test_every_page_stands_in_the_table_of_contents() -> None:
    """That of the index, or that of another page, which may take a whole folder."""
    docs = ROOT / "docs"
    pages = {str(page.relative_to(docs).with_suffix("")) for page in docs.rglob("*.md")}
    lines = {line for page in pages for line in (docs / f"{page}.md").read_text(encoding="utf-8").splitlines()}
    listed = {page for page in pages if page in lines or f"{page.rpartition('/')[0]}/*" in lines}
    assert sorted(pages - {"index"} - listed) == []
