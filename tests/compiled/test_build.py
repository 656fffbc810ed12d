"""Libraries are built once and kept; whatever is wrong with compiler or cache is survived, or said."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.compiled import build, cache
from workbench.compiled.compiler import NATIVE, find_compiler
from workbench.errors.usage import CompilerBroken, CompilerSlow, CompilerUnavailable, TextMalformed

SOURCE = "int answer(void) { return 42; }"


def has_compiler() -> bool:
    try:
        find_compiler()
    except CompilerUnavailable:
        return False
    return True


needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C compiler")
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and modes of files are POSIX's")


def new_process() -> None:
    """Forget what a process remembers."""
    build._library.cache_clear()
    build.headers_digest.cache_clear()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own for each test."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    new_process()
    yield tmp_path / "cache" / "compiled"
    new_process()


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """`script("exit 1")` is the compiler from now on; "$real" stands for the true one."""
    real = find_compiler().path if has_compiler() else "false"

    def put(text: str) -> Path:
        path = tmp_path / "fake-cc"
        path.write_text(f'#!/bin/sh\nreal="{real}"\n{text}\n')
        path.chmod(0o755)
        monkeypatch.setenv("WORKBENCH_CC", str(path))
        return path

    return put


@pytest.fixture
def builds(script: Callable[[str], Path], tmp_path: Path) -> Callable[[], int]:
    """How often the compiler was asked for a library."""
    log = tmp_path / "log"
    script(f'[ "$1" = --version ] || echo built >> "{log}"\nexec "$real" "$@"')
    return lambda: len(log.read_text().split()) if log.exists() else 0


def libraries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.so"))


# --- the way it should be ------------------------------------------------------------------------------------------


@needs_compiler
def test_a_library_is_built_once_and_then_taken_from_the_cache(folder: Path, builds: Callable[[], int]) -> None:
    for _ in range(3):
        new_process()
        assert build.library(SOURCE).answer() == 42
    assert builds() == 1
    assert len(libraries(folder)) == 1


@needs_compiler
def test_one_process_loads_a_library_once(folder: Path) -> None:
    assert build.library(SOURCE) is build.library(SOURCE)


@needs_compiler
def test_nothing_but_the_library_and_the_compilers_words_is_left_in_the_cache(folder: Path) -> None:
    build.library(SOURCE)
    assert sorted(file.suffix for file in folder.iterdir()) == [".compiler", ".so"]


@needs_compiler
@posix
def test_folder_and_files_are_the_users_alone(folder: Path) -> None:
    build.library(SOURCE)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())


@needs_compiler
def test_another_source_header_compiler_or_processor_is_another_library(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Callable[[str], Path]
) -> None:
    headers = tmp_path / "kernels"
    headers.mkdir()
    (headers / "number.h").write_text("#define NUMBER 1\n")
    monkeypatch.setattr(build, "HEADERS", headers)
    source = '#include "number.h"\nint answer(void) { return NUMBER; }'
    assert build.library(source).answer() == 1

    (headers / "number.h").write_text("#define NUMBER 2\n")
    new_process()
    assert build.library(source).answer() == 2

    new_process()
    monkeypatch.setattr(build, "processor", lambda: "another")
    assert build.library(source).answer() == 2

    new_process()
    script('exec "$real" "$@"')
    assert build.library(source).answer() == 2
    assert len(libraries(folder)) == 4


@needs_compiler
def test_a_cached_library_is_loaded_in_milliseconds(
    folder: Path, record_property: Callable[[str, float], None]
) -> None:
    """Measured (--junit-xml shows it), not asserted: the clock is the machine's."""
    build.library(SOURCE)
    times = []
    for _ in range(5):
        new_process()
        started = time.perf_counter()
        build.library(SOURCE)
        times.append(time.perf_counter() - started)
    record_property("milliseconds", 1e3 * min(times))


@needs_compiler
def test_a_compiler_without_native_is_asked_again_without_it(script: Callable[[str], Path]) -> None:
    script(f'for word in "$@"; do [ "$word" = {NATIVE} ] && exit 1; done\nexec "$real" "$@"')
    assert build.library(SOURCE).answer() == 42


# --- compilers -----------------------------------------------------------------------------------------------------


def test_without_a_compiler_the_error_says_what_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(CompilerUnavailable, match=r"no C compiler.*torch engine") as caught:
        build.library(SOURCE)
    assert caught.value.code == "U020"
    assert caught.value.exit_code == 2


def test_a_compiler_that_was_named_and_is_not_there_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CC", "no-such-compiler")
    with pytest.raises(CompilerUnavailable, match="no-such-compiler"):
        build.library(SOURCE)


def test_none_is_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CC", "none")
    with pytest.raises(CompilerUnavailable, match="WORKBENCH_CC=none"):
        build.library(SOURCE)


