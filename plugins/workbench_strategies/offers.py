"""The options of the strategies, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ladder import Ladder
    from .single import OneRung


def ladder(patience: int = 30, match: bool = True, windows: bool = True) -> Ladder:
    """The default; `patience` steps without a lower validation loss are borne.

    `match` = false leaves gradient matching out, and `windows` = false multiple shooting.
    """
    from .ladder import Ladder

    return Ladder(patience, match, "stuck" if windows else "never")


def multiple_shooting(patience: int = 30, points: int = 0) -> Ladder:
    """Windows of at least `points` times (0: twice as many values as states); at most `patience` steps a weight."""
    from .ladder import Ladder

    return Ladder(patience, match=False, windows="first", points=points)


def horizon(patience: int = 30, first: float = 0.125) -> Ladder:
    """The share `first` of each trajectory's span, then twice as much, and so on to the whole."""
    from .ladder import Ladder

    return Ladder(patience, match=False, windows="never", first=first)


def single(patience: int = 30) -> OneRung:
    """The whole trajectory at once; `patience` is how many steps without a lower validation loss are borne."""
    from .single import OneRung

    return OneRung("trajectory", patience)


def gradient_matching(patience: int = 30) -> OneRung:
    """Slopes only, no solve."""
    from .single import OneRung

    return OneRung("defect", patience)
