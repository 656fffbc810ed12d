"""The options of the families, apart from what they import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .equations import Equations

FitInitial = Literal["declared", "all", "none"]


def equations(fit_initial: FitInitial = "declared", decay: float = 0.0) -> Equations:
    """The problem's equations; `fit_initial`: declared, all or none of the numeric initial values are fitted.

    `decay` is the precision of a prior on the weights of learned terms; 0 lets the data decide.
    """
    from .equations import Equations

    return Equations(fit_initial, decay)
