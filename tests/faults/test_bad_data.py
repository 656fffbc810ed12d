"""Bad observations: each kind is answered by one line with file, line and column, its own code and the way out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from workbench_files.offers import csv

from workbench.dataset import assemble
from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class Bad:
    """A file, what is asked of it, and how the answer begins (after the file) and what it says."""

    name: str
    text: str | bytes
    begins: str
    says: str
    reading: dict = field(default_factory=dict)
    meaning: dict = field(default_factory=dict)


CASES = [
    Bad(
        "missing column",
        "t,prey\n0,1\n1,2\n",
        ":1:1: error[D010]: ",
        "did you mean 'prey'?",
        meaning={"states": ["pray"]},
    ),
    Bad("text in a column of numbers", "t,x\n0,1\n1,oops\n2,3\n", ":3:3: error[D011]: 'oops' is not", "(column 'x')"),
    Bad("number too large", "t,x\n0,1\n1,1e400\n2,3\n", ":3:3: error[D039]: '1e400' is not", "correct the cell"),
    Bad("infinite", "t,x\n0,1\n1,inf\n2,3\n", ":3:3: error[D039]: 'inf' is not a finite", "correct the cell"),
    Bad("row too short", "t,x,y\n0,1,2\n1,2\n", ":3:4: error[D012]: 2 fields", "the header has 3 (t, x, y)"),
    Bad("row too long", "t,x\n0,1\n1,2,3\n", ":3:5: error[D012]: 3 fields", "the header has 2 (t, x)"),
    Bad("every row too long", "t,x\n9,0,1\n9,1,2\n", ":2:5: error[D012]: 3 fields", "first column has no name"),
    Bad("separator at the end of rows", "t,x\n0,1,\n1,2,\n", ":2:5: error[D012]", "remove the separator at the end"),
    Bad("two short rows make two long ones", "a,b,c\n1,2\n3,4,5,6\n", ":2:4: error[D012]: 2 fields", "has 3"),
    Bad("blank line", "t,x\n0,1\n\n1,2\n", ":3:1: error[D012]: the line is blank", "delete the line"),
    Bad("unsorted time", "t,x\n0,1\n2,2\n1,3\n", ":4:1: error[D013]: time 1 comes after 2 in line 3", "--sort"),
    Bad(
        "repeated time",
        "t,x\n0,1\n1,2\n1,3\n",
        ":4:1: error[D014]: time 1 repeats line 3",
        "--replicates; or merge them: --dedupe",
    ),
    Bad("one row", "t,x\n0,1\n", ":2:1: error[D015]: there is only 1 observed time", "add rows"),
    Bad(
        "one row of a trajectory",
        "id,t,x\n1,0,1\n1,1,2\n2,0,5\n",
        ":4:3: error[D015]: trajectory 2",
        "leave the trajectory out",
    ),
    Bad("constant channel", "t,x,N\n0,1,763\n1,2,763\n", ":2:5: error[D016]: channel 'N' is 763", "--states"),
    Bad("NaN", "t,x\n0,1\n1,NaN\n2,4\n", ":3:3: error[D017]: 'NaN' stands for", "--missing nan"),
    Bad("blank cell", "t,x\n0,1\n1,\n2,4\n", ":3:3: error[D017]: the cell is blank", "--missing blank"),
    Bad(
        "blank time",
        "t,x\n0,1\n,2\n2,4\n",
        ":3:1: error[D017]: the cell is blank",
        "in every row",
        meaning={"missing": "blank"},
    ),
    Bad("decimal commas", "t;x\n0,0;1,5\n0,5;2,5\n", ":2:1: error[D018]: '0,0' has a decimal comma", "--decimal ,"),
    Bad("unquoted decimal commas", "t,x\n0,0,1,5\n", ":2:5: error[D012]: 4 fields", "--decimal ,"),
    Bad(
        "decimal point among commas", "t;x\n0,0;1\n0,5;2.5\n", ":3:5: error[D011]: '2.5'", "", reading={"decimal": ","}
    ),
    Bad("empty file", "", ": error[D019]: the file is empty", ""),
    Bad("only blanks", " \n\n", ": error[D019]: the file holds only blanks", ""),
    Bad("only a byte-order mark", b"\xef\xbb\xbf", ": error[D019]: the file holds only", ""),
    Bad("header only", "t,x\n", ":1: error[D020]: there are no rows", "two rows"),
    Bad("units and no rows", "t,x\ns,m\n", ":2:1: error[D020]: ", "two rows", reading={"units_row": True}),
    Bad("Latin-1", "t,caf\xe9\n0,1\n".encode("latin-1"), ":1:6: error[D023]: byte 0xe9", "iconv -f LATIN1"),
    Bad("Latin-1 in a row", "t,x,s\n0,1,é\n1,2,".encode() + b"\xe9\n", ":3:5: error[D023]: byte 0xe9", "iconv"),
    Bad("UTF-16", "t,x\n0,1\n".encode("utf-16"), ":1:1: error[D023]: the file is UTF-16", "iconv -f UTF-16"),
    Bad(
        "spreadsheet",
        b"PK\x03\x04\x14\x00\x06",
        ": error[D024]: this is a zip archive or a spreadsheet",
        "export it as CSV",
    ),
    Bad("zero byte", b"t,x\n0,1\n1,\x002\n", ":3: error[D024]: a zero byte", ""),
    Bad("stray carriage return", b"t,x\n0,1\r1,2\n", ":2:4: error[D024]: a carriage return", "dos2unix"),
    Bad("same name twice", "t,x,x\n0,1,2\n", ":1:5: error[D025]: two columns are named 'x'", "rename"),
    Bad("no header", "0,1\n1,2\n", ":1:1: error[D026]: the first line holds numbers", "-S reader.names=t,x1"),
    Bad("header behind a mark", "# t,x\n0,1\n1,2\n", ":2:1: error[D026]", "remove the mark in front of '# t,x'"),
    Bad("dates and no header", "1978-01-22,3\n1978-01-23,8\n", ":1:1: error[D026]", "add a header"),
    Bad("no header and text", "0.5,a,3\n1.5,b,8\n", ":1:1: error[D026]: the first line holds", "add a header"),
    Bad(
        "column without a name", "t,,x\n0,7,1\n1,9,2\n", ":1:3: error[D027]: column 2 has values but no name", "header"
    ),
    Bad("escape sequence in a name", "t,\x1b[31mx\n0,1\n1,2\n", ":1:3: error[D027]: the name '\\x1b[31mx'", "rename"),
    Bad("two separators", "a;b,c\n0\n", ":1:1: error[D028]", "-S reader.separator= one of comma, semicolon"),
    Bad("open quote", 't,x\n0,"1\n1,2\n', ":2:3: error[D029]: the quoted cell", "close the quote"),
    Bad("text behind a quote", 't,x\n0,"1"2\n1,2\n', ":2:6: error[D029]: the quoted cell", "close the quote"),
    Bad("open quote in the header", 't,"x\n0,1\n', ":1:3: error[D029]", "close the quote"),
    Bad(
        "units without the flag",
        "t,x\ns,mg/l\n0,1\n1,2\n",
        ":2:1: error[D030]: this line holds 's', 'mg/l'",
        "--units-row",
    ),
    Bad(
        "the flag without units",
        "t,x\n0,1\n1,2\n",
        ":2:1: error[D030]: this line holds numbers",
        "",
        reading={"units_row": True},
    ),
    Bad("no time", "x,y\n3,1\n1,5\n2,2\n", ":1:1: error[D031]: no column is named like a time", "--sample-time STEP"),
    Bad(
        "day first", "Pegel,Datum\n3,22.1.1978\n1,23.1.1978\n", ":2:3: error[D011]: '22.1.1978'", "dates as 1978-01-22"
    ),
    Bad("slashes", "date,x\n1978/01/22,1\n1978/01/23,2\n", ":2:1: error[D011]: '1978/01/22'", "dates as 1978-01-22"),
    Bad("time of day", "time,x\n13:30:00,1\n13:31:00,2\n", ":2:1: error[D011]: '13:30:00'", "with their date"),
    Bad("no states", "t,who\n0,a\n1,b\n", ":1:1: error[D031]: no column of numbers is left", "--states"),
    Bad(
        "text asked for as a state",
        "t,x,s\n0,1,a\n1,2,b\n",
        ":2:5: error[D011]: 'a' is not a number",
        "",
        meaning={"states": ["s"]},
    ),
    Bad("Fortran exponents", "t,x\n0,1.5D+03\n1,2.5D+03\n", ":2:3: error[D011]: '1.5D+03'", "correct the cell"),
    Bad("thousands", 't,x\n0,"1,234.5"\n1,"2,345.5"\n', ":2:3: error[D011]: '1,234.5'", "correct the cell"),
    Bad("hexadecimal", "t,x\n0,0x1F\n1,0x2F\n", ":2:3: error[D011]: '0x1F'", "correct the cell"),
    Bad("no such day", "date,x\n1978-01-22,1\n1978-02-30,2\n", ":3:1: error[D037]: '1978-02-30'", "write dates as"),
    Bad("dates of another kind", "date,x\n22/01/1978,1\n23/01/1978,2\n", ":2:1: error[D011]: '22/01/1978'", ""),
    Bad(
        "observed before the start",
        "t,x\n0,1\n1,2\n",
        ":2:1: error[D038]: time 0.0 lies before",
        "",
        meaning={"start": 1},
    ),
    Bad(
        "too many columns", ",".join(f"x{i}" for i in range(20_000)) + "\n", ":1: error[D036]: the header has 20000", ""
    ),
    Bad("a line without an end", "x" * 2_000_000, ":1: error[D036]: the first line is longer", ""),
]


def refusal(path: Path, reading: dict, meaning: dict) -> WorkbenchError:
    """The error for a file that must not become a Dataset."""
    with pytest.raises(WorkbenchError) as raised:
        assemble(csv(**reading).read(path), **meaning)
    return raised.value


@pytest.mark.parametrize("bad", CASES, ids=[bad.name for bad in CASES])
def test_bad_data_are_answered_in_one_line_with_the_place_and_the_way_out(tmp_path: Path, bad: Bad) -> None:
    path = tmp_path / "ponds.csv"
    path.write_bytes(bad.text.encode() if isinstance(bad.text, str) else bad.text)
    error = refusal(path, bad.reading, bad.meaning)
    text = str(error)
    assert text.startswith(f"{path}{bad.begins}")
    assert bad.says in text
    assert text.isprintable()
    assert error.exit_code == 3


def test_a_folder_is_no_file_and_a_file_in_it_is_proposed(tmp_path: Path) -> None:
    (tmp_path / "ponds.csv").touch()
    text = str(refusal(tmp_path, {}, {}))
    assert (
        text
        == f"{tmp_path}: error[D021]: this is a folder; a file is wanted; help: for example {tmp_path / 'ponds.csv'}"
    )


def test_a_device_is_no_file() -> None:
    assert str(refusal(Path("/dev/zero"), {}, {})).startswith("/dev/zero: error[D021]: ")


def test_a_file_that_is_not_there_is_answered_with_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "ponds.csv").touch()
    text = str(refusal(tmp_path / "pond.csv", {}, {}))
    assert text.startswith(f"{tmp_path / 'pond.csv'}: error[D002]: ")
    assert "ponds.csv" in text


def test_a_file_that_may_not_be_read_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ponds.csv"
    path.write_text("t,x\n0,1\n1,2\n")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root reads everything: let the system refuse in its stead
        monkeypatch.setattr(Path, "read_bytes", _refuse)
    assert str(refusal(path, {}, {})) == f"{path}: error[D022]: no permission to read this file; help: chmod u+r {path}"


def _refuse(path: Path) -> bytes:
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize(
    ("text", "reading", "meaning"),
    [
        ("t,x\n2,1\n0,2\n1,3\n", {}, {"sort": True}),
        ("t,x\n0,1\n1,2\n1,3\n", {}, {"replicates": True}),
        ("t,x\n0,1\n1,2\n1,3\n", {}, {"dedupe": "mean"}),
        ("t,x\n0,1\n1,NaN\n2,4\n", {"missing": "nan"}, {"missing": "nan"}),
        ("t,x\n0,1\n1,\n2,4\n", {}, {"missing": "blank"}),
        ("t;x\n0,0;1,5\n0,5;2,5\n", {"decimal": ","}, {}),
        ("t,x\ns,mg/l\n0,1\n1,2\n", {"units_row": True}, {}),
        ("0,1\n1,2\n", {"names": ("t", "x1")}, {}),
        ("t,x,N\n0,1,763\n1,2,763\n", {}, {"states": ["x"]}),
    ],
)
def test_the_way_out_that_each_error_names_leads_out(tmp_path: Path, text: str, reading: dict, meaning: dict) -> None:
    path = tmp_path / "ponds.csv"
    path.write_text(text)
    assert assemble(csv(**reading).read(path), **meaning).n_channels == 1
