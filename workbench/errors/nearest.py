"""Did you mean …: the name that comes nearest to what was typed."""

from __future__ import annotations

from collections.abc import Iterable

MANY = 10_000  # names among which a likeness is looked for


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that begins with `name`, is most like it or holds it, whatever the case; "" where none is close.

    >>> nearest("dopri6", ["tsit5", "dopri5"]), nearest("Heun-2", ["heun2"]), nearest("zebra", ["heun2"])
    ('dopri5', 'heun2', '')
    >>> nearest("hare", ["year", "lynx_thousand", "hare_thousand"])
    'hare_thousand'
    """
    import difflib

    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(candidate.casefold(), candidate)
    wanted = name.casefold()
    if wanted in folded:
        return folded[wanted]
    holding = [each for each in folded if len(wanted) > 2 and wanted in each]
    begun = [each for each in holding if each.startswith(wanted)]
    close = begun or difflib.get_close_matches(wanted, list(folded)[:MANY], n=1, cutoff=0.6) or holding
    return folded[close[0]] if close else ""


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """`did you mean 'dopri5'?`, or `otherwise` where no known name is close.

    >>> did_you_mean("rtoll", ["rtol", "atol"])
    "did you mean 'rtol'?"
    """
    close = nearest(name, known)
    return f"did you mean {close!r}?" if close else otherwise
