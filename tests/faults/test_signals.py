"""Ctrl-C and SIGTERM at any moment of a fit: the status of the signal, a checkpoint, and the command that goes on.

The number of trials is that of the short form; WORKBENCH_FAULTS=10 makes it two hundred.
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

import pytest

from workbench.runs import Run

TRIALS = int(os.environ.get("WORKBENCH_FAULTS", "1"))
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}

PATIENT = ["-S", "optimizer.patience=1000000", "-S", "strategy.patience=1000000"]
ENDLESS = {
    "equations": ["fit", "lynx_hare", "--split", "none", "--optimizer", "adam", *PATIENT],
    "a network": ["fit", "lynx_hare", "-d", "mlp", "-S", "dynamics.hidden=3", "--optimizer", "adam", *PATIENT],
}
"""Fits that go on until somebody says stop."""


def begun(path: Path, alive: Any) -> None:
    """Return once the run has been committed, which is before its first step."""
    while not path.exists():
        assert alive(), "it ended before it began"
        time.sleep(0.005)


def require_kept(path: Path, status: int, said: str, number: signal.Signals) -> None:
    """The process ended as it should, and what it left can be gone on with."""
    assert status == STATUS[number], said
    assert "Traceback" not in said
    assert said.splitlines()[-1].endswith(f"workbench fit --resume {path.stem}")
    run = Run.open(path)
    assert run.status == "interrupted"
    assert len(run.history["number"]) == run.checkpoint["number"]
    assert [file.name for file in path.parent.glob(".*")] == [], "a lock or a temporary was left"


@pytest.mark.parametrize("subject", ENDLESS)
@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_a_signal_at_any_moment_keeps_a_checkpoint_that_can_be_resumed(
    warm: Any, tmp_path: Path, number: signal.Signals, subject: str
) -> None:
    rng = random.Random(f"{number} {subject}")
    for i in range(4 * TRIALS):
        path = tmp_path / "runs" / f"cut-{i}.h5"
        trial = warm.start(f"main({[*ENDLESS[subject], '--name', path.stem]!r})", tmp_path)
        begun(path, lambda trial=trial: "error" not in trial.said)
        time.sleep(rng.uniform(0.0, 0.3))
        status = trial.end(number)
        require_kept(path, status, trial.said, number)
    steps = len(Run.open(path).history["number"])
    status, _, said = warm.command("fit", "--resume", path.stem, "--iterations", str(steps + 2), folder=tmp_path)
    assert status == 0, said
    run = Run.open(path)
    assert (run.status, len(run.history["number"])) == ("iterations", steps + 2)


@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_real_processes_answer_signals_in_the_same_way(tmp_path: Path, number: signal.Signals) -> None:
    """Four of the twenty, started as from a shell."""
    for i in range(2 * TRIALS):
        path = tmp_path / "runs" / f"cut-{i}.h5"
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench", *ENDLESS["equations"], "--name", path.stem],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        begun(path, lambda process=process: process.poll() is None)
        time.sleep(0.1 * i)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        require_kept(path, process.returncode, said, number)


def test_a_second_signal_ends_at_once_and_what_was_committed_stays(warm: Any, tmp_path: Path) -> None:
    """The first signal comes in a step that would last for a minute; the second does not wait for its end."""
    slow = "import time\nfrom workbench.fitting import task\nreal = task.FitTask.validation\n"
    slow += "def validation(self, x):\n    if open('slow').read(): time.sleep(60)\n    return real(self, x)\n"
    slow += "task.FitTask.validation = validation\n"
    (tmp_path / "slow").write_text("")
    path = tmp_path / "runs" / "cut.h5"
    words = [*ENDLESS["a network"], "--name", "cut"]
    trial = warm.start(f"{slow}main({words!r})", tmp_path)
    begun(path, lambda: True)
    (tmp_path / "slow").write_text("yes")
    time.sleep(0.3)
    os.kill(trial.pid, signal.SIGINT)
    while "once more to stop at once" not in trial.said:
        time.sleep(0.01)
    begin = time.monotonic()
    assert trial.end(signal.SIGINT) == 130
    assert time.monotonic() - begin < 5
    assert "Traceback" not in trial.said
    assert Run.open(path).status == "running"
    assert [file.name for file in path.parent.glob(".*")] == []
