"""Names of a user's columns and parameters as identifiers, and in comments, of generated programs."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
OURS = re.compile(r"[vz][0-9]+|[typuc]|np|math|torch|nn|sympy|pi|inf|nan|self")


def identifiers(names: Sequence[str], kind: str, taken: Iterable[str]) -> tuple[str, ...]:
    """Each name itself where it is a word that means nothing else, else the kind's letter with its number.

    >>> identifiers(["hare", "lambda", "x y"], "y", [])
    ('hare', 'y_1', 'y_2')
    """
    used = set(taken)
    found = []
    for number, name in enumerate(names):
        sound = WORD.fullmatch(name) and not keyword.iskeyword(name) and not OURS.fullmatch(name) and name not in used
        found.append(name if sound else f"{kind}_{number}")
        used.add(found[-1])
    return tuple(found)


def comment(text: str) -> str:
    """A text on one line of printable ASCII that ends no comment and no string, whatever a user called things.

    >>> comment('a*/ "b" \\n\\u00b5')
    "a* 'b' ?"
    """
    line = " ".join(text.split()).replace('"', "'").replace("\\", "/").replace("*/", "* ").replace("/*", " *")
    return " ".join("".join(sign if " " <= sign <= "~" else "?" for sign in line).split())


def legend(kind: str, names: Sequence[str], units: Mapping[str, str]) -> list[str]:
    """Lines that say which place of an array is what, with its unit."""
    lines = []
    for number, name in enumerate(names):
        unit = f" [{comment(units[name])}]" if units.get(name) else ""
        lines.append(f"{kind}[{number}]  {comment(name)}{unit}")
    return lines
