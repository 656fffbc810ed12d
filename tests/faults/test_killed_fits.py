"""kill −9 at any moment of a fit, then --resume: the same run to the last bit, and nothing lost on the way.

The numbers of trials are those of the short form; WORKBENCH_FAULTS=17 makes them a thousand.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.runs import Run

TRIALS = int(os.environ.get("WORKBENCH_FAULTS", "1"))
QUICK = {"dynamics.hidden": [3], "optimizer.rate": 0.05, "optimizer.patience": 2, "strategy.patience": 2}
"""Settings of a small network that climbs from rung to rung after a few steps."""

ADAM = {"source": "spiral.csv", "dynamics": "mlp", "settings": QUICK, "optimizer": "adam", "iterations": 40}
MARQUARDT = {"source": "lynx_hare", "split": "none", "optimizer": "levenberg-marquardt", "iterations": 40}
OPAQUE = {"source": "lynx_hare", "split": "none", "optimizer": "least-squares", "iterations": 7}

SUBJECTS: dict[str, dict[str, Any]] = {
    "a network by adam": ADAM,
    "equations by Levenberg and Marquardt": MARQUARDT,
    "equations by SciPy's opaque least squares": OPAQUE,
}
"""Fits bounded by iterations that pass through every rung of the ladder."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a damped spiral, sampled 16 times without noise."""
    t = np.linspace(0.0, 6.0, 16)
    rows = np.column_stack([t, np.exp(-0.2 * t) * np.cos(2 * t), np.exp(-0.2 * t) * np.sin(2 * t)])
    np.savetxt(tmp_path / "spiral.csv", rows, delimiter=",", header="t,x,y", comments="")
    return tmp_path


def fitting(subject: dict[str, Any], name: str, **more: Any) -> str:
    """Text that fits and writes the number of each step to standard output once the step has been committed."""
    return acknowledging("workflow.fit", **subject, store="runs", name=name, **more)


def going_on(name: str, **more: Any) -> str:
    """Text that goes on with a run, and acknowledges as well."""
    return acknowledging("workflow.resume", run=name, store="runs", **more)


def acknowledging(call: str, **arguments: Any) -> str:
    listed = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f'import os\n{call}({listed}, on_step=lambda step: step.done or os.write(1, b"%d\\n" % step.number))'


EVERY_STEP, OFTEN = {"commit_share": 1e9}, {"commit_share": 0.5}
"""How much of the time commits may take: as much as they want (one after every step), or half of it."""


def length(path: Path) -> int:
    """Steps in the history of a stored run; raises if one byte of it is not as it was committed."""
    return len(Run.open(path).history["number"])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_fit_killed_at_any_moment_and_resumed_is_the_uninterrupted_one_bit_for_bit(
    warm: Any, place: Path, subject: str
) -> None:
    rng, wanted = random.Random(subject), SUBJECTS[subject]
    begin = time.monotonic()
    warm.run(fitting(wanted, "whole"), place)  # with few commits: their number decides nothing
    between = time.monotonic()
    warm.run(fitting(wanted, "often", **OFTEN), place)
    seconds = min(time.monotonic() - between, 1.5 * (between - begin))
    whole = Run.open(place / "runs" / "whole.h5")
    assert Run.open(place / "runs" / "often.h5").content_sha256 == whole.content_sha256

    kills, runs, gone_on = 0, 0, 0
    while kills < 20 * TRIALS:
        runs += 1
        path, reached, tries, status = place / "runs" / f"run-{runs}.h5", -1, 0, -signal.SIGKILL
        while status == -signal.SIGKILL:
            text = going_on(path.stem, **OFTEN) if path.exists() else fitting(wanted, path.stem, **OFTEN)
            gone_on += path.exists()
            trial = warm.start(text, place)
            tries += 1
            time.sleep(rng.uniform(0.0, seconds * (1 + tries / 50)))
            seen = length(path) if path.exists() else -1  # readers may open it at any moment
            status = trial.end(signal.SIGKILL)
            now = length(path) if path.exists() else -1
            assert now >= seen >= reached, "a commit was lost"
            reached = now
            kills += status == -signal.SIGKILL
        assert status == 0, trial.said
        assert Run.open(path).content_sha256 == whole.content_sha256
        assert [file.name for file in path.parent.glob(".*")] == [], "a lock or a temporary was left"
    assert gone_on > kills // 3  # else most of them died before their first commit, and little was tested


@pytest.mark.parametrize(
    ("kills", "fresh"),
    [
        (3, ["fit", "lynx_hare", "--split", "none", "--optimizer", "levenberg-marquardt", "--iterations", "40"]),
        (2, ["fit", "spiral.csv", "-d", "mlp", "--optimizer", "adam", "-S", "dynamics.hidden=4", "--iterations", "40"]),
    ],
    ids=["equations", "a network"],
)
def test_real_processes_killed_on_the_way_are_resumed_to_the_same_run(
    warm: Any, place: Path, kills: int, fresh: list[str]
) -> None:
    """`workbench fit` as it is started from a shell, its commits as rare as 2 % of the time allow."""
    rng = random.Random(5)
    assert warm.command(*fresh, "--name", "whole", folder=place)[0] == 0
    path, reached = place / "runs" / "cut.h5", 0
    for _ in range(kills * TRIALS):
        process = started(["fit", "--resume", "cut"] if path.exists() else [*fresh, "--name", "cut"], place)
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        if not any(line.startswith("step ") for line in said):  # the last kill came after the last commit
            process.communicate()
            assert process.returncode == 0
            break
        time.sleep(rng.uniform(0.0, 0.2))  # steps are taken: from here on it is killed at random
        process.kill()
        process.communicate()
        if process.returncode == 0:  # too late: it had ended
            break
        assert process.returncode == -signal.SIGKILL
        assert length(path) >= reached
        reached = length(path)
    process = started(["fit", "--resume", "cut"], place)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert Run.open(path).content_sha256 == Run.open(place / "runs" / "whole.h5").content_sha256
    assert sorted(file.name for file in path.parent.iterdir()) == ["cut.h5", "whole.h5"]


