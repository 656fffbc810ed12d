"""The options of the strategies, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ladder import Ladder
    from .single import OneRung


def ladder(patience: int = 30, match: bool = True) -> Ladder:
    """The default; `patience` steps without a lower validation loss are borne, `match` = false leaves matching out."""
    from .ladder import Ladder

    return Ladder(patience, match)


def single(patience: int = 30) -> OneRung:
    """The whole trajectory at once; `patience` is how many steps without a lower validation loss are borne."""
    from .single import OneRung

    return OneRung("trajectory", patience)


def gradient_matching(patience: int = 30) -> OneRung:
    """Slopes only, no solve."""
    from .single import OneRung

    return OneRung("defect", patience)
