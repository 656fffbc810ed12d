"""Bad input at the command line: one line with the place, the fault and what to type; its status; nothing half-written.

The readers' own catalogue of bad data, with every place to the column, is in test_bad_data; here the whole way is held.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import workbench_problems
from click.testing import CliRunner, Result

from workbench.cli import main

LINE = re.compile(r"(?P<where>.+?: )?error\[(?P<code>[USDNRP]\d{3})\]: .+; help: .+")
STATUS = {"U": 2, "S": 2, "D": 3, "N": 4, "R": 5, "P": 6}

PAIRS = "t,prey,predator\n0,1,2\n1,2,3\n2,3,5\n3,5,8\n4,2,1\n"


@dataclass(frozen=True)
class Bad:
    """What is typed, in a folder with `files`; how the answer begins, and what else it says."""

    name: str
    words: str
    begins: str
    says: str = ""
    files: dict[str, str | bytes] = field(default_factory=dict)


def data(name: str, text: str | bytes, begins: str, says: str = "", words: str = "fit x.csv") -> Bad:
    """A file x.csv with this text, which `words` fit."""
    return Bad(name, words, f"x.csv{begins}", says, {"x.csv": text})


def typed(name: str, words: str, begins: str, says: str = "") -> Bad:
    """Words that are wrong for the good file ponds.csv."""
    return Bad(name, words, begins, says, {"ponds.csv": PAIRS})


SYSTEM = """\
title = "{title}"
source = "made up"
time = {{ span = [0, 2], samples = 20 }}
[states.x]
equation = "{equation}"
initial = 1.0
[parameters]
a = 1.0
"""


def model(name: str, equation: str, begins: str, says: str = "", words: str = "fit model.toml") -> Bad:
    """A problem file whose equation, on line 5, is this."""
    return Bad(name, words, f"model.toml{begins}", says, {"model.toml": SYSTEM.format(title=name, equation=equation)})


DATA = [
    data("missing column", PAIRS, ":1:1: error[D010]: ", "did you mean 'prey'", "fit x.csv --states pray"),
    data("text among numbers", "t,x\n0,1\n1,oops\n2,3\n", ":3:3: error[D011]: 'oops'", "--missing oops"),
    data("ragged row", "t,x\n0,1\n1,2,3\n2,3\n", ":3:5: error[D012]: 3 fields"),
    data("unsorted time", "t,x\n0,1\n2,2\n1,3\n3,4\n", ":4:1: error[D013]: ", "--sort"),
    data("repeated time", "t,x\n0,1\n1,2\n1,3\n2,4\n", ":4:1: error[D014]: ", "--replicates; or merge them: --dedupe"),
    data("one row", "t,x\n0,1\n", ":2:1: error[D015]: "),
    data("constant channel", "t,x\n0,1\n1,1\n2,1\n", ":2:3: error[D016]: "),
    data("NaN", "t,x\n0,1\n1,nan\n2,4\n", ":3:3: error[D017]: ", "--missing nan"),
    data("blank", "t,x\n0,1\n1,\n2,4\n", ":3:3: error[D017]: ", "--missing blank"),
    data("decimal commas", "t;x\n0,0;1,5\n0,5;2,5\n1,0;3\n", ":2:1: error[D018]: ", "--decimal ,"),
    data("empty", "", ": error[D019]: "),
    data("NUL bytes", b"t,x\n0,1\n\x00\x00\n", ":3: error[D024]: "),
    data("a picture", b"\x89PNG\r\n\x1a\n", ":1:1: error[D023]: "),
    Bad("an unknown suffix", "fit x.doc", "x.doc: error[D003]: ", ".csv", {"x.doc": PAIRS}),
    data("not positive", "t,x\n0,1\n1,-2\n2,4\n", ": error[D061]: ", "at t = 1", "fit x.csv --noise x=lognormal"),
    data("no counts", "t,x\n0,1\n1,-2\n2,4\n", ": error[D061]: ", "poisson", "fit x.csv --noise x=poisson"),
    Bad(
        "too few to split",
        "fit x.csv --split last:60%",
        "x.csv: error[D033]: ",
        "--split none",
        {"x.csv": "t,x\n0,1\n1,2\n"},
    ),
    typed("a folder", "fit .", ".: error[D003]: this is a directory"),
    typed("a path through a file", "fit ponds.csv/x.csv", "ponds.csv/x.csv: error[D002]: "),
    typed("a file that is not there", "fit pond.csv", "pond.csv: error[D002]: ", "did you mean 'ponds.csv'"),
]

TYPED = [
    typed("neither file nor problem", "fit lynx_har", "error[U002]: ", "did you mean 'lynx_hare'"),
    typed("misspelt command", "fti ponds.csv", "error[U001]: ", "did you mean 'fit'"),
    typed("misspelt flag", "fit ponds.csv --sover rk4", "error[U001]: ", "did you mean '--solver'"),
    typed("nothing to fit", "fit", "error[U001]: ", "workbench fit lynx_hare"),
    typed("two things to fit", "fit ponds.csv --resume x", "error[U001]: "),
    typed("unknown dynamics", "fit ponds.csv -d mlpp", "error[U002]: ", "did you mean 'mlp'"),
    typed("unknown solver", "fit ponds.csv --solver rk5", "error[U002]: ", "did you mean 'rk4'"),
    typed("unknown loss", "fit ponds.csv --loss mze", "error[U002]: ", "did you mean 'mse'"),
    typed("unknown optimizer", "fit ponds.csv --optimizer adan", "error[U002]: ", "did you mean 'adam'"),
    typed("unknown strategy", "fit ponds.csv --strategy laddr", "error[U002]: ", "did you mean 'ladder'"),
    typed("unknown problem", "fit ponds.csv --problem lorens", "error[U002]: ", "did you mean 'lorenz'"),
    typed("unknown kind", "fit ponds.csv -S solvr.rtol=1", "error[U010]: ", "did you mean 'solver'"),
    typed("unknown option", "fit ponds.csv -S solver.rtoll=1", "error[U010]: ", "did you mean 'rtol'"),
    typed("tolerance below 0", "fit ponds.csv -S solver.rtol=-1", "error[U016]: solver.rtol is -1", "at least 0"),
    typed("no tolerance", "fit ponds.csv -S solver.rtol=0 -S solver.atol=0", "error[U016]: ", "both 0"),
    typed(
        "step below 0", "fit ponds.csv --solver rk4 -S solver.step=-1", "error[U016]: solver.step is -1", "at least 0"
    ),
    typed("layer of no units", "fit ponds.csv -d mlp -S dynamics.hidden=[4,0]", "error[U016]: ", "[32]"),
    typed("option of the wrong type", "fit ponds.csv -S solver.rtol=tiny", "error[U011]: ", "1e-6"),
    typed("no setting", "fit ponds.csv -S rtol", "error[U012]: ", "kind.option=value"),
    typed("split nonsense", "fit ponds.csv --split some", "error[U001]: ", "--split last:20%"),
    typed("split of everything", "fit ponds.csv --split last:200%", "error[U001]: ", "--split none"),
    typed("noise of no channel", "fit ponds.csv --noise pray=lognormal", "error[U001]: ", "did you mean 'prey'"),
    typed("no kind of noise", "fit ponds.csv --noise prey=lognormol", "error[U001]: ", "lognormal"),
    typed("noise without a kind", "fit ponds.csv --noise prey", "error[U014]: ", "--noise name=value"),
    typed("set of no parameter", "fit lynx_hare --set alfa=1", "error[U001]: ", "did you mean 'alpha'"),
    typed("set to a word", "fit lynx_hare --set alpha=one", "error[U014]: ", "--set alpha=0.5"),
    typed("set of a network", "fit ponds.csv --set alpha=1", "error[U001]: ", "--problem"),
    typed("no duration", "fit ponds.csv --max-time soon", "error[U014]: ", "--max-time 60s"),
    typed("a negative duration", "fit ponds.csv --max-time=-3", "error[U014]: ", "--max-time 60s"),
    typed("no gate", "fit ponds.csv --fail-if nrmse", "error[U014]: ", 'nrmse>0.1"'),
    typed("half a gate", "fit ponds.csv --fail-if nrmse>>0", "error[U014]: ", 'nrmse>0.1"'),
    typed("a gate on NaN", "fit ponds.csv --fail-if nrmse>nan", "error[U014]: ", 'nrmse>0.1"'),
    typed("an order of words", "fit ponds.csv --fail-if verdict<good", "error[U014]: ", 'verdict=bad"'),
    typed("no number of iterations", "fit ponds.csv --iterations some", "error[U001]: ", "fit --help"),
    typed("no iterations", "fit ponds.csv --iterations 0", "error[U001]: ", "fit --help"),
    typed("a seed below 0", "fit ponds.csv --seed -1", "error[U001]: ", "fit --help"),
    typed("unknown engine", "fit ponds.csv --engine warp", "error[U001]: ", "--engine auto"),
    typed("unknown device", "fit ponds.csv --device abacus", "error[U001]: ", "--device"),
    typed("a name that is a path", "fit ponds.csv --name ../ponds", "error[U001]: ", "letters, digits"),
    typed("no such run to go on with", "fit --resume otter", "error[U002]: ", "fit"),
    typed("no such run to show", "show otter", "error[U002]: ", "fit"),
    typed("no configuration", "fit ponds.csv --config none.toml", "none.toml: error[U013]: "),
    typed("no file of a plugin", "fit ponds.csv --plugin none.py", "error[P003]: "),
    typed("a plugin that is no Python", "fit ponds.csv --plugin ponds.csv", "error[P003]: "),
    typed("runs in a file", "fit lynx_hare --runs ponds.csv", "ponds.csv: error[R007]: ", "another folder"),
    typed(
        "runs below a file", "fit lynx_hare --runs ponds.csv/runs", "ponds.csv/runs: error[R007]: ", "another folder"
    ),
    typed("runs where none can be", "fit lynx_hare --runs /proc/runs", "/proc/runs: error[R00"),
    typed("no problem file", "fit none.toml", "", "none.toml"),
]

MODELS = [
    model("hostile call", "__import__('os').system('touch hacked')", ":5:13: error[S0"),
    model("hostile attribute", "a.__class__", ":5:1", "error[S0"),
    model("a tower of powers", "9**9**9", ":5:1", "error[S0"),
    model("undeclared name", "-b*x", ":5:14: error[S014]: 'b' is not declared"),
    model("undeclared name, simulated", "-b*x", ":5:14: error[S014]: ", "", "simulate model.toml"),
    model("undeclared name, checked", "-b*x", ":5:14: error[S014]: ", "", "problems check model.toml"),
    model("unknown function", "-sine(x)", ":5:14: error[S015]: ", "sin"),
    model("log of a negative number", "a*log(-1)", ":5:1", "error[S018]"),
    Bad("no TOML", "fit m.toml", "m.toml:1:", "error[S030]", {"m.toml": "title = \n"}),
    Bad(
        "unknown key",
        "fit m.toml",
        "m.toml:9: error[S031]: ",
        "",
        {"m.toml": SYSTEM.format(title="", equation="-x") + "[state]\n"},
    ),
]


def run(*words: str | Path) -> Result:
    """The command line in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


