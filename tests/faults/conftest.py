"""A warm process from which trials are forked, so that sixty of them cost one start of Python and torch."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TRIALS = int(os.environ.get("WORKBENCH_FAULTS", "1"))
"""What the numbers of trials of the short form are multiplied by."""

SERVER = """
import contextlib, gc, io, json, os, sys, tempfile, traceback
from workbench.cli import main
from workbench import workflow
import torch, h5py, sympy, scipy.optimize, scipy.integrate, scipy.interpolate, scipy.stats, scipy.special
# every module that a fit imports is imported now: a child that goes on as nobody may be unable to read it
with tempfile.TemporaryDirectory() as folder:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with contextlib.suppress(SystemExit):
            main(["fit", "lynx_hare", "--split", "none", "--iterations", "2", "--runs", folder])
    workflow.fit("lynx_hare", dynamics="mlp", iterations=2, settings={"dynamics.hidden": (2,)})
gc.freeze()

def trial(order):
    try:
        os.chdir(order["folder"])
        os.environ.update(order["environment"])
        for stream, name in enumerate(("/dev/null", order["out"], order["err"])):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), stream)
        exec(order["text"], {"__name__": "__main__", "main": main, "workflow": workflow})
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        traceback.print_exc()
        status = 99
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

for line in sys.stdin:
    order = json.loads(line)
    if "wait" in order:
        print(os.waitpid(order["wait"], 0)[1], flush=True)
    elif child := os.fork():
        print(child, flush=True)
    else:
        trial(order)
"""


@dataclass
class Trial:
    """A forked child; it is not reaped, and its number not given away, until `end` is called."""

    server: Server
    pid: int
    out: Path
    err: Path

    def end(self, number: int = 0) -> int:
        """Its exit status, −9 where a signal ended it; `number` is a signal to send first."""
        if number:
            os.kill(self.pid, number)
        return os.waitstatus_to_exitcode(int(self.server.ask({"wait": self.pid})))

    @property
    def said(self) -> str:
        """Its standard error so far."""
        return self.err.read_text() if self.err.exists() else ""

    @property
    def answer(self) -> str:
        """Its standard output so far."""
        return self.out.read_text() if self.out.exists() else ""


class Server:
    """The warm process; `start` forks a child that runs Python text, with `main` and `workflow` at hand."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=quiet(folder)
        )

    def ask(self, order: dict[str, object]) -> str:
        """One order, one line of answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def start(self, text: str, folder: Path, **environment: str) -> Trial:
        """Fork a child that runs `text` in `folder`."""
        self.count += 1
        out, err = self.folder / f"{self.count}.out", self.folder / f"{self.count}.err"
        streams = {"out": str(out), "err": str(err)}
        pid = int(self.ask({"text": text, "folder": str(folder), "environment": environment, **streams}))
        return Trial(self, pid, out, err)

    def run(self, text: str, folder: Path, **environment: str) -> Trial:
        """Run `text` in a child to its end, which must be a good one."""
        trial = self.start(text, folder, **environment)
        status = trial.end()
        assert status == 0, f"exit status {status}: {trial.said}"
        return trial

    def command(self, *words: str | Path, folder: Path, **environment: str) -> tuple[int, str, str]:
        """Run a command line in a child: exit status, standard output, standard error."""
        trial = self.start(f"main({[str(word) for word in words]!r})", folder, **environment)
        status = trial.end()
        return status, trial.answer, trial.said

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()


def quiet(folder: Path) -> dict[str, str]:
    """An environment in which nobody's configuration decides anything, and one thread does the work."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH_")}
    own = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state"), "OMP_NUM_THREADS": "1"}
    return {**inherited, **own}


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The warm process of this session."""
    server = Server(tmp_path_factory.mktemp("warm"))
    yield server
    server.close()
