"""What the tests of the compiler and of its cache share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from workbench.compiled import build
from workbench.compiled.compiler import find_compiler
from workbench.errors.usage import CompilerUnavailable

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


def libraries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.so"))
