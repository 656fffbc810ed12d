"""The options of the experiment, apart from what it imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .experiment import PinnContrast

CASES = ("spiral", "lotka-volterra", "van-der-pol", "stiff", "sparse")


def pinn_contrast(
    cases: tuple[str, ...] = CASES, hidden: int = 40, points: int = 160, iterations: int = 400, seconds: float = 60.0
) -> PinnContrast:
    """`cases` among spiral, lotka-volterra, van-der-pol, stiff and sparse.

    The curve of the PINN has `hidden` units and `points` collocation points, the neural ODE as many weights; every fit
    may take `iterations` (150 in the quick form) and `seconds`.
    """
    from .experiment import PinnContrast

    return PinnContrast.checked(tuple(cases), hidden, points, iterations, seconds)
