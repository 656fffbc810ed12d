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

from workbench.runs import Run, verify

TRIALS = int(os.environ.get("WORKBENCH_FAULTS", "1"))
SMALL = {"dynamics": "mlp", "settings": {"dynamics.hidden": [4], "optimizer.patience": 8, "strategy.patience": 8}}

SUBJECTS: dict[str, dict[str, Any]] = {
    "a network by adam, up the ladder": {"source": "spiral.csv", **SMALL, "optimizer": "adam", "iterations": 60},
    "a network by Levenberg and Marquardt": {
        "source": "spiral.csv",
        "dynamics": "mlp",
        "settings": {"dynamics.hidden": [4], "strategy.patience": 4},
        "optimizer": "levenberg-marquardt",
        "iterations": 25,
    },
    "equations by SciPy's opaque least squares": {"source": "lynx_hare", "split": "none"},
}
"""Fits bounded by iterations, or by convergence, that pass through every rung."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a damped spiral, sampled 24 times without noise."""
    t = np.linspace(0.0, 6.0, 24)
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


EVERY_STEP = {"commit_share": 1e9}
"""As much time for commits as they want: one after every step."""


def length(path: Path) -> int:
    """Steps in the history of a stored run; raises if one byte of it is not as it was committed."""
    return len(verify(path).history["number"])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_fit_killed_at_any_moment_and_resumed_is_the_uninterrupted_one_bit_for_bit(
    warm: Any, place: Path, subject: str
) -> None:
    rng, wanted = random.Random(subject), SUBJECTS[subject]
    warm.run(fitting(wanted, "whole"), place)  # with few commits: their number decides nothing
    whole = Run.open(place / "runs" / "whole.h5")
    begin = time.monotonic()
    warm.run(fitting(wanted, "timed", **EVERY_STEP), place)
    seconds = time.monotonic() - begin
    assert Run.open(place / "runs" / "timed.h5").content_sha256 == whole.content_sha256

    kills, runs, gone_on = 0, 0, 0
    while kills < 20 * TRIALS:
        runs += 1
        path, reached, tries, status = place / "runs" / f"run-{runs}.h5", -1, 0, -signal.SIGKILL
        while status == -signal.SIGKILL:
            text = going_on(path.stem, **EVERY_STEP) if path.exists() else fitting(wanted, path.stem, **EVERY_STEP)
            gone_on += path.exists()
            trial = warm.start(text, place)
            tries += 1
            time.sleep(rng.uniform(0.0, seconds * (1 + tries / 10)))
            status = trial.end(signal.SIGKILL)
            acknowledged = [int(number) for number in trial.answer.split()]
            if path.exists():
                now = length(path)
                assert now >= max([reached, *acknowledged]), "a commit was lost"
                reached = now
            else:
                assert not acknowledged, "steps were taken before the first commit"
            kills += status == -signal.SIGKILL
        assert status == 0, trial.said
        assert Run.open(path).content_sha256 == whole.content_sha256
        assert {file.name for file in path.parent.glob(".*")} == set(), "a lock or a temporary was left"
    assert gone_on > kills // 3  # else most of them died before their first commit, and little was tested


def test_five_real_processes_killed_on_the_way_are_resumed_to_the_same_run(warm: Any, place: Path) -> None:
    """`workbench fit` as it is started from a shell, its commits as rare as 2 % of the time allow."""
    rng, kills = random.Random(5), 5 * TRIALS
    limits = ["--optimizer", "adam", "-S", "dynamics.hidden=4", "--iterations", "400", "--runs", "runs"]
    fresh = ["fit", "spiral.csv", "-d", "mlp", *limits]
    assert warm.command(*fresh, "--name", "whole", folder=place)[0] == 0
    path, reached = place / "runs" / "cut.h5", 0
    for _ in range(kills):
        words = ["fit", "--resume", "cut", "--runs", "runs"] if path.exists() else [*fresh, "--name", "cut"]
        process = started(words, place)
        assert process.stderr is not None
        process.stderr.readline()  # it has begun: from here on it is killed at random
        time.sleep(rng.uniform(0.0, 0.4))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert path.exists()
        assert length(path) >= reached
        reached = length(path)
    process = started(["fit", "--resume", "cut", "--runs", "runs"], place)
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
    warm.run(fitting(SUBJECTS["a network by adam, up the ladder"], "done"), place)
    path = place / "runs" / "done.h5"
    before, changed = path.read_bytes(), path.stat().st_mtime_ns
    assert warm.command("fit", "--resume", "done", folder=place)[0] == 0
    assert warm.command("fit", "--resume", "done", "--json", folder=place)[0] == 0
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, changed)


@pytest.mark.parametrize("killed", [False, True], ids=["ended by its limit", "killed"])
def test_a_run_given_more_iterations_is_the_one_that_had_them_from_the_start(
    warm: Any, place: Path, killed: bool
) -> None:
    subject = SUBJECTS["a network by Levenberg and Marquardt"]
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
    text = fitting({**SUBJECTS["a network by Levenberg and Marquardt"], "iterations": 9}, "cut", **EVERY_STEP)
    text = text.replace("step.done or", "step.number == 6 and os.kill(os.getpid(), 9) or")
    assert warm.start(text, place).end() == -signal.SIGKILL
    assert warm.command("fit", "--resume", "cut", folder=place)[0] == 0
    run = Run.open(place / "runs" / "cut.h5")
    assert (run.status, run.config["limits"]["iterations"], len(run.history["number"])) == ("iterations", 9, 9)


def test_a_killed_run_can_be_shown_and_listed_as_it_stands(warm: Any, place: Path) -> None:
    text = fitting(SUBJECTS["a network by adam, up the ladder"], "cut", **EVERY_STEP)
    assert warm.start(text.replace("step.done or", "os.kill(os.getpid(), 9) or"), place).end() == -signal.SIGKILL
    for words in (["show", "cut"], ["show", "cut", "--json"], ["runs"], ["runs", "verify"]):
        status, answer, said = warm.command(*words, folder=place)
        assert status == 0, said
        assert "cut" in answer
    assert length(place / "runs" / "cut.h5") == 0  # the start itself is committed before the first step


def test_two_processes_cannot_write_one_run(warm: Any, place: Path) -> None:
    subject = {**SUBJECTS["a network by adam, up the ladder"], "iterations": 10**6, "strategy": "single"}
    subject["settings"] = {"dynamics.hidden": [4], "optimizer.patience": 10**9, "strategy.patience": 10**9}
    trial = warm.start(fitting(subject, "one", **EVERY_STEP), place)
    while not trial.answer:
        time.sleep(0.01)
    status, _, said = warm.command("fit", "--resume", "one", folder=place)
    assert trial.end(signal.SIGKILL) == -signal.SIGKILL
    assert status == 5
    assert f"error[R005]: is being written by process {trial.pid}" in said
    assert said.count("\n") == 1
