"""A cache of one's own, and compilers that are not what they seem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from building import has_compiler, new_process

from workbench.compiled.compiler import find_compiler


@pytest.fixture
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
