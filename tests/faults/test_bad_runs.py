"""From the command line: run files that are damaged, foreign, newer or cut short; equations without a finite solution.

Each run file is refused by name whatever is asked of it; a solve that fails ends with its status within ten seconds,
and never as a success. Every byte of a file, and hostile HDF5, are held in test_run_files.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from click.testing import CliRunner, Result

from workbench.cli import main
from workbench.runs import Run
from workbench.runs.seal import BLOCK, MAGIC


def run(*words: str | Path) -> Result:
    """The command line in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a sound run."""
    folder = tmp_path_factory.mktemp("sound")
    result = run("fit", "decay", "--iterations", "2", "--runs", folder, "--name", "sound")
    assert result.exit_code == 0, result.stderr
    return (folder / "sound.h5").read_bytes()


def flipped(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def newer(data: bytes) -> bytes:
    """A sound seal of a format from the future."""
    line = data[:BLOCK].replace(b'"format_version":1', b'"format_version":9')
    start = len(MAGIC) + len(b'{"sha256":"')
    zeroed = line[:start] + b"0" * 64 + line[start + 64 :]
    return line[:start] + hashlib.sha256(zeroed).hexdigest().encode() + line[start + 64 :] + data[BLOCK:]


def foreign(data: bytes) -> bytes:
    """A plain HDF5 file of somebody else's."""
    with io.BytesIO() as image:
        with h5py.File(image, "w") as file:
            file["x"] = [1.0, 2.0]
        return image.getvalue()


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "one bit flipped": (flipped, "R002"),
    "cut short": (lambda data: data[:-100], "R002"),
    "longer than it was": (lambda data: data + b"\0", "R002"),
    "a seal that was edited": (lambda data: data.replace(b'"commit":', b'"commit":1', 1)[: len(data)], "R002"),
    "of a newer format": (newer, "R004"),
    "a plain HDF5 file": (foreign, "R003"),
    "a text": (lambda data: b"t,x\n0,1\n", "R003"),
    "nothing": (lambda data: b"", "R003"),
}

ASKED = [["show"], ["fit", "--resume"], ["predict", "--until", "3"], ["plot"]]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("words", ASKED, ids=lambda words: " ".join(words))
def test_a_bad_run_file_is_refused_by_name_whatever_is_asked_of_it(
    sound: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], bad: str
) -> None:
    monkeypatch.chdir(tmp_path)
    spoil, code = BAD[bad]
    path = tmp_path / "runs" / "bad.h5"
    path.parent.mkdir()
    path.write_bytes(spoil(sound))
    before = path.read_bytes()
    result = run(*words, "bad")
    assert result.exit_code == 5, result.output
    assert re.fullmatch(rf"runs/bad\.h5: error\[{code}\]: [^\n]+; help: [^\n]+\n", result.stderr), result.stderr
    assert result.stdout == ""
    with_json = run(*words, "bad", "--json")
    assert with_json.exit_code == 5
    assert json.loads(with_json.stdout)["error"]["code"] == code
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["bad.h5"]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_file_among_others_does_not_hide_them_and_is_found_by_its_name(
    sound: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "bad.h5").write_bytes(BAD[bad][0](sound))
    (tmp_path / "runs" / "good.h5").write_bytes(sound)
    listed = run("runs")
    assert listed.exit_code == 0
    assert "good" in listed.stdout
    checked = run("runs", "verify", "bad", "good")
    assert checked.exit_code == 1
    assert f"runs/bad.h5: error[{BAD[bad][1]}]" in checked.stderr
    assert re.search(r"whole\s+runs/good\.h5", checked.stdout)


def test_a_new_fit_does_not_write_over_a_file_that_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "mine.h5").write_bytes(b"dear diary")
    result = run("fit", "decay", "--iterations", "1", "--runs", tmp_path, "--name", "mine")
    assert result.exit_code == 5
    assert "error[R003]" in result.stderr
    assert (tmp_path / "mine.h5").read_bytes() == b"dear diary"


# --- numerics ----------------------------------------------------------------------------------------------------

SYSTEM = """\
title = "no finite solution"
source = "made up"
time = {{ span = [0, 2], samples = 20 }}
[states.x]
equation = "{equation}"
initial = {initial}
[parameters]
a = {{ value = {a}, bounds = [{lower}, {upper}] }}
"""

