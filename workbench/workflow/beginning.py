"""`new`: a plugin to begin with, under a name that is free."""

from __future__ import annotations

from pathlib import Path

from ..errors.usage import UsageError
from ..registry import installed
from ..scaffolds import KINDS, Scaffold, scaffold


def new(name: str, kind: str = "solver", *, tableau: bool = False, out: str | Path | None = None) -> Scaffold:
    """Write a distribution with a working plugin `name` of a kind, its tests, README and CI file; see `Scaffold`.

    It is written to the folder `out`, workbench-NAME unless given. Kinds: solver (with `tableau` as a file of
    coefficients), dynamics, loss, optimizer, strategy, reader, reporter, problem. Raises UsageError for a name that is
    taken, and what `scaffold` raises.
    """
    word = name.replace("-", "_")
    registry = installed()
    if kind == "problem":
        taken = [shelved.distribution for shelved in registry.shelf() if shelved.name == word]
    else:
        offers = registry.offers(kind) if kind in KINDS else ()
        taken = [listed.distribution for listed in offers if listed.name == word]
    if taken:
        raise UsageError(f'the {kind} "{word}" is there already, of {taken[0]}', help=f"another name: my_{word}")
    return scaffold(name, kind, tableau=tableau, out=None if out is None else Path(out))
