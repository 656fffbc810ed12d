"""Errors about what was typed (codes U…)."""

from .base import WorkbenchError


class UsageError(WorkbenchError):
    """What was typed or passed cannot be understood; the message names the option and what it takes."""

    code = "U001"


class UnknownName(WorkbenchError):
    """No plugin, problem or run has the name that was given; the message names the nearest one that exists."""

    code = "U002"


class UnknownSetting(UsageError):
    """`-S kind.option=value` names a kind or an option that does not exist; the message names the nearest that does.

    The kinds are those of the registry (solver, dynamics, loss, optimizer, strategy, reader, reporter); a plugin's
    options are listed by `workbench solvers --json` and its sisters.
    """

    code = "U010"


class SettingOfWrongType(UsageError):
    """An option was given a value of another type than it takes.

    Values are read as TOML: `1e-6`, `true`, `[16, 16]`, `"text"`; a bare word is a string.
    """

    code = "U011"


class SettingMalformed(UsageError):
    """A setting is not of the form `kind.option=value`, for example `-S solver.rtol=1e-6`."""

    code = "U012"


class ConfigurationWrong(UsageError):
    """A configuration file cannot be read, or holds a table or key that no command or plugin has.

    Files are TOML: a table for each command (`[fit]` with `seed = 1`) and one for each kind of plugin
    (`[solver]` with `rtol = 1e-8`). Plugin files are never loaded from a configuration file.
    """

    code = "U013"


class TextMalformed(UsageError):
    """An option's text is not of the form that it takes: a list, a pair, a duration, a percentage, a gate."""

    code = "U014"


class SignalInconsistent(UsageError):
    """An input's samples do not fit each other, or the trajectories that it is given to.

    `wb.Signal(ts, values, "linear")` takes values (sample,), (sample, input) or (trajectory, sample, input).
    """

    code = "U015"
