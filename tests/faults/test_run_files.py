"""Faults that run files must survive: killed writers, failing system calls, damaged bytes, mutated files.

The numbers of trials are those of the short form; WORKBENCH_FAULTS=20 multiplies them.
"""

import errno
import os
import random
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from workbench.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.errors.store import HDF5Refused, NotARun, RunDamaged, StoreError
from workbench.runs import Record, Run, RunWriter, catalog
from workbench.runs.guard import DATA_FILES, checked
from workbench.runs.seal import BLOCK, digest, read_seal

TRIALS = int(os.environ.get("WORKBENCH_FAULTS", "1"))


def record(step: int, x: np.ndarray, status: str = "running") -> Record:
    """The record of a made-up fit whose state is x; the history grows with it."""
    data = Dataset(t=np.arange(6.0), values=np.arange(12.0).reshape(6, 2), row_size=[6], channels=("a", "b"))
    return Record(
        config={"steps": 10**9},
        dataset=data,
        part=np.zeros(6, dtype=np.int8),
        status=status,
        history={"step": np.arange(step), "norm": np.linspace(0, 1, step)},
        checkpoint={"step": step, "x": x, "rng": {"state": 2**127 + step}},
    )


def advance(x: np.ndarray) -> np.ndarray:
    """One step: sensitive to every bit of x, and bounded."""
    return 3.9 * x * (1 - x)


def start() -> np.ndarray:
    return np.linspace(0.1, 0.9, 500)


def fit(path: Path, acknowledge: Callable[[int], None]) -> None:
    """Commit after every step, from what is stored, until killed."""
    with RunWriter(path, "continue") as writer:
        checkpoint = Run.open(path).checkpoint if path.exists() else {"step": 0, "x": start()}
        step, x = checkpoint["step"], checkpoint["x"]
        while True:
            writer.commit(record(step, x))
            acknowledge(step)
            x, step = advance(x), step + 1


def killed_after(seconds: float, path: Path, warm: bool) -> int:
    """The last step that a forked writer acknowledged before SIGKILL, −1 if none; `warm` waits for the first."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            fit(path, lambda step: os.write(writing, step.to_bytes(8, "big")) and None)
        except BaseException:
            traceback.print_exc()
        os._exit(70)
    os.close(writing)
    if warm:
        select.select([reading], [], [], 60)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        acknowledged = pipe.read()
    assert os.WIFSIGNALED(status), f"the writer failed by itself (exit {os.waitstatus_to_exitcode(status)})"
    return int.from_bytes(acknowledged[len(acknowledged) // 8 * 8 - 8 :][:8], "big") if len(acknowledged) >= 8 else -1


def test_no_kill_loses_a_commit_or_leaves_a_file_unreadable(tmp_path: Path) -> None:
    path, rng = tmp_path / "run.h5", random.Random(11)
    with RunWriter(path) as writer:
        writer.commit(record(0, start()))
    reached, kills = 0, 60 * TRIALS
    for kill in range(kills):
        acknowledged = killed_after(rng.uniform(0.0, 0.05), path, warm=kill % 2 == 1)
        run = Run.open(path)
        assert run.checkpoint["step"] >= max(acknowledged, reached), "a commit was lost"
        reached = run.checkpoint["step"]
    assert reached > kills // 10  # else the writers died before they went on, and nothing was tested

    x = start()
    for _ in range(reached):
        x = advance(x)
    assert run.checkpoint["x"].tobytes() == x.tobytes()
    RunWriter(path, "continue").close()
    assert [file.name for file in tmp_path.iterdir()] == ["run.h5"]


class FailingOs:
    """The os module, whose n-th call of those that touch the disk fails (or writes less than it was asked to)."""

    def __init__(self, at: int, number: int) -> None:
        self.at, self.number, self.calls = at, number, 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in ("open", "read", "write", "fsync", "replace", "fstat"):
            return real

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            if self.calls != self.at:
                return real(*arguments, **named)
            if self.number == 0 and name == "write":
                return real(arguments[0], arguments[1][:100])
            if self.number == 0:
                return real(*arguments, **named)
            raise OSError(self.number, os.strerror(self.number))

        return call


ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT, errno.EROFS, 0)


@pytest.mark.parametrize("number", ERRORS, ids=lambda number: errno.errorcode.get(number, "short write"))
@pytest.mark.parametrize("committed", [0, 1], ids=["the first commit", "a later commit"])
def test_whichever_system_call_fails_the_last_commit_stays_and_the_next_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, committed: int
) -> None:
    path, passed, at = tmp_path / "run.h5", False, 0
    while not passed:
        at += 1
        path.unlink(missing_ok=True)
        with RunWriter(path) as writer:
            for step in range(committed):
                writer.commit(record(step, start()))
            failing = FailingOs(at, number)
            with monkeypatch.context() as patch:
                patch.setattr("workbench.runs.disk.os", failing)
                try:
                    writer.commit(record(committed, start()))
                except StoreError as error:
                    assert error.exit_code == 5
                    assert number != 0
                    assert "run.h5" in str(error)
            passed = failing.calls < at
            left = {file.name for file in tmp_path.iterdir()} - {".run.h5.lock"}
            assert left <= {"run.h5"}
            if committed:
                assert Run.open(path).checkpoint["step"] in (committed - 1, committed)
            writer.commit(record(committed + 1, start()))
        assert Run.open(path).checkpoint["step"] == committed + 1
    assert at > 6  # open, write, write, fsync, replace, open the folder, fsync


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.ENOLCK])
def test_a_lock_that_cannot_be_taken_is_an_error_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr("workbench.runs.lock.os", FailingOs(1, number))
    with pytest.raises(StoreError) as error:
        RunWriter(tmp_path / "run.h5")
    assert error.value.exit_code == 5


def test_a_disk_that_is_really_full_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    """RLIMIT_FSIZE makes the kernel itself stop the write half way (EFBIG)."""

    def child() -> None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with RunWriter(tmp_path / "run.h5") as writer:
            writer.commit(record(1, start()))
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
            with pytest.raises(StoreError, match="cannot be written"):
                writer.commit(record(2, start()))

    assert outcome_of(child) == 0
    assert Run.open(tmp_path / "run.h5").checkpoint["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run.h5"]


def test_every_damaged_byte_is_noticed_and_named(tmp_path: Path) -> None:
    path, rng = tmp_path / "run.h5", random.Random(7)
    with RunWriter(path) as writer:
        writer.commit(record(5, start()))
    whole = path.read_bytes()
    places = [*range(BLOCK), *(rng.randrange(BLOCK, len(whole)) for _ in range(2000 * TRIALS - BLOCK))]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= rng.randrange(1, 256)
        path.write_bytes(damaged)
        with pytest.raises((RunDamaged, NotARun), match=r"run\.h5: error\[R00[23]\]: .*"):
            Run.open(path)
        if place < BLOCK and place % 16 == 7:
            assert all(summary.status == "damaged" for summary in catalog(tmp_path))
    path.write_bytes(whole)
    assert Run.open(path).checkpoint["step"] == 5


def outcome_of(work: Callable[[], None], seconds: float = 300.0) -> int:
    """How a forked child ended that does `work`: 0, 70 for an exception, −signal when it crashed or hung."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(70)
        os._exit(0)
    watch = os.pidfd_open(child)
    if not select.select([watch], [], [], seconds)[0]:
        os.kill(child, signal.SIGKILL)
    os.close(watch)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def a_small_file(path: Path, libver: str = "earliest") -> bytes:
    """HDF5 with a bit of everything that the guard allows, and short, so that mutations hit its structure."""
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("v", data=np.arange(9.0).reshape(3, 3), chunks=(2, 2), maxshape=(None, None))
        file.create_dataset("u", data=np.arange(30.0), chunks=(3,), maxshape=(None,), compression="gzip")
        file.create_dataset(
            "g/x", data=np.arange(64.0), chunks=(16,), compression="gzip", shuffle=True, fletcher32=True
        )
        file["y"] = np.array([b"text", b"more"])
        for i in range(10):  # more than eight are kept in an index of their own
            file[f"many/{i}"] = [i]
            file["y"].attrs.create(f"a{i}", i)
        file["z"] = np.arange(5, dtype=">i4")
        file["z"].make_scale("z")
        file["w"] = np.arange(5.0)
        file["w"].dims[0].attach_scale(file["z"])
        file["w"].attrs["units"] = np.bytes_(b"m")
    return path.read_bytes()


