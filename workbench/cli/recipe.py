"""The configuration of a stored run as the TOML that `workbench fit SOURCE --config FILE` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w

from ..registry import by_kind
from ..registry.values import read_toml
from .fit import CHOSEN


def recipe(config: Mapping[str, Any]) -> str:
    """TOML with a table `[fit]` and one for each kind of plugin that was set; its first line names the source.

    The source is the data file, or the problem that brought its own; a problem that was put to a file is in the table.
    """
    limits = config.get("limits") or {}
    fit = {
        **{key: config["choices"][key] for key in CHOSEN if config["choices"].get(key) not in (None, "")},
        **{key: config[key] for key in ("split", "noise", "set", "free", "fix") if config.get(key)},
        **{key: value for key, value in (config.get("columns") or {}).items() if value},
        **{key.replace("_", "-"): limits[key] for key in ("iterations", "max_time") if limits.get(key) is not None},
    }
    settings = {kind: _values(options) for kind, options in by_kind(config.get("settings") or {}).items() if options}
    file, problem = (config.get("source") or {}).get("file"), config.get("problem")
    if config.get("asked_of_file"):
        fit["problem"] = problem
    named = file if config.get("asked_of_file") or not problem else problem
    comment = f"# source: {named or 'data from Python'}\n"
    return comment + tomli_w.dumps({"fit": fit, **settings})


def _values(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that were typed are text; in the file they stand as the values they mean."""
    return {name: read_toml(value) if isinstance(value, str) else value for name, value in options.items()}