def require_one_line(result: Result, begins: str, says: str = "") -> str:
    """The code of the one error line of an answer, checked; before it only notes of what was guessed may stand."""
    *notes, line = result.stderr.splitlines()
    assert [note for note in notes if not note.startswith("note: ")] == []
    assert "Traceback" not in result.output
    match = LINE.fullmatch(line)
    assert match, line
    assert line.startswith(begins)
    assert says in line
    assert result.exit_code == STATUS[match["code"][0]]
    return match["code"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("bad", [*DATA, *TYPED, *MODELS], ids=lambda bad: bad.name)
def test_bad_input_is_one_line_with_its_place_and_the_way_on_and_leaves_nothing(place: Path, bad: Bad) -> None:
    for name, text in bad.files.items():
        (place / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    result = run(*bad.words.split())
    code = require_one_line(result, bad.begins, bad.says)
    assert result.stdout == ""
    assert {file.name for file in place.iterdir()} == set(bad.files)

    with_json = run(*bad.words.split(), "--json")
    assert with_json.exit_code == result.exit_code
    assert json.loads(with_json.stdout)["error"]["code"] == code
    assert {file.name for file in place.iterdir()} == set(bad.files)


def test_a_byte_order_mark_is_accepted_and_said(place: Path) -> None:
    (place / "x.csv").write_bytes(b"\xef\xbb\xbf" + PAIRS.encode())
    result = run("fit", "x.csv", "-S", "dynamics.hidden=2", "--iterations", "1")
    assert result.exit_code == 0, result.stderr
    assert "note: byte-order mark skipped" in result.stderr


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("t;x\n0,0;1,5\n0,5;2,5\n1,0;3\n", ["--decimal", ","]),
        ("t,x\n0,1\n2,2\n1,3\n3,4\n", ["--sort"]),
        ("t,x\n0,1\n1,2\n1,3\n2,4\n", ["--replicates"]),
        ("t,x\n0,1\n1,2\n1,3\n2,4\n", ["--dedupe", "mean"]),
        ("t,x\n0,1\n1,nan\n2,4\n3,5\n", ["--missing", "nan"]),
        ("t,x\n0,1\n1,\n2,4\n3,5\n", ["--missing", "blank"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_flag_that_the_line_names_leads_out(place: Path, text: str, flags: list[str]) -> None:
    (place / "x.csv").write_text(text)
    assert run("fit", "x.csv", "--dry-run", "--split", "none").exit_code == 3
    result = run("fit", "x.csv", "--dry-run", "--split", "none", *flags)
    assert result.exit_code == 0, result.stderr


def test_a_name_that_is_taken_is_refused_before_anything_is_fitted(place: Path) -> None:
    words = ["fit", "decay", "--iterations", "1", "--name", "taken"]
    assert run(*words).exit_code == 0
    before = (place / "runs" / "taken.h5").read_bytes()
    assert require_one_line(run(*words), "runs/taken.h5: error[R013]: ", "--resume taken") == "R013"
    assert (place / "runs" / "taken.h5").read_bytes() == before
    assert [file.name for file in (place / "runs").iterdir()] == ["taken.h5"]


AS_NOBODY = "import os\nif os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
"""Where we are root, whom no permission binds, the child goes on as nobody."""


def skip_unless_nobody_reads(path: Path) -> None:
    """Skips where we are root and the path lies in a folder that only its owner may enter."""
    if os.getuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents):
        pytest.skip(f"{path} lies in a folder that nobody but its owner may enter")


def test_a_file_that_may_not_be_read_is_told_so(warm: Any, place: Path) -> None:
    (place / "x.csv").write_text(PAIRS)
    (place / "x.csv").chmod(0)
    place.chmod(0o755)
    trial = warm.start(AS_NOBODY + "main(['fit', 'x.csv'])", place, XDG_CONFIG_HOME="/nowhere")
    assert trial.end() == 3
    assert trial.said.startswith("x.csv: error[D022]: ")
    assert trial.said.count("\n") == 1
    assert "; help: chmod u+r" in trial.said


def test_a_folder_that_may_not_be_written_to_is_told_so(warm: Any, place: Path) -> None:
    skip_unless_nobody_reads(Path(workbench_problems.__file__))
    place.chmod(0o555)
    trial = warm.start(AS_NOBODY + "main(['fit', 'lynx_hare'])", place, XDG_CONFIG_HOME="/nowhere")
    status = trial.end()
    place.chmod(0o755)
    assert status == 5, trial.said
    assert trial.said.splitlines()[-1].startswith("runs: error[R007]: cannot be written: ")
    assert trial.said.count("error[") == 1
    assert list(place.iterdir()) == []


NO_SPACE = """
import errno, os
from workbench.runs import disk
real, written = os.write, [0]
class Full:
    def __getattr__(self, name): return getattr(os, name)
    @staticmethod
    def write(handle, part):
        written[0] += 1
        if written[0] > {after}: raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, part)
disk.os = Full()
main({words!r})
"""
TOO_LARGE = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
main({words!r})
"""
FIT = ["fit", "lynx_hare", "--split", "none", "--name", "full"]


@pytest.mark.parametrize(
    ("text", "code"),
    [(NO_SPACE.format(after=0, words=FIT), "R006"), (TOO_LARGE.format(size=10_000, words=FIT), "R008")],
    ids=["ENOSPC", "EFBIG, by the kernel itself"],
)
def test_a_disk_that_is_full_at_once_leaves_nothing(warm: Any, place: Path, text: str, code: str) -> None:
    trial = warm.start(text, place)
    assert trial.end() == 5, trial.said
    line = trial.said.splitlines()[-1]
    assert line.startswith(f"runs/full.h5: error[{code}]: ")
    assert "; help: " in line
    assert trial.said.count("error[") == 1
    assert list((place / "runs").iterdir()) == []


def test_a_disk_that_is_full_later_keeps_the_last_commit_which_can_be_resumed(warm: Any, place: Path) -> None:
    """Two writes are one commit: the first goes through, the last does not."""
    trial = warm.start(NO_SPACE.format(after=2, words=FIT), place)
    assert trial.end() == 5, trial.said
    assert "runs/full.h5: error[R006]: no space left" in trial.said
    assert "go on with --resume" in trial.said
    assert [file.name for file in (place / "runs").iterdir()] == ["full.h5"]
    status, _, said = warm.command("fit", "--resume", "full", folder=place)
    assert status == 0, said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_an_answer_that_cannot_be_printed_is_one_line(warm: Any, place: Path) -> None:
    text = "import os\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\nmain(['simulate', 'decay'])"
    trial = warm.start(text, place)
    assert trial.end() == 5
    assert trial.said.startswith("error[R001]: standard output: No space left on device; help: ")
    assert trial.said.count("\n") == 1
