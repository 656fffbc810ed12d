"""Settings as they are typed: `-S solver.rtol=1e-6`, sorted by the kind that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors.nearest import did_you_mean
from ..errors.usage import SettingMalformed, UnknownSetting
from .kinds import HOOKS

SETTABLE = tuple(kind for kind in HOOKS if kind != "problem")


def parse_settings(texts: Iterable[str]) -> dict[str, str]:
    """The texts `["solver.rtol=1e-6"]` as `{"solver.rtol": "1e-6"}`; of two for one option the last one wins.

    Raises SettingMalformed.

    >>> parse_settings(["solver.rtol=1e-6", "dynamics.hidden=[16, 16]"])
    {'solver.rtol': '1e-6', 'dynamics.hidden': '[16, 16]'}
    """
    settings: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or "." not in key.strip():
            raise SettingMalformed(f'"{text}" is no setting', help="write kind.option=value, such as solver.rtol=1e-6")
        settings[key.strip()] = value.strip()
    return settings


def by_kind(settings: Mapping[str, Any], kinds: Iterable[str] = SETTABLE) -> dict[str, dict[str, Any]]:
    """`{"solver.rtol": v}` as `{"solver": {"rtol": v}, …}` of these settings, with all `kinds`; raises UnknownSetting.

    >>> by_kind({"solver.rtol": "1e-6"}, ["solver", "loss"])
    {'solver': {'rtol': '1e-6'}, 'loss': {}}
    """
    sorted_by_kind: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
    for key, value in settings.items():
        kind, dot, option = key.partition(".")
        if not dot or kind not in sorted_by_kind:
            hint = did_you_mean(kind, sorted_by_kind) or f"the kinds are {', '.join(sorted_by_kind)}"
            raise UnknownSetting(f'there is nothing to set by the name of "{key}"', help=hint)
        sorted_by_kind[kind][option] = value
    return sorted_by_kind
