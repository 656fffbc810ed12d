"""The name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name closest to the one given, or None where nothing is close.

    >>> nearest("pray", ["t", "prey", "predator"]), nearest("Prey", ["prey"]), nearest("zzz", ["t"])
    ('prey', 'prey', None)
    """
    known = list(dict.fromkeys(names))
    folded = {each.casefold(): each for each in reversed(known)}
    if name.casefold() in folded:
        return folded[name.casefold()]
    close = difflib.get_close_matches(name.casefold(), list(folded)[:10_000], n=1, cutoff=0.6)
    if close:
        return folded[close[0]]
    longer = [each for each in known if len(name) > 2 and name.casefold() in each.casefold()]
    return longer[0] if longer else None


def did_you_mean(name: str, names: Iterable[str], otherwise: str) -> str:
    """A help text that proposes the nearest name, or says something else."""
    found = nearest(name, names)
    return f"did you mean {found!r}?" if found else otherwise