ENDS = {
    "blows up at t = 1": ("a*x^2", 1.0, "blew_up"),
    "square root of a negative number from t = 0.5 on": ("a*sqrt(0.5 - t)", 0.0, "not_finite"),
    "logarithm of a negative number from the start": ("a*log(-x)", 1.0, "not_finite"),
    "stiff, by an explicit method": ("-1e9*a*(x - cos(t))", 0.0, "too_many_steps"),
}
"""Equation, initial value, and the status in which its solve by tsit5 ends."""

OBSERVED = "t,x\n" + "".join(f"{0.1 * i:g},{1 + 0.05 * i + 0.01 * (i % 3):g}\n" for i in range(20))


def problem(
    folder: Path, equation: str, initial: float, a: float = 1.0, lower: float = 0.5, upper: float = 2.0
) -> Path:
    """A problem file with this equation and one parameter."""
    file = folder / "model.toml"
    file.write_text(SYSTEM.format(equation=equation, initial=initial, a=a, lower=lower, upper=upper))
    return file


@pytest.mark.parametrize("name", ENDS)
def test_a_solve_without_a_finite_end_says_why_with_status_4_within_ten_seconds(tmp_path: Path, name: str) -> None:
    equation, initial, status = ENDS[name]
    file = problem(tmp_path, equation, initial)
    begin = time.monotonic()
    result = run("simulate", file)
    assert time.monotonic() - begin < 10
    assert result.exit_code == 4
    assert re.match(rf"error\[N\d{{3}}\]: .*{status}.*; help: ", result.stderr), result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize("name", ENDS)
def test_a_fit_of_such_equations_is_never_a_success(tmp_path: Path, name: str) -> None:
    """Whatever a within its bounds: no solution reaches the last training observation."""
    equation, initial, _ = ENDS[name]
    file = problem(tmp_path, equation, initial, lower=0.9, upper=1.1)
    (tmp_path / "x.csv").write_text(OBSERVED)
    begin = time.monotonic()
    result = run("fit", tmp_path / "x.csv", "--problem", file, "--runs", tmp_path / "runs", "--name", "lost")
    assert time.monotonic() - begin < 10
    assert result.exit_code == 4, result.output
    assert result.stdout == ""
    assert re.match(r"error\[N\d{3}\]: .+; help: ", result.stderr.splitlines()[-1]), result.stderr
    assert "Traceback" not in result.stderr
    if (tmp_path / "runs" / "lost.h5").exists():
        kept = Run.open(tmp_path / "runs" / "lost.h5")
        assert kept.status.startswith("failed.")
        assert kept.metrics == {}
        again = run("fit", "--resume", "lost", "--runs", tmp_path / "runs")
        assert again.exit_code == 4
        assert "error[N011]" in again.stderr


def test_stiff_equations_are_solved_by_an_implicit_method_as_the_hint_says(tmp_path: Path) -> None:
    """x follows cos t to 1e-9, the rate being 1e9; SciPy's dense output inside its long steps is good to some 1e-4."""
    file = problem(tmp_path, ENDS["stiff, by an explicit method"][0], 1.0)
    result = run("simulate", file, "--solver", "scipy_radau", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["status"] == "ok"
    for t, x in zip(document["times"], document["states"]["x"], strict=True):
        assert x == pytest.approx(math.cos(t), abs=1e-3)


def test_a_start_that_blows_up_does_not_lose_a_fit_that_has_a_solution(tmp_path: Path) -> None:
    """From a = 3 the solution ends at t = 1/3; the data are those of a = 0.3, whose solution exists up to t = 3.3."""
    rows = [f"{0.1 * i:g},{1 / (1 - 0.3 * 0.1 * i):.12g}\n" for i in range(20)]
    (tmp_path / "x.csv").write_text("t,x\n" + "".join(rows))
    file = problem(tmp_path, "a*x^2", 1.0, a=3.0, lower=0.01, upper=5.0)
    words = ["--problem", file, "--runs", tmp_path / "runs", "--split", "none", "--json"]
    result = run("fit", tmp_path / "x.csv", *words)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["parameters"]["a"]["value"] == pytest.approx(0.3, abs=1e-4)
