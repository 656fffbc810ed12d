"""The C compiler: which one, what it calls itself, and how it is asked for a library."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors.usage import CompilerBroken, CompilerSlow, CompilerUnavailable, TextMalformed

NAMES = ("gcc", "clang", "cc")
"""Tried in this order where neither WORKBENCH_CC nor CC names one."""

NATIVE = "-march=native"
FLAGS = (*"-std=gnu11 -O2 -fpeel-loops -ffp-contract=fast -fno-math-errno -fPIC -shared -w -pipe".split(), NATIVE)
"""NaN and infinity keep their meaning: no -ffast-math. Of all that -O3 adds, gcc gains by unrolling short loops alone,
and takes a third longer. A compiler that refuses NATIVE is asked without it."""

MISSED = "models are not compiled and run on the torch engine, which is many times slower"
OTHER = "WORKBENCH_CC=clang chooses another compiler; at length: workbench explain U021"
TIMEOUT = 120.0  # seconds


@dataclass(frozen=True)
class Compiler:
    """A command that compiles, as words, and the file that it begins with."""

    command: tuple[str, ...]
    path: Path

    def fingerprint(self) -> str:
        """What changes when another compiler is installed in its place, without asking it."""
        state = self.path.stat()
        return f"{shlex.join(self.command)} {self.path.resolve()} {state.st_mtime_ns} {state.st_size}"

    def version(self) -> str:
        """All that it says about itself; raises CompilerBroken or CompilerSlow."""
        return _asked([*self.command, "--version"], self).stdout

    def build(self, source: Path, headers: Path, library: Path) -> None:
        """Compile a file of C into a shared library; raises CompilerBroken or CompilerSlow."""
        rest = [f"-I{headers}", str(source), "-o", str(library), "-lm"]
        try:
            _asked([*self.command, *FLAGS, *rest], self)
        except CompilerBroken:
            _asked([*self.command, *(flag for flag in FLAGS if flag != NATIVE), *rest], self)


def find_compiler() -> Compiler:
    """That of WORKBENCH_CC, or of CC where it exists, or the first of NAMES on the PATH; raises CompilerUnavailable."""
    chosen = os.environ.get("WORKBENCH_CC", "").strip()
    if chosen.lower() == "none":
        raise CompilerUnavailable("WORKBENCH_CC=none: no C compiler is to be used", help="unset WORKBENCH_CC")
    candidates = [chosen] if chosen else [os.environ.get("CC", ""), *NAMES]
    for candidate in candidates:
        words = shlex.split(candidate)
        path = shutil.which(words[0]) if words else None
        if path is not None:
            return Compiler((path, *words[1:]), Path(path))
    if chosen:
        raise CompilerUnavailable(
            f"WORKBENCH_CC={chosen} is not on the PATH; {MISSED}", help="name one that is, or unset WORKBENCH_CC"
        )
    raise CompilerUnavailable(
        f"no C compiler ({', '.join(NAMES)}) on the PATH; {MISSED}", help="install one: workbench explain U020"
    )


def seconds_allowed() -> float:
    """How long one call may take; raises TextMalformed."""
    text = os.environ.get("WORKBENCH_CC_TIMEOUT", "")
    try:
        seconds = float(text or TIMEOUT)
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise TextMalformed(f"WORKBENCH_CC_TIMEOUT={text} is no number of seconds", help="WORKBENCH_CC_TIMEOUT=300")
    return seconds


def _asked(words: list[str], compiler: Compiler) -> subprocess.CompletedProcess[str]:
    """The compiler's answer; it and what it started are stopped where it takes too long or we are interrupted."""
    seconds = seconds_allowed()
    name = shlex.join(compiler.command)
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
    except OSError as error:
        raise CompilerBroken(f"{name} cannot be started: {error.strerror}; {MISSED}", help=OTHER) from None
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _stop(process)
        raise CompilerSlow(
            f"{name} did not end within {seconds:g} s and was stopped; {MISSED}",
            help=f"WORKBENCH_CC_TIMEOUT={2 * seconds:g} allows it more",
        ) from None
    except BaseException:  # the user's Ctrl-C does not reach it by itself
        _stop(process)
        raise
    if process.returncode != 0:
        said = " | ".join((err or out).strip().splitlines()[:3]) or "it says nothing"
        raise CompilerBroken(f"{name} ended with status {process.returncode}: {said}; {MISSED}", help=OTHER)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def _stop(process: subprocess.Popen[str]) -> None:
    """End a process and all that it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()
