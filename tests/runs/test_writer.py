"""One writer, atomic commits, nothing written over that should not be."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors.store import NotARun, NotWritable, RunDamaged, RunExists, RunLocked
from workbench.errors.usage import UsageError
from workbench.runs import Record, Run, RunWriter, new_run
from workbench.runs.disk import temporary_of
from workbench.runs.lock import lock_of, writer_of

MakeRecord = Callable[..., Record]


class Clock:
    """A clock that is set by hand; each reading takes `tick`."""

    def __init__(self, tick: float) -> None:
        self.now = 0.0
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def test_commits_count_up_and_only_the_run_is_left_behind(make_record: MakeRecord, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "deep" / "run.h5") as writer:
        assert [writer.commit(make_record()) for _ in range(3)] == [1, 2, 3]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run.h5"]


def test_a_run_that_is_there_is_not_written_over_unasked(make_record: MakeRecord, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path) as writer:
        writer.commit(make_record())
    before = path.read_bytes()
    with pytest.raises(RunExists, match="--resume run"):
        RunWriter(path)
    assert path.read_bytes() == before
    assert not lock_of(path).exists()


def test_continuing_keeps_the_identity_and_replacing_makes_a_new_one(make_record: MakeRecord, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    ids = []
    for existing in ("refuse", "continue", "replace"):
        with RunWriter(path, existing) as writer:
            writer.commit(make_record())
        ids.append((Run.open(path).run_id, Run.open(path).commit))
    assert ids[1] == (ids[0][0], 2)
    assert ids[2][0] != ids[0][0]
    assert ids[2][1] == 1


@pytest.mark.parametrize("existing", ["refuse", "continue", "replace"])
def test_a_damaged_or_foreign_file_is_never_written_over(
    make_record: MakeRecord, tmp_path: Path, existing: str
) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path) as writer:
        writer.commit(make_record())
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    for content, error in ((bytes(damaged), RunDamaged), (b"my thesis", NotARun)):
        path.write_bytes(content)
        with pytest.raises(error):
            RunWriter(path, existing)  # type: ignore[arg-type]
        assert path.read_bytes() == content


def test_what_another_hand_put_there_between_two_commits_is_left_alone(make_record: MakeRecord, tmp_path: Path) -> None:
    path, other = tmp_path / "run.h5", tmp_path / "other.h5"
    with RunWriter(other) as writer:
        writer.commit(make_record())
    with RunWriter(path) as writer:
        writer.commit(make_record())
        for content, error in ((other.read_bytes(), RunExists), (b"my thesis", NotARun)):
            path.write_bytes(content)
            with pytest.raises(error):
                writer.commit(make_record())
            assert path.read_bytes() == content
        path.unlink()
        assert writer.commit(make_record()) == 2


def test_a_second_writer_is_refused_by_the_number_of_the_first(make_record: MakeRecord, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path) as writer:
        writer.commit(make_record())
        with pytest.raises(RunLocked, match=f"process {os.getpid()} on"):
            RunWriter(path, "continue")
        code = "import sys; from workbench.runs import RunWriter; RunWriter(sys.argv[1], 'continue')"
        second = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
        assert f"error[R005]: is being written by process {os.getpid()}" in second.stderr
        assert writer_of(path) is not None
        assert writer.commit(make_record()) == 2
    assert writer_of(path) is None
    RunWriter(path, "continue").close()


def test_a_lock_file_left_by_a_dead_writer_does_no_harm(make_record: MakeRecord, tmp_path: Path) -> None:
    lock_of(tmp_path / "run.h5").write_text("1 on elsewhere\n")
    with RunWriter(tmp_path / "run.h5") as writer:
        assert writer.commit(make_record()) == 1


def test_temporaries_of_dead_writers_are_swept_and_those_of_living_ones_stay(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine, others, written = (tmp_path / f"{name}.h5" for name in ("mine", "others", "written"))
    for path in (mine, others, written):
        temporary_of(path, dead.pid).write_bytes(b"half")
    living = temporary_of(others, os.getppid())
    living.write_bytes(b"half")
    with RunWriter(written), RunWriter(mine):
        left = {path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"}
    assert left == {living.name}  # `written` took away its own before it locked


def test_a_temporary_never_looks_like_a_run(tmp_path: Path) -> None:
    (tmp_path / temporary_of(tmp_path / "run.h5", 7).name).touch()
    lock_of(tmp_path / "run.h5").touch()
    assert list(tmp_path.glob("*.h5")) == []


def test_commits_cost_at_most_two_percent_of_the_time(make_record: MakeRecord, tmp_path: Path) -> None:
    clock = Clock(tick=0.1)
    with RunWriter(tmp_path / "run.h5", clock=clock) as writer:
        commits = 0
        for _ in range(2000):
            clock.now += 0.1  # a step of the fit
            commits += writer.commit_if_due(make_record)
        writer.commit(make_record())
        spent = writer._spent
    assert commits > 20
    assert spent <= 0.02 * clock.now


def test_the_first_commit_is_always_due_and_the_next_is_not(make_record: MakeRecord, tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.h5") as writer:
        assert writer.commit_if_due(make_record)
        assert not writer.commit_if_due(lambda: pytest.fail("nothing was due"))


def test_readers_see_a_whole_commit_at_every_moment(make_record: MakeRecord, tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    reader = """
import sys; from workbench.runs import Run
seen = [Run.open(sys.argv[1]).commit for _ in range(60)]
assert seen == sorted(seen); print(seen[-1] - seen[0])
"""
    with RunWriter(path) as writer:
        writer.commit(make_record())
        with subprocess.Popen([sys.executable, "-c", reader, str(path)], stdout=subprocess.PIPE, text=True) as process:
            while process.poll() is None:
                writer.commit(make_record())
            assert process.returncode == 0
            assert process.stdout is not None
            assert int(process.stdout.read()) > 0


def test_a_signal_between_replacing_and_noting_it_does_not_stop_the_next_commit(
    make_record: MakeRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(folder: Path) -> None:
        raise KeyboardInterrupt

    with RunWriter(tmp_path / "run.h5") as writer:
        writer.commit(make_record())
        with monkeypatch.context() as patch:
            patch.setattr("workbench.runs.disk._sync_folder", interrupted)
            with pytest.raises(KeyboardInterrupt):
                writer.commit(make_record(status="running"))
        assert writer.commit(make_record(status="interrupted")) == 3
    assert Run.open(tmp_path / "run.h5").status == "interrupted"


def test_new_runs_get_names_of_their_own_before_anything_is_committed(tmp_path: Path) -> None:
    with new_run(tmp_path, random.Random(1)) as first, new_run(tmp_path, random.Random(1)) as second:
        assert first.path != second.path


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotWritable, match="file"):
        RunWriter(tmp_path / "file" / "run.h5")


def test_a_name_without_the_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"run\.h5"):
        RunWriter(tmp_path / "run")