@needs_compiler
def test_cc_is_heeded_where_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Callable[[str], Path]
) -> None:
    path = script('exec "$real" "$@"')
    monkeypatch.delenv("WORKBENCH_CC")
    monkeypatch.setenv("CC", f"{path} -O1")
    assert find_compiler().command == (str(path), "-O1")
    monkeypatch.setenv("CC", "no-such-compiler")
    assert find_compiler().path != path


SKIP = '[ "$1" = --version ] && exit 0; while [ "$1" != -o ]; do shift; done'  # "$2" is the library's name
BROKEN = {
    "it ends with an error": 'echo "fatal: out of luck" >&2; exit 1',
    "it dies": "kill -9 $$",
    "it makes nothing": "exit 0",
    "it makes what is no library": f'{SKIP}; echo no > "$2"',
    "it makes an empty file": f'{SKIP}; : > "$2"',
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_compiler_is_an_error_that_says_so(how: str, script: Callable[[str], Path], folder: Path) -> None:
    script(BROKEN[how])
    with pytest.raises(CompilerBroken, match="fake-cc"):
        build.library(SOURCE)
    assert libraries(folder) == []


def test_a_compilers_own_words_are_in_the_error(script: Callable[[str], Path]) -> None:
    script('[ "$1" = --version ] && exit 0\necho "fatal: out of luck" >&2; exit 3')
    with pytest.raises(CompilerBroken, match="status 3: fatal: out of luck"):
        build.library(SOURCE)


def test_a_file_that_cannot_be_run_is_a_broken_compiler(script: Callable[[str], Path]) -> None:
    script("").write_bytes(b"\0\1\2\3")
    with pytest.raises(CompilerBroken, match="cannot be started"):
        build.library(SOURCE)


@needs_compiler
def test_a_broken_source_is_a_compilers_error(folder: Path) -> None:
    with pytest.raises(CompilerBroken, match="error"):
        build.library("int answer(void) { return")


@posix
def test_a_slow_compiler_is_stopped_with_its_children(
    script: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = tmp_path / "alive"
    script(f'[ "$1" = --version ] && exit 0\n(sleep 2; touch "{alive}") &\nsleep 60')
    monkeypatch.setenv("WORKBENCH_CC_TIMEOUT", "0.5")
    started = time.monotonic()
    with pytest.raises(CompilerSlow, match=r"did not end within 0\.5 s") as caught:
        build.library(SOURCE)
    assert time.monotonic() - started < 30
    assert "WORKBENCH_CC_TIMEOUT=1" in caught.value.help
    time.sleep(2.5)
    assert not alive.exists()


@needs_compiler
@pytest.mark.parametrize("name", ["WORKBENCH_CC_TIMEOUT", "WORKBENCH_CACHE_SIZE"])
@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_a_variable_that_is_no_number_is_refused(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(TextMalformed, match=name):
        build.library(SOURCE)


# --- the cache -----------------------------------------------------------------------------------------------------


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


def test_building_imports_neither_torch_nor_numpy() -> None:
    code = "import sys; import workbench.compiled.build; print({'torch', 'numpy'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


# --- doctor --------------------------------------------------------------------------------------------------------


def run(*words: str) -> str:
    answer = CliRunner().invoke(main, words, catch_exceptions=False)
    return answer.output


def findings(tmp_path: Path) -> dict[str, tuple[str, str]]:
    checks = json.loads(run("doctor", "--json", "--runs", str(tmp_path)))["checks"]
    return {check["check"]: (check["verdict"], check["text"]) for check in checks}


@needs_compiler
def test_doctor_names_the_compiler_that_works(tmp_path: Path) -> None:
    verdict, text = findings(tmp_path)["compiler"]
    assert verdict == "ok"
    assert text in subprocess.run([find_compiler().path, "--version"], capture_output=True, text=True).stdout


def test_doctor_says_what_is_missed_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    verdict, text = findings(tmp_path)["compiler"]
    assert verdict == "note"
    assert "torch engine" in text
    assert "workbench explain U020" in text


def test_doctor_finds_a_broken_compiler(tmp_path: Path, script: Callable[[str], Path]) -> None:
    script('[ "$1" = --version ] && exec echo "fake-cc 1.0"\nexit 1')
    verdict, text = findings(tmp_path)["compiler"]
    assert verdict == "fail"
    assert "fake-cc ended with status 1" in text


@needs_compiler
def test_doctor_shows_and_clears_the_cache(folder: Path) -> None:
    build.library(SOURCE)
    size = libraries(folder)[0].stat().st_size
    shown = json.loads(run("doctor", "--cache", "--json"))
    assert (shown["folder"], shown["libraries"], shown["bytes"], shown["limit"]) == (str(folder), 1, size, 256_000_000)
    assert str(folder) in run("doctor", "--cache")
    assert "1 removed" in run("doctor", "--cache", "--clear")
    assert list(folder.iterdir()) == []
    assert json.loads(run("doctor", "--cache", "--json"))["libraries"] == 0


def test_clear_alone_is_refused() -> None:
    assert "goes with --cache" in run("doctor", "--clear")
