"""What `workbench doctor` looks at, one function a check; each says what it found and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ..errors.usage import CompilerBroken, CompilerSlow, CompilerUnavailable, TextMalformed
from ..registry import installed

DISTRIBUTION = "dynamics-workbench"
OLDEST = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    verdict: Literal["ok", "note", "fail"]
    check: str
    text: str

    def as_json(self) -> dict[str, str]:
        """The finding as a JSON object."""
        return asdict(self)


def examine(folder: Path) -> list[Finding]:
    """Every finding; `folder` is where runs are kept."""
    checks: list[Callable[[], Iterator[Finding]]] = [_python, _owners, _packages, _extras, _compiler, _cache, _plugins]
    return [finding for check in (*checks, lambda: _runs(folder)) for finding in check()]


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    if sys.version_info < OLDEST:
        yield Finding("fail", "python", f"{version}; {'.'.join(map(str, OLDEST))} or later is needed")
    else:
        yield Finding("ok", "python", f"{version} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores")


def _owners() -> Iterator[Finding]:
    """Another distribution on the package index brings an import package of the same name."""
    owners = sorted(set(importlib.metadata.packages_distributions().get("workbench", [])) | _ours())
    if not owners:
        yield Finding("fail", "workbench", "not installed; python -m pip install -c constraints.txt -e .")
    elif owners != [DISTRIBUTION]:
        others = ", ".join(owner for owner in owners if owner != DISTRIBUTION)
        yield Finding("fail", "workbench", f"{others} also owns the name workbench; python -m pip uninstall {others}")
    else:
        folder = Path(__file__).resolve().parent.parent
        yield Finding("ok", "workbench", f"{importlib.metadata.version(DISTRIBUTION)} in {folder}")


def _ours() -> set[str]:
    """An editable install names no packages of its own, only its distribution."""
    try:
        importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return set()
    return {DISTRIBUTION}


def _packages() -> Iterator[Finding]:
    for name, wanted in _requirements(extra=False):
        version = _version(name)
        if version is None:
            yield Finding("fail", name, f'not installed; python -m pip install "{wanted}"')
        elif not _satisfies(version, wanted):
            yield Finding("fail", name, f'{version} is installed, {wanted} is wanted; python -m pip install "{wanted}"')
        else:
            yield Finding("ok", name, version)


def _extras() -> Iterator[Finding]:
    """Packages that only some readers and commands need: their absence is no fault."""
    missed = sorted({name for name, _ in _requirements(extra=True) if _version(name) is None})
    if missed:
        yield Finding("note", "extras", f"not installed: {', '.join(missed)}")


def _requirements(extra: bool) -> Iterator[tuple[str, str]]:
    """Name and requirement of what the distribution asks for: always, or for the extra `data` and its sisters."""
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for line in lines:
        requirement, _, marker = (part.strip() for part in line.partition(";"))
        if ("extra" in marker) == extra and not re.search(r"extra == ['\"](test|docs|dev|bench)['\"]", marker):
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            if match:
                yield match[0], requirement


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _satisfies(version: str, requirement: str) -> bool:
    """Whether a version meets `name>=a,!=b`, compared by its release numbers."""
    for sign, bound in re.findall(r"(>=|!=)\s*([0-9.]+)", requirement):
        have, want = _release(version), _release(bound)
        if (sign == ">=" and have < want) or (sign == "!=" and have == want):
            return False
    return True


def _release(version: str) -> tuple[int, ...]:
    """The release numbers of a version, without trailing zeros.

    >>> _release("2.13.0+cpu"), _release("8.4")
    ((2, 13), (8, 4))
    """
    numbers = [int(part) for part in re.match(r"\d+(?:\.\d+)*", version)[0].split(".")]  # type: ignore[index]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _compiler() -> Iterator[Finding]:
    """The compiler that models are built with, tried on one line of C; everything runs without one."""
    from ..workflow.compiling import working_compiler

    try:
        yield Finding("ok", "compiler", working_compiler())
    except (CompilerBroken, CompilerSlow, TextMalformed) as error:
        yield Finding("fail", "compiler", f"{error.message}; {error.help}")
    except CompilerUnavailable as error:
        yield Finding("note", "compiler", f"{error.message}; {error.help}")


def _cache() -> Iterator[Finding]:
    """The libraries of compiled models."""
    from ..workflow.compiling import contents

    try:
        held = contents()
    except TextMalformed as error:
        yield Finding("fail", "cache", f"{error.message}; {error.help}")
        return
    if held.folder is None:
        yield Finding("note", "cache", "WORKBENCH_CACHE=none: every process compiles its models anew")
    elif held.problem:
        yield Finding("note", "cache", f"{held.problem}; another one: WORKBENCH_CACHE=FOLDER")
    else:
        yield Finding("ok", "cache", f"{held.folder}: compiled models: {held.libraries}, {held.bytes / 1e6:.1f} MB")


def _plugins() -> Iterator[Finding]:
    registry = installed()
    for info in registry.plugins():
        count = sum(len(names) for names in info.offers.values())
        whose = f"{info.distribution} {info.version}".strip()
        if info.disabled:
            yield Finding("note", info.name, f"plugin of {whose}, disabled")
        elif info.error:
            yield Finding("fail", info.name, f"plugin of {whose} failed: {info.error}")
        else:
            yield Finding("ok", info.name, f"plugin of {whose}: {count} offers, {info.ms:.1f} ms")
    for kind in ("solver", "dynamics", "loss", "optimizer", "strategy", "reader", "reporter", "problem"):
        for clash in registry.clashes(kind):
            yield Finding("fail", kind, clash.message)
    for note in registry.notes:
        yield Finding("note", "plugins", note)
    if not registry.plugins():
        yield Finding("fail", "plugins", "no plugin is installed; python -m pip install -c constraints.txt -e .")


def _runs(folder: Path) -> Iterator[Finding]:
    """The runs folder can be written to, or made."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".doctor-"):
            pass
    except OSError as error:
        yield Finding("fail", "runs", f"{place} cannot be written to: {error.strerror}; give another with --runs")
    else:
        free = shutil.disk_usage(place).free / 1e9
        state = "writable" if place == folder.absolute() else "will be made"
        yield Finding("ok", "runs", f"{folder.absolute()} ({state}, {free:.1f} GB free)")
