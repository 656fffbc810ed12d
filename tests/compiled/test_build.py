"""A library is built by the compiler that there is; what is wrong with it is survived, or said."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from building import SOURCE, libraries, needs_compiler, new_process, posix
from click.testing import CliRunner

from workbench.cli import main
from workbench.compiled import build
from workbench.compiled.compiler import NATIVE, find_compiler
from workbench.errors.usage import CompilerBroken, CompilerSlow, CompilerUnavailable, TextMalformed

pytestmark = pytest.mark.usefixtures("folder")


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
