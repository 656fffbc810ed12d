"""Did you mean …: the name that comes nearest to what was typed."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like `name`, compared without case; "" where none is close.

    >>> nearest("dopri6", ["tsit5", "dopri5"])
    'dopri5'
    >>> nearest("Heun-2", ["heun2"]), nearest("zebra", ["heun2"])
    ('heun2', '')
    """
    import difflib

    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean "dopri5"?`, or "" where no known name is close.

    >>> did_you_mean("rtoll", ["rtol", "atol"])
    'did you mean "rtol"?'
    """
    close = nearest(name, known)
    return f'did you mean "{close}"?' if close else ""
