"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "dynamics-workbench", "numpy", "scipy", "sympy", "torch", "torchdiffeq", "torchode", "jax", "jaxlib", "diffrax",
    "optimistix", "scikit-sundae",
)  # fmt: skip


def processor() -> str:
    """The model's name."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    family = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in lines}
    more = f" (family {family['cpu family']}, model {family['model']})" if "cpu family" in family else ""
    return (names[0] if names else platform.processor() or platform.machine()) + more


def vectors() -> str:
    """The widest vectors that the processor says it has."""
    file = Path("/proc/cpuinfo")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return next((name for name in ("avx512f", "avx2", "avx", "asimd") if f" {name}" in text), "not known")


def compiler() -> str:
    """The first line of the C compiler's version, or that there is none."""
    found = shutil.which(os.environ.get("CC", "cc"))
    if found is None:
        return "none"
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return told.splitlines()[0] if told else found


def versions() -> dict[str, str]:
    """Of every package that takes part; "–" where it is not installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "–"
    return found


def about() -> dict[str, Any]:
    """The machine in words."""
    return {
        "processor": processor(), "vectors": vectors(), "cores": os.cpu_count(), "system": platform.platform(),
        "python": platform.python_version(), "compiler": compiler(), "versions": versions(),
    }  # fmt: skip
