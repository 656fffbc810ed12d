"""Where and with what a run was made."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

PACKAGES = ("dynamics-workbench", "numpy", "scipy", "sympy", "h5py", "torch")


def provenance(plugins: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Versions of Python and packages, the plugins with their options, the machine, the time in UTC."""
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "plugins": dict(plugins),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "argv": sys.argv[1:],
        "seed": seed,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
