"""The root of every error that the workbench raises on purpose."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

EXIT_CODES = {"U": 2, "S": 2, "D": 3, "N": 4, "R": 5, "P": 6}
"""The first letter of a code decides the exit status of the command line."""


@dataclass(frozen=True)
class Where:
    """The place in a file that an error is about; lines and columns count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class WorkbenchError(Exception):
    """Something that a user can mend: it says what came, what was wanted and what to type next.

    A child sets `code` (a letter and three digits) and its docstring is what `workbench explain CODE` prints.

    >>> str(WorkbenchError("no such thing", help="try another"))
    'error[U000]: no such thing; help: try another'
    """

    code = "U000"

    def __init__(self, message: str, *, help: str = "", where: Where | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.where = where

    @property
    def exit_code(self) -> int:
        """The exit status that the command line ends with."""
        return EXIT_CODES[self.code[0]]

    def at(self, where: Where) -> WorkbenchError:
        """The same error with its place filled in, if it had none."""
        if self.where is None:
            self.where = where
        return self

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        help = f"; help: {self.help}" if self.help else ""
        return f"{place}error[{self.code}]: {self.message}{help}"

    def as_json(self) -> dict[str, object]:
        """The error as one JSON object, for `--json`."""
        where = self.where
        place = {"file": where.file, "line": where.line, "column": where.column} if where else None
        return {"code": self.code, "message": self.message, "help": self.help, "where": place}


def explanations() -> dict[str, str]:
    """Code → the docstring of the error that bears it, over every loaded child of WorkbenchError."""
    found: dict[str, str] = {}
    waiting: list[type[WorkbenchError]] = [WorkbenchError]
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if "code" in vars(kind):
            found[kind.code] = f"{kind.__name__}: {inspect.cleandoc(kind.__doc__ or '')}"
    return dict(sorted(found.items()))
