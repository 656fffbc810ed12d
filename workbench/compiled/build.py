"""A shared library from C source: from the cache where it was built before, from the compiler else."""

from __future__ import annotations

import ctypes
import hashlib
import platform
from functools import cache
from pathlib import Path
from threading import Lock

from ..errors.usage import CompilerBroken
from .cache import cache_folder, keep, remember, remembered, take
from .compiler import FLAGS, MISSED, OTHER, Compiler, find_compiler

HEADERS = Path(__file__).parent / "kernels"
_asking = Lock()


def library(source: str) -> ctypes.CDLL:
    """The loaded library of one file of C, which may include the headers of `kernels`.

    It is built once for the same source, headers, compiler, flags and processor, and kept in the cache. Where that
    cannot be used (full, read-only, not ours) it is built for this process alone. Raises CompilerUnavailable
    (CompilerBroken, CompilerSlow), and TextMalformed for WORKBENCH_ variables that are no numbers.

    >>> library("int answer(void) { return 42; }").answer()
    42
    """
    return _library(source, find_compiler(), cache_folder())


def working_compiler() -> str:
    """The first line that the compiler says about itself, once it has made a library that answers.

    Nothing is taken from the cache or put there. Raises CompilerUnavailable (CompilerBroken, CompilerSlow).
    """
    compiler = find_compiler()
    version = compiler.version()
    if _build("int answer(void) { return 42; }", compiler, None, "").answer() != 42:
        raise CompilerBroken(f"{compiler.path} makes libraries that answer wrongly; {MISSED}", help=OTHER)
    return (version.splitlines() or [str(compiler.path)])[0]


@cache
def _library(source: str, compiler: Compiler, folder: Path | None) -> ctypes.CDLL:
    key = _key(source, compiler, folder)
    file = None if folder is None else take(folder, key)
    if file is not None:
        try:
            return ctypes.CDLL(str(file))
        except OSError:
            file.unlink(missing_ok=True)  # built on another machine with the same home folder
    return _build(source, compiler, folder, key)


def _build(source: str, compiler: Compiler, folder: Path | None, key: str) -> ctypes.CDLL:
    import tempfile

    try:
        with tempfile.TemporaryDirectory(prefix="workbench-", ignore_cleanup_errors=True) as private:
            text, made = Path(private, "model.c"), Path(private, "model.so")
            text.write_text(source, encoding="utf-8")
            compiler.build(text, HEADERS, made)
            if not made.is_file():
                raise CompilerBroken(f"{compiler.path} ended well, but made nothing; {MISSED}", help=OTHER)
            return _loaded(_kept(folder, key, made), compiler)
    except OSError as error:
        raise CompilerBroken(
            f"no room to compile: {error}; {MISSED}", help="set TMPDIR to a folder with room"
        ) from None


def _kept(folder: Path | None, key: str, made: Path) -> Path:
    """Where the library now is: in the cache, or where it was made."""
    if folder is None:
        return made
    try:
        return keep(folder, key, made)
    except OSError:
        return made


def _loaded(file: Path, compiler: Compiler) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(file))
    except OSError as error:
        file.unlink(missing_ok=True)
        raise CompilerBroken(
            f"{compiler.path} made a library that cannot be loaded: {error}; {MISSED}", help=OTHER
        ) from None


def _key(source: str, compiler: Compiler, folder: Path | None) -> str:
    parts = [source, headers_digest(), _version(compiler, folder), *FLAGS, processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _version(compiler: Compiler, folder: Path | None) -> str:
    """The compiler's words about itself, asked once for each state of its file."""
    fingerprint = compiler.fingerprint()
    with _asking:
        version = remembered(folder, fingerprint)
        if version is None:
            version = compiler.version()
            remember(folder, fingerprint, version)
    return fingerprint + version


@cache
def headers_digest() -> str:
    """A hash of all headers with their names, taken once in a process."""
    digest = hashlib.sha256()
    for header in sorted(HEADERS.glob("*.h")):
        digest.update(f"{header.name}\0{header.stat().st_size}\0".encode() + header.read_bytes())
    return digest.hexdigest()


@cache
def processor() -> str:
    """The machine's kind and what its processor can do: code for one with more would end the process on another."""
    machine = f"{platform.system()} {platform.machine()}"
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            for line in stream:  # the first processor's lines; the others are like it
                if line.startswith(("flags", "Features")):
                    return f"{machine} {line.partition(':')[2].strip()}"
                if line == "\n":
                    break
    except OSError:
        pass
    return f"{machine} {platform.processor()}"  # which starts a program to ask on some systems
