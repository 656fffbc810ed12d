"""Problem files: TOML text → Problem, with every mistake of a file reported at its line."""

from __future__ import annotations

import re
import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from workbench.errors import Where, WorkbenchError
from workbench.errors.problems import ProblemNotFound, ProblemUnreadable, SeveralMistakes

from .places import Places
from .problem import Problem

LARGEST = 1_000_000  # bytes
TEXT = "<text>"


def read_problem(source: str | Path | Traversable, *, name: str = "") -> Problem:
    """The problem of a source: a file, or a text of several lines; data files are looked for beside the file.

    It bears the `name` given, else that of the file without `.toml`; a text without a name is called "problem".

    Raises ProblemNotFound where there is no such file, the error of its one mistake, or SeveralMistakes with all of
    them, each with file and line.
    """
    if isinstance(source, str) and "\n" in source:
        return _read(source.encode(errors="surrogateescape"), TEXT, name or "problem", Path())
    file = Path(source) if isinstance(source, str) else source
    try:
        content = file.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path that no file can have
        raise ProblemNotFound(
            f"no problem file can be read at {str(source)[:200]!r}: {getattr(error, 'strerror', None) or error}",
            help="give a path to a TOML file, or see `workbench problems` for those that are there",
        ) from None
    folder = file.parent if isinstance(file, Path) else Path()
    return _read(content, str(source), name or file.name.removesuffix(".toml"), folder)


def _read(content: bytes, file: str, name: str, folder: Path) -> Problem:
    from .building import build_problem  # pydantic: only where a file is read

    table, text = _toml(content, file)
    try:
        places = Places(file, text)
        problem, mistakes = build_problem(table, text, places, name, folder)
    except RecursionError:
        raise ProblemUnreadable("tables or lists are nested too deeply", where=Where(file)) from None
    if problem is None or mistakes:
        _raise(mistakes)
    assert problem is not None
    return problem


def _toml(content: bytes, file: str) -> tuple[dict[str, Any], str]:
    if len(content) > LARGEST:
        raise ProblemUnreadable(f"{len(content)} bytes; a problem file has at most {LARGEST}", where=Where(file))
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text), text
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProblemUnreadable("this is not UTF-8", help="save the file as UTF-8", where=Where(file, line)) from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), file, text) from None
    except RecursionError:
        raise ProblemUnreadable("tables or lists are nested too deeply", where=Where(file)) from None


def _syntax(message: str, file: str, text: str) -> ProblemUnreadable:
    """tomllib's message with its place where places stand."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    line, column = (int(found[2]), int(found[3])) if found else (text.count("\n") + 1, 1)
    what = found[1] if found else message.removesuffix(" (at end of document)")
    return ProblemUnreadable(
        f"this is not TOML: {what[:1].lower()}{what[1:]}",
        help='texts and formulas stand in quotes, as in equation = "-k*x"; each key stands once',
        where=Where(file, line, column),
    )


def _raise(mistakes: list[WorkbenchError]) -> None:
    """Raises the one mistake, or all of them in the order of the file, each once."""
    distinct = list({str(mistake): mistake for mistake in mistakes}.values())
    if len(distinct) == 1:
        raise distinct[0]
    raise SeveralMistakes(sorted(distinct, key=_line))


def _line(mistake: WorkbenchError) -> tuple[int, int]:
    where = mistake.where or Where("")
    return where.line or 0, where.column or 0
