"""Scripts of the repository that are not installed, as modules."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent


def loaded(path: str) -> ModuleType:
    """The script or package at `path`, relative to the repository, under a name that is nobody else's."""
    file = ROOT / path
    name = f"repository_{(file.parent if file.stem == '__init__' else file).stem}"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there for the module of their annotations
    spec.loader.exec_module(module)
    return module