def mutants(image: bytes, count: int, rng: random.Random) -> Iterator[bytes]:
    """Copies of an image with one to eight bytes changed, half of them where the file is not all zeros."""
    structure = [at for at, byte in enumerate(image) if byte]
    for _ in range(count):
        mutant = bytearray(image)
        for _ in range(rng.randint(1, 8)):
            at = rng.choice(structure) if rng.random() < 0.5 else rng.randrange(len(mutant))
            mutant[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        yield bytes(mutant)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_mutated_hdf5_is_read_or_refused_but_never_brings_the_process_down(tmp_path: Path, libver: str) -> None:
    image = a_small_file(tmp_path / "x.h5", libver)

    def child() -> None:
        outcomes = {"read": 0, "refused": 0}
        for mutant in mutants(image, 200 * TRIALS, random.Random(3)):
            try:
                with checked(mutant, DATA_FILES) as file:
                    file.visititems(lambda name, item: item[()] if isinstance(item, h5py.Dataset) else None)
                outcomes["read"] += 1
            except HDF5Refused:
                outcomes["refused"] += 1
        assert min(outcomes.values()) > 10 * TRIALS, outcomes

    assert outcome_of(child) == 0


def test_mutated_runs_that_were_sealed_again_are_read_or_refused_by_name(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.h5") as writer:
        writer.commit(record(5, start()))
    whole = (tmp_path / "run.h5").read_bytes()
    seal, body = read_seal(whole[:BLOCK], "run.h5"), whole[BLOCK:]

    def child() -> None:
        outcomes = {"read": 0, "refused": 0}
        for mutant in mutants(body, 200 * TRIALS, random.Random(5)):
            (tmp_path / "run.h5").write_bytes(replace(seal, body=digest(mutant)).block() + mutant)
            try:
                Run.open(tmp_path / "run.h5")
                outcomes["read"] += 1
            except StoreError as refusal:
                assert refusal.code in ("R010", "R011"), refusal
                outcomes["refused"] += 1
        assert min(outcomes.values()) > 10 * TRIALS, outcomes

    assert outcome_of(child) == 0


def test_mutated_files_without_a_seal_never_reach_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = a_small_file(tmp_path / "x.h5")
    monkeypatch.setattr("h5py.h5f.open_file_image", None)
    for mutant in mutants(image, 200, random.Random(4)):
        (tmp_path / "x.h5").write_bytes(mutant)
        with pytest.raises(WorkbenchError) as refusal:
            Run.open(tmp_path / "x.h5")
        assert refusal.value.code == "R003"
