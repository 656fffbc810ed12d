"""Gates: `--fail-if "holdout.nrmse > 0.1"` makes a finished fit answer no."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors.nearest import did_you_mean
from ..errors.usage import TextMalformed

COMPARE = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "==": operator.eq,
}
PARTS = ("holdout", "validation", "train")


@dataclass(frozen=True)
class Gate:
    """A comparison of one number or word of the `fit --json` document with a limit."""

    text: str
    path: tuple[str, ...]
    sign: str
    limit: float | str

    def closes(self, document: Mapping[str, Any]) -> str:
        """Why the fit fails, or "" if it passes; a value that was not computed closes the gate."""
        found = _look_up(document, self.path, self.text)
        if isinstance(found, bool) or not isinstance(found, (int, float, str)):
            return f"{'.'.join(self.path)} was not computed, so that {self.text} cannot be denied"
        if isinstance(found, str) != isinstance(self.limit, str):
            raise TextMalformed(
                f'--fail-if "{self.text}" compares {found!r} with {self.limit!r}', help="compare numbers with numbers"
            )
        shown = found if isinstance(found, str) else f"{found:.6g}"
        return f"{self.text}: it is {shown}" if COMPARE[self.sign](found, self.limit) else ""


def read_gate(text: Any, option: str) -> Gate:
    """`nrmse>0.1`, `holdout.rmse.hare >= 2`, `verdict = bad` as a Gate.

    >>> read_gate("nrmse>0.1", "--fail-if").limit
    0.1
    """
    match = re.fullmatch(r"\s*([A-Za-z_][\w.-]*)\s*(>=|<=|==|=|>|<)\s*([^\s<>=]+)\s*", str(text))
    limit = _limit(match[3]) if match else None
    if match is None or limit is None or (isinstance(limit, str) and "=" not in match[2][:1]):
        raise TextMalformed(f'{option} is "{text}"', help=f'write {option} "nrmse>0.1" or {option} "verdict=bad"')
    return Gate(str(text).strip(), tuple(match[1].split(".")), match[2], limit)


def _limit(text: str) -> float | str | None:
    """The number or word that a gate compares with; None for NaN, with which nothing compares."""
    try:
        number = float(text)
    except ValueError:
        return text.strip("\"'")
    return number if number == number else None


def _look_up(document: Mapping[str, Any], path: tuple[str, ...], text: str) -> Any:
    """The entry at `path`: of the document, of its metrics, or of the test part of these (else the training part)."""
    if path == ("verdict",):
        path = ("verdict", "word")
    metrics = document.get("metrics") or {}
    parts = [metrics[part] for part in PARTS if metrics.get(part)]
    for root in (document, metrics, *parts[:1]):
        if path[0] in root:
            return _descend(root, path, text)
    known = [*document, *metrics, *(parts[0] if parts else ())]
    raise TextMalformed(f'--fail-if "{text}" names nothing that a fit reports', help=did_you_mean(path[0], known))


def _descend(root: Any, path: tuple[str, ...], text: str) -> Any:
    found = root
    for name in path:
        if found is None:
            return None
        if not isinstance(found, Mapping) or name not in found:
            known = ", ".join(found) if isinstance(found, Mapping) else "nothing below it"
            raise TextMalformed(f'--fail-if "{text}": there is no "{name}"', help=f"there is {known}")
        found = found[name]
    return found
