"""A distribution with one working plugin, from templates: its package, its tests, its README, its CI file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ..errors.nearest import did_you_mean
from ..errors.store import NotWritable
from ..errors.usage import TextMalformed, UnknownName, UsageError

NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@dataclass(frozen=True)
class Kind:
    """What is particular to a kind of plugin: its hook, its contract in the kit, and its example."""

    hook: str
    kit: str
    contract: str
    summary: str
    source: str
    use: str


KINDS: Mapping[str, Kind] = {
    "solver": Kind(
        "solvers",
        "solvers",
        "SolverContract",
        "the midpoint rule with step doubling",
        "Runge (1895), Math. Ann. 46, 167–178",
        "workbench fit lynx_hare --solver @name@",
    ),
    "dynamics": Kind(
        "dynamics",
        "dynamics",
        "DynamicsContract",
        "a polynomial of second degree, all coefficients unknown",
        "",
        "workbench fit lynx_hare -d @name@",
    ),
    "loss": Kind(
        "losses",
        "losses",
        "LossContract",
        "mean square of relative errors",
        "",
        "workbench fit lynx_hare --loss @name@",
    ),
    "optimizer": Kind(
        "optimizers",
        "optimizers",
        "OptimizerContract",
        "projected gradient steps of Barzilai and Borwein's length",
        "Barzilai & Borwein (1988), IMA J. Numer. Anal. 8, 141–148",
        "workbench fit lynx_hare --optimizer @name@",
    ),
    "strategy": Kind(
        "strategies",
        "strategies",
        "StrategyContract",
        "the first part of each trajectory, then all of it",
        "",
        "workbench fit lynx_hare --strategy @name@",
    ),
    "reader": Kind(
        "readers", "readers", "ReaderContract", "tables of numbers between blanks", "", "workbench fit table.@name@"
    ),
    "reporter": Kind(
        "reporters",
        "reporters",
        "ReporterContract",
        "a table in Markdown, a line a run",
        "",
        "workbench plugins --json",
    ),
    "problem": Kind(
        "problems", "", "", "Exponential decay", "the exact solution is x0 exp(-kt)", "workbench simulate @name@"
    ),
}
TABLEAU = ("Ralston's third-order method, with the midpoint rule inside", "Ralston (1962), Math. Comp. 16, 431–437")


@dataclass(frozen=True)
class Scaffold:
    """What was written: the folder, its files, and the commands that come next."""

    folder: Path
    files: tuple[Path, ...]
    next: tuple[str, ...]


def scaffold(name: str, kind: str, *, tableau: bool = False, out: Path | None = None) -> Scaffold:
    """Write a distribution with a plugin `name` of a kind into the folder `out` (default workbench-NAME).

    `tableau` makes a solver that is a file of coefficients. Raises TextMalformed for a name that is none, UnknownName
    for a kind, UsageError where the folder holds something already, NotWritable.
    """
    if kind not in KINDS:
        raise UnknownName(f'"{kind}" is no kind of plugin', help=did_you_mean(kind, KINDS) or ", ".join(KINDS))
    if not NAME.fullmatch(name):
        raise TextMalformed(
            f"{name!r} is no name of a plugin", help="lower-case letters and digits, words joined by _ or -: my_solver"
        )
    if tableau and kind != "solver":
        raise UsageError(f"a {kind} has no tableau", help="leave --tableau out, or --kind solver")
    folder = Path(f"workbench-{name.replace('_', '-')}") if out is None else out
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already, and not empty", help="name another folder with -o")
    words = _words(name, kind, tableau)
    written = []
    for place, template in _places(words, kind, tableau).items():
        path = folder / place
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(template, words), encoding="utf-8")
        except OSError as refusal:
            message = f"{path} cannot be written: {refusal.strerror or refusal}"
            raise NotWritable(message, help="name another folder with -o") from refusal
        written.append(path)
    next_ = (f"cd {folder}", 'python -m pip install -e ".[test]"', "python -m pytest", words["check"])
    return Scaffold(folder, tuple(written), next_)


def _words(name: str, kind: str, tableau: bool) -> dict[str, str]:
    """What stands for the words between @ in templates."""
    its, word = KINDS[kind], name.replace("-", "_")
    summary, source = TABLEAU if tableau else (its.summary, its.source)
    package = f"workbench_{word}"
    file = {True: f"{word}.tableau.toml", False: f"{word}.toml" if kind == "problem" else f"{word}.py"}[tableau]
    problem = f"workbench problems check {package}/{file}"
    return {
        "name": word,
        "package": package,
        "distribution": package.replace("_", "-"),
        "title": "".join(part.capitalize() for part in word.split("_")),
        "kind": kind,
        "hook": its.hook,
        "kit": its.kit,
        "contract": its.contract,
        "summary": summary,
        "source": source,
        "where": f"{package}/{file}",
        "check": problem if kind == "problem" else f"workbench plugins check {word}",
        "use": its.use.replace("@name@", word),
    }


def _places(words: Mapping[str, str], kind: str, tableau: bool) -> dict[str, str]:
    """Where each file goes → the template that it is made of."""
    package = words["package"]
    own = "tableau.toml" if tableau else "problem.toml" if kind == "problem" else f"{kind}.py"
    signboard = "signboard_tableau.py" if tableau else "signboard_problem.py" if kind == "problem" else "signboard.py"
    return {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        ".gitignore": "gitignore",
        ".github/workflows/tests.yml": "ci.yml",
        f"{package}/__init__.py": signboard,
        words["where"]: own,
        f"tests/test_{words['name']}.py": "test_problem.py" if kind == "problem" else "test_contract.py",
    }


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = files(__package__).joinpath("templates", f"{template}.txt").read_text(encoding="utf-8")
    for key, value in words.items():
        text = text.replace(f"@{key}@", value)
    return text
