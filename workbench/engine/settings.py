"""Numbers that a solver can be given."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors.usage import SettingOutOfRange


def require_settings(rtol: float, atol: float | tuple[float, ...], lengths: Mapping[str, float]) -> None:
    """Raise SettingOutOfRange for tolerances or lengths of steps that mean nothing: below 0, NaN, no tolerance at all.

    `lengths` are settings by name; 0 is right for them.
    """
    each = atol if isinstance(atol, tuple) else (atol,)
    for name, value in (("rtol", rtol), *(("atol", value) for value in each), *lengths.items()):
        if not value >= 0:
            raise SettingOutOfRange(f"solver.{name} is {value:g}", help="it takes a number of at least 0, such as 1e-6")
    if rtol == 0 and not min(each, default=0.0) > 0:
        raise SettingOutOfRange("solver.rtol and solver.atol are both 0", help="steps need a tolerance: 1e-6, say")
