"""Files damaged at random: each becomes a sound Dataset or one error with its place, never a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from workbench_files.offers import csv, npz, tsv

from workbench.dataset import TEST, Dataset, assemble, split
from workbench.errors import WorkbenchError

SEEDS: list[tuple[str, dict, dict]] = [  # a sound file, how it is read and what its columns mean
    ("t,x,y\n0,1,2\n0.5,2,1\n1,4,0.5\n1.5,8,0.25\n2,9,1e-3\n", {}, {}),
    ("time [s];u;y\n0,0;1,5;2\n0,1;1,6;3\n0,2;1,5;5\n", {"decimal": ","}, {"inputs": ["u"]}),
    ('subject\tt\tconc\n1\t0\t0.74\n1\t0.25\t2.84\n2\t0\t0.6\n2\t"0.3"\t1.7\n', {}, {}),
    ('date,in_bed,"who, where"\n1978-01-22,3,a\n1978-01-23,8,"b ""c"""\n1978-01-24,26,\n', {}, {}),
    ("# made by hand\nrun t  x\n1 0  2\n1 1  3\n2 0  5\n2 1  7\n", {}, {"trajectory": "run", "sort": True}),
    ("\ufefft,x\r\n0,1\r\n1,NaN\r\n2,3\r\n3,\r\n4,5\r\n", {"missing": "blank,nan"}, {"missing": True}),
    ("0,1,5\n1,2,6\n1,3,7\n", {"names": ("t", "x", "y")}, {"dedupe": "mean"}),
    ("t,x\ns,mg/l\n0,1\n1,2\n2,1\n", {"units_row": True}, {}),
]
PIECES = [
    *(
        ",",
        ";",
        "\t",
        " ",
        "\n",
        "\r",
        "\r\n",
        '"',
        '""',
        "'",
        "#",
        "\ufeff",
        "\0",
        "\x1b[31m",
        "\u202e",
        "é",
        "−",
        "٣",
    ),
    *(
        "\xa0",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e400",
        "1e-400",
        "-0",
        "1_000",
        "0x1F",
        "1.5D3",
        "1,5",
        "1.",
        ".5",
        "+",
        "-",
    ),
    *(
        "e",
        "1e",
        "--1",
        "1978-01-22",
        "1978-02-30",
        "9999-12-31T23:59:59Z",
        "0000-01-01",
        "t",
        "x",
        "time",
        "id",
        "[s]",
    ),
    *("(", "=1+1", "%", "99999999999999999999", "a" * 300),
]
READINGS: list[dict] = [
    {},
    {"decimal": ","},
    {"units_row": True},
    {"missing": "blank,nan"},
    {"comment": ""},
    {"names": ("t", "x", "y")},
]
MEANINGS: list[dict] = [
    {},
    {"sort": True, "dedupe": "mean"},
    {"replicates": True},
    {"missing": True},
    {"time": "t"},
    {"states": ["x"]},
    {"trajectory": "t"},
    {"inputs": ["x"], "missing": True},
    {"covariates": ["x"]},
    {"map": {"z": "x"}},
    {"start": "1978-01-01"},
    {"start": 0.0, "missing": True, "replicates": True},
]


def damaged(whole: str, rng: random.Random) -> bytes:
    """The text with one to four damages: bytes or pieces put in, cut out, doubled, changed, lines shuffled."""
    text = bytearray(whole.encode())
    for _ in range(rng.choice([1, 1, 1, 2, 3, 4])):
        at = rng.randrange(len(text) + 1)
        end = min(len(text), at + rng.randint(1, 12))
        kind = rng.randrange(8)
        if kind == 0:
            text[at:at] = rng.choice(PIECES).encode()
        elif kind == 1:
            text[at:end] = b""
        elif kind == 2:
            text[at:at] = text[at:end]
        elif kind == 3:
            text[at:end] = rng.choice(PIECES).encode()
        elif kind == 4:
            text[at:at] = bytes([rng.randrange(rng.choice([128, 256]))])
        elif kind == 5:
            lines = bytes(text).split(b"\n")
            rng.shuffle(lines)
            text = bytearray(b"\n".join(lines))
        elif digits := [i for i, byte in enumerate(text) if chr(byte).isdigit()]:
            text[rng.choice(digits)] = ord(rng.choice("0123456789.,-e"))
    return bytes(text)


def check_sound(data: Dataset) -> None:
    """What every Dataset promises, and that it can be split or says why not."""
    assert np.isfinite(data.t).all()
    assert not np.isinf(data.values).any()
    assert data.mask.any(axis=1).all()
    assert (data.row_size >= 2).all()
    try:
        assert (split(data, "last:20%") == TEST).any()
    except WorkbenchError as error:
        assert error.code == "D033"


def survive(path: Path, rng: random.Random) -> bool:
    """Read one damaged file: True if it became a Dataset, False if it was refused in one line."""
    whole, reading, meaning = rng.choice(SEEDS)
    if rng.random() < 0.4:
        reading, meaning = rng.choice(READINGS), rng.choice(MEANINGS)
    reader = (tsv if rng.random() < 0.05 else csv)(**reading)
    path.write_bytes(damaged(whole, rng))
    try:
        data = assemble(reader.read(path), **meaning)
    except WorkbenchError as error:
        text = str(error)
        assert error.exit_code in (2, 3)
        assert text.isprintable()
        assert error.exit_code == 2 or text.startswith(str(path))
        return False
    check_sound(data)
    return True


def fuzz(folder: Path, n: int, seed: int) -> int:
    """Read n damaged files; the number that became Datasets."""
    path, sound = folder / "fuzz.csv", 0
    for case in range(n):
        try:
            sound += survive(path, random.Random(f"{seed}:{case}"))
        except Exception as surprise:  # any but the errors that `survive` takes is a bug, told with its bytes
            raise AssertionError(f"case {seed}:{case} of {path.read_bytes()!r}") from surprise
    return sound


def test_every_seed_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "seed.csv"
    for whole, reading, meaning in SEEDS:
        path.write_text(whole, newline="")
        check_sound(assemble(csv(**reading).read(path), **meaning))


def test_a_thousand_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    sound = fuzz(tmp_path, 1_000, seed=0)
    assert 100 < sound < 900  # both ways are really taken


@pytest.mark.long
def test_twenty_thousand_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    fuzz(tmp_path, 20_000, seed=1)


def test_damaged_archives_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.npz"
    np.savez_compressed(path, t=np.arange(20.0), ys=np.random.default_rng(0).normal(size=(20, 2)), names=["a", "b"])
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(300):
        text = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            text[rng.randrange(len(text))] = rng.randrange(256)
        path.write_bytes(text[: rng.choice([len(text), rng.randrange(1, len(text))])])
        try:
            check_sound(assemble(npz().read(path)))
        except WorkbenchError as error:
            assert error.exit_code == 3
            assert str(error).isprintable()