def started(words: list[str], folder: Path) -> subprocess.Popen[str]:
    """A process of its own, as a shell would start it."""
    command = Path(sys.executable).with_name("workbench")
    begin = [str(command)] if command.exists() else [sys.executable, "-m", "workbench"]
    return subprocess.Popen([*begin, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_finished_run_is_not_changed_by_resume_and_the_status_is_0(warm: Any, place: Path) -> None:
    warm.run(fitting(ADAM, "done"), place)
    path = place / "runs" / "done.h5"
    before, changed = path.read_bytes(), path.stat().st_mtime_ns
    assert warm.command("fit", "--resume", "done", folder=place)[0] == 0
    assert warm.command("fit", "--resume", "done", "--json", folder=place)[0] == 0
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, changed)


def test_resuming_takes_away_what_a_writer_left_that_died_after_its_last_commit(warm: Any, place: Path) -> None:
    dying = "from workbench.runs.lock import Lock\nLock.release = lambda self: os.kill(os.getpid(), 9)\n"
    text = fitting(ADAM, "done").replace("import os\n", "import os\n" + dying)
    assert warm.start(text, place).end() == -signal.SIGKILL
    path = place / "runs" / "done.h5"
    before = path.read_bytes()
    assert [file.name for file in path.parent.glob(".*")] == [".done.h5.lock"]
    assert warm.command("fit", "--resume", "done", folder=place)[0] == 0
    assert path.read_bytes() == before
    assert list(path.parent.glob(".*")) == []


@pytest.mark.parametrize("killed", [False, True], ids=["ended by its limit", "killed"])
def test_a_run_given_more_iterations_is_the_one_that_had_them_from_the_start(
    warm: Any, place: Path, killed: bool
) -> None:
    subject = MARQUARDT
    warm.run(fitting({**subject, "iterations": 20}, "whole"), place)
    if killed:
        text = fitting({**subject, "iterations": 9}, "cut", **EVERY_STEP)
        text = text.replace("step.done or", "step.number == 6 and os.kill(os.getpid(), 9) or")
        assert warm.start(text, place).end() == -signal.SIGKILL
    else:
        warm.run(fitting({**subject, "iterations": 9}, "cut"), place)
        assert Run.open(place / "runs" / "cut.h5").status == "iterations"
    assert length(place / "runs" / "cut.h5") == (6 if killed else 9)
    status, _, said = warm.command("fit", "--resume", "cut", "--iterations", "20", folder=place)
    assert status == 0, said
    assert Run.open(place / "runs" / "cut.h5").content_sha256 == Run.open(place / "runs" / "whole.h5").content_sha256


def test_a_resumed_run_keeps_the_limits_that_it_was_started_with(warm: Any, place: Path) -> None:
    text = fitting({**MARQUARDT, "iterations": 9}, "cut", **EVERY_STEP)
    text = text.replace("step.done or", "step.number == 6 and os.kill(os.getpid(), 9) or")
    assert warm.start(text, place).end() == -signal.SIGKILL
    assert warm.command("fit", "--resume", "cut", folder=place)[0] == 0
    run = Run.open(place / "runs" / "cut.h5")
    assert (run.status, run.config["limits"]["iterations"], len(run.history["number"])) == ("iterations", 9, 9)


def test_a_killed_run_can_be_shown_and_listed_as_it_stands(warm: Any, place: Path) -> None:
    text = fitting(ADAM, "cut", **EVERY_STEP)
    assert warm.start(text.replace("step.done or", "os.kill(os.getpid(), 9) or"), place).end() == -signal.SIGKILL
    for words in (["show", "cut"], ["show", "cut", "--json"], ["runs"], ["runs", "verify"]):
        status, answer, said = warm.command(*words, folder=place)
        assert status == 0, said
        assert "cut" in answer
    assert length(place / "runs" / "cut.h5") == 0  # the start itself is committed before the first step


def test_two_processes_cannot_write_one_run(warm: Any, place: Path) -> None:
    subject = {**ADAM, "iterations": 10**6, "strategy": "single"}
    subject["settings"] = {"dynamics.hidden": [4], "optimizer.patience": 10**9, "strategy.patience": 10**9}
    trial = warm.start(fitting(subject, "one", **EVERY_STEP), place)
    while not trial.answer:
        time.sleep(0.01)
    status, _, said = warm.command("fit", "--resume", "one", folder=place)
    assert trial.end(signal.SIGKILL) == -signal.SIGKILL
    assert status == 5
    assert f"error[R005]: is being written by process {trial.pid}" in said
    assert said.count("\n") == 1
