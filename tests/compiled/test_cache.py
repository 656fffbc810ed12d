"""Libraries are kept in a cache; whatever is wrong with it is survived."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from building import SOURCE, libraries, needs_compiler, new_process, posix

from workbench.compiled import build, cache
from workbench.errors.usage import CompilerBroken

pytestmark = pytest.mark.usefixtures("folder")


@needs_compiler
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("call", ["open", "replace"])
def test_a_full_or_read_only_cache_is_done_without(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    true = getattr(os, call)

    def refusing(path: str, *rest: object, **more: object) -> object:
        if str(folder) in str(path):
            raise OSError(number, os.strerror(number), path)
        return true(path, *rest, **more)

    monkeypatch.setattr(cache.os, call, refusing)
    assert build.library(SOURCE).answer() == 42
    assert libraries(folder) == []
    assert list(folder.glob(".building-*")) == []


@needs_compiler
@posix
def test_a_library_in_a_read_only_cache_is_used(folder: Path, builds: Callable[[], int]) -> None:
    build.library(SOURCE)
    folder.chmod(0o500)
    try:
        new_process()
        assert build.library(SOURCE).answer() == 42
        assert builds() == 1
        assert build.library("int answer(void) { return 43; }").answer() == 43
    finally:
        folder.chmod(0o700)


@needs_compiler
def test_a_cache_folder_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "file"))
    assert build.library(SOURCE).answer() == 42


@needs_compiler
def test_without_a_cache_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", "none")
    assert build.library(SOURCE).answer() == 42
    assert not folder.exists()


@needs_compiler
def test_no_room_for_temporary_files_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(CompilerBroken, match="No space left"):
        build.library(SOURCE)


@needs_compiler
@pytest.mark.parametrize("damage", ["a byte", "cut", "empty"])
def test_a_damaged_library_is_built_again(folder: Path, builds: Callable[[], int], damage: str) -> None:
    build.library(SOURCE)
    (file,) = libraries(folder)
    content = file.read_bytes()
    broken = bytearray(content)
    broken[len(content) // 2] ^= 1
    file.unlink()  # the old content is still mapped into this process
    file.write_bytes({"a byte": bytes(broken), "cut": content[:1000], "empty": b""}[damage])
    file.chmod(0o700)
    new_process()
    assert build.library(SOURCE).answer() == 42
    assert builds() == 2
    assert file.read_bytes() == content


@needs_compiler
def test_a_whole_file_that_the_system_cannot_load_is_built_again(folder: Path, builds: Callable[[], int]) -> None:
    """Such as one of another machine with the same home folder."""
    build.library(SOURCE)
    (file,) = libraries(folder)
    key = file.name.partition("-")[0]
    file.unlink()
    foreign = folder.parent / "foreign"
    foreign.write_bytes(b"\x7fELF, but not of this machine")
    cache.keep(folder, key, foreign)
    new_process()
    assert build.library(SOURCE).answer() == 42
    assert builds() == 2


@needs_compiler
@posix
def test_a_library_that_others_may_write_to_is_not_loaded(folder: Path, builds: Callable[[], int]) -> None:
    build.library(SOURCE)
    (file,) = libraries(folder)
    file.chmod(0o722)
    new_process()
    assert build.library(SOURCE).answer() == 42
    assert builds() == 2
    assert libraries(folder)[0].stat().st_mode & 0o022 == 0


@needs_compiler
@posix
def test_a_link_in_place_of_a_library_is_not_followed(folder: Path, builds: Callable[[], int]) -> None:
    build.library(SOURCE)
    (file,) = libraries(folder)
    elsewhere = folder.parent / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    new_process()
    assert build.library(SOURCE).answer() == 42
    assert builds() == 2


@needs_compiler
@posix
@pytest.mark.parametrize("what", ["others may write to it", "another user's"])
def test_from_a_folder_that_is_not_ours_alone_nothing_is_loaded(
    folder: Path, builds: Callable[[], int], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    build.library(SOURCE)
    if what == "another user's":
        monkeypatch.setattr(cache.os, "geteuid", lambda: os.getuid() + 1)
    else:
        folder.chmod(0o777)
    new_process()
    assert build.library(SOURCE).answer() == 42
    assert builds() == 2
    assert len(libraries(folder)) == 1
    assert "belongs to another user, or others may write to it" in cache.contents().problem


@needs_compiler
def test_the_least_recently_used_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [f"int answer(void) {{ return {n}; }}" for n in range(4)]
    made = {}
    for age, source in zip((40, 30, 20), sources, strict=False):
        build.library(source)
        (made[source],) = set(libraries(folder)) - set(made.values())
        os.utime(made[source], (time.time() - age,) * 2)
    new_process()
    build.library(sources[0])  # used now, though the oldest
    size = made[sources[0]].stat().st_size
    monkeypatch.setenv("WORKBENCH_CACHE_SIZE", str(3.5 * size / 1e6))
    build.library(sources[3])
    kept = libraries(folder)
    assert len(kept) == 3
    assert made[sources[1]] not in kept
    assert made[sources[0]] in kept


@needs_compiler
def test_a_library_larger_than_the_cache_is_used_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE_SIZE", "0")
    for number in (1, 2):
        assert build.library(f"int answer(void) {{ return {number}; }}").answer() == number
    assert len(libraries(folder)) == 1


def test_temporary_files_that_nobody_finishes_are_removed(folder: Path) -> None:
    folder.mkdir(parents=True)
    old, new = folder / f"{cache.TEMPORARY}1", folder / f"{cache.TEMPORARY}2"
    old.touch()
    new.touch()
    os.utime(old, (time.time() - 2 * cache.ABANDONED,) * 2)
    cache.trim(folder, 0)
    assert not old.exists()
    assert new.exists()


PROCESS = """
from workbench.compiled.build import library
print(library("int answer(void) { return 42; }").answer())
"""


@needs_compiler
def test_processes_that_build_the_same_model_at_once_do_not_disturb_each_other(
    folder: Path, script: Callable[[str], Path]
) -> None:
    script('[ "$1" = --version ] || sleep 0.5\nexec "$real" "$@"')  # all ask before one is done
    processes = [subprocess.Popen([sys.executable, "-c", PROCESS], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=120)[0].strip() for process in processes] == ["42"] * 3
    assert libraries(folder)
    assert all(cache._whole(file) for file in libraries(folder))
    assert list(folder.glob(".building-*")) == []
