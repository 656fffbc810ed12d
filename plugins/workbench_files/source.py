"""A text file in memory: its bytes checked to be UTF-8, its line ends made one kind."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import Where
from workbench.errors.data import EncodingUnknown, FileEmpty, FileMissing, FileUnreadable, NotAFile, NotText, TooLarge
from workbench.errors.nearest import did_you_mean

LONGEST_LINE = 1 << 20  # bytes
_BOM = b"\xef\xbb\xbf"
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive or a spreadsheet (xlsx, ods, npz)",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet (xls)",
    b"MATLAB 5.0": "a MATLAB file",
    b"\x93NUMPY": "a NumPy array",
}

_GIVE = "give a file that begins t,x and goes on 0,1.5"


@dataclass(frozen=True)
class Source:
    """The text of a file in UTF-8, without a byte-order mark, every line ended by a line feed."""

    file: str
    text: bytes
    sha256: str  # of the file as it lies on disk
    notes: tuple[str, ...]

    def at(self, line: int | None = None, column: int | None = None) -> Where:
        """A place in the file."""
        return Where(self.file, line, column)


def read_bytes(path: Path) -> bytes:
    """The file's bytes; NotAFile, FileUnreadable or FileEmpty where there are none."""
    where = Where(str(path))
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise NotAFile("this is a folder; a file is wanted", help=_files_in(path), where=where)
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise NotAFile("this is a device or a socket; a file is wanted", where=where)
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise FileMissing("there is no such file", help=_neighbour(path), where=where) from None
    except PermissionError:
        raise FileUnreadable("no permission to read this file", help=f"chmod u+r {path}", where=where) from None
    except OSError as error:
        raise FileUnreadable(f"cannot be read: {error.strerror or error}", where=where) from None
    if not raw:
        raise FileEmpty("the file is empty; a header and rows of numbers are wanted", help=_GIVE, where=where)
    return raw


def read_source(path: Path) -> Source:
    """The file as text, or an error that says where it is not."""
    raw = read_bytes(path)
    file, notes, text = str(path), [], raw
    _check_text(raw, file)
    if len(raw) > LONGEST_LINE and not any(end in raw[:LONGEST_LINE] for end in (b"\n", b"\r")):
        raise TooLarge("the first line is longer than 1 MiB; a header is wanted", where=Where(file, 1))
    if raw.startswith(_BOM):
        text = raw[len(_BOM) :]
        notes.append("byte-order mark skipped")
    _check_utf8(text, file)
    text = text.replace(b"\r\n", b"\n")
    if b"\r" in text:
        if b"\n" in text:
            line, column = _line_and_column(text, text.index(b"\r"))
            raise NotText(
                "a carriage return stands inside the line",
                help="end every line in the same way, for example with dos2unix",
                where=Where(file, line, column),
            )
        text = text.replace(b"\r", b"\n")
        notes.append("lines end in carriage returns")
    if not text or text.isspace():
        wrong = "the file holds only blanks; a header and rows of numbers are wanted"
        raise FileEmpty(wrong, help=_GIVE, where=Where(file))
    return Source(file, text, hashlib.sha256(raw).hexdigest(), tuple(notes))


def _check_text(raw: bytes, file: str) -> None:
    """Raise for what is plainly not text in UTF-8."""
    for signature, kind in _SIGNATURES.items():
        if raw.startswith(signature):
            raise NotText(
                f"this is {kind}, not text", help="export it as CSV, or give the file its own suffix", where=Where(file)
            )
    for mark, name in ((b"\xff\xfe", "UTF-16LE"), (b"\xfe\xff", "UTF-16BE")):
        if raw.startswith(mark):
            raise EncodingUnknown(
                f"the file is {name}; UTF-8 is wanted",
                help=f"iconv -f UTF-16 -t UTF-8 {file} > utf8.csv",
                where=Where(file, 1, 1),
            )
    null = raw.find(b"\0")
    if null >= 0:
        where = Where(file, raw.count(b"\n", 0, null) + 1)
        raise NotText("a zero byte stands here; this is not text", help="export it as CSV", where=where)


def _check_utf8(text: bytes, file: str) -> None:
    """Raise EncodingUnknown at the first byte that is not UTF-8."""
    if text.isascii():
        return
    try:
        text.decode()
    except UnicodeDecodeError as error:
        line, column = _line_and_column(text, error.start)
        byte = text[error.start : error.start + 1]
        raise EncodingUnknown(
            f"byte 0x{byte.hex()} is not UTF-8 (it would be {byte.decode('latin-1')!r} in Latin-1)",
            help=f"iconv -f LATIN1 -t UTF-8 {file} > utf8.csv",
            where=Where(file, line, column),
        ) from None


def _line_and_column(text: bytes, offset: int) -> tuple[int, int]:
    """Line and column, in characters, of a byte offset before which everything is UTF-8."""
    start = text.rfind(b"\n", 0, offset) + 1
    return text.count(b"\n", 0, offset) + 1, len(text[start:offset].decode()) + 1


def _files_in(folder: Path) -> str:
    """A file of the folder that could have been meant."""
    try:
        first = next((each for each in sorted(folder.iterdir()) if each.suffix.lower() in (".csv", ".tsv")), None)
    except OSError:
        first = None
    return f"for example {first}" if first else "name a file"


def _neighbour(path: Path) -> str:
    """The file beside it with the nearest name."""
    try:
        return did_you_mean(path.name, [each.name for each in path.parent.iterdir()]) or "check the path"
    except OSError:
        return f"there is no folder {path.parent}"
