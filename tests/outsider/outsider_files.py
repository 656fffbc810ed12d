"""A stranger's file format and report: one JSON object a line, and one line of text a run."""

import hashlib
import json
import math
from pathlib import Path


class JsonLines:
    """Every line is an object of the same names and finite numbers."""

    suffixes = (".ndjson", ".jsonl")

    def read(self, path):
        import numpy as np

        from workbench import Table
        from workbench.errors import Where
        from workbench.errors.data import FileEmpty

        path = Path(path)
        raw = self.bytes_of(path)
        if not raw.strip():
            raise FileEmpty("the file is empty; one JSON object a line is wanted", where=Where(str(path)))
        lines = raw.rstrip(b"\n").split(b"\n")
        rows = [self.row(line, Where(str(path), number)) for number, line in enumerate(lines, start=1)]
        names = list(rows[0])
        self.check_names(rows, names, path)
        columns = {name: np.array([row[name] for row in rows], dtype=float) for name in names}
        numbers = np.arange(1, len(rows) + 1)
        return Table(columns, lines=numbers, file=str(path), sha256=hashlib.sha256(raw).hexdigest())

    def bytes_of(self, path):
        from workbench.errors import Where
        from workbench.errors.data import FileMissing, FileUnreadable, NotAFile

        where = Where(str(path))
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise FileMissing("there is no such file", help="check the path", where=where) from None
        except IsADirectoryError:
            raise NotAFile("this is a folder; a file is wanted", where=where) from None
        except OSError as error:
            raise FileUnreadable(f"cannot be read: {error.strerror or error}", where=where) from None

    def row(self, line, where):
        from workbench.errors.data import EncodingUnknown, NotANumber

        try:
            row = json.loads(line.decode())
        except UnicodeDecodeError:
            raise EncodingUnknown("this line is not UTF-8", where=where) from None
        except (ValueError, RecursionError):
            raise NotANumber("this line is not JSON", help='write {"t": 0, "x": 1.5}', where=where) from None
        if not isinstance(row, dict) or not row:
            raise NotANumber("this line is not an object", help='write {"t": 0, "x": 1.5}', where=where)
        for name, value in row.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.finite(value):
                raise NotANumber(f"{name!r} is no finite number", help="write finite numbers", where=where)
        return row

    def finite(self, value):
        try:
            return math.isfinite(float(value))
        except OverflowError:
            return False

    def check_names(self, rows, names, path):
        from workbench.errors import Where
        from workbench.errors.data import RowWidth

        for number, row in enumerate(rows, start=1):
            if list(row) != names:
                raise RowWidth(f"names {list(row)}; {names} wanted", where=Where(str(path), number))

    def write(self, path, columns):
        """Optional: the kit asks for it, to read a table back."""
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows))


class OneLine:
    """Name, status and verdict of each run in one line."""

    def render(self, runs, out):
        from workbench.errors.store import NotWritable

        text = "".join(f"{run.status}: {len(run.parameters)} parameters\n" for run in runs)
        if out is None:
            return text
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise NotWritable(f"{out} cannot be written: {error.strerror}", help="name another place") from error
        return [out]
