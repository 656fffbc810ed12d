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


class SettingOutOfRange(UsageError):
    """An option was given a number that it cannot take: a tolerance or a step below 0, a layer of no units.

    Where 0 stands for a choice of the program, as in a solver's `step`, 0 is right; tolerances may not both be 0.
    """

    code = "U016"


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


class CompilerUnavailable(WorkbenchError):
    """A model was to be compiled, and there is no C compiler: none of `gcc`, `clang` and `cc` is on the PATH, or
    WORKBENCH_CC names one that is not there.

    Without one everything still runs, on the torch engine; compiled models are many times faster. Debian and Ubuntu:
    `apt install gcc`; Fedora: `dnf install gcc`; macOS: `xcode-select --install`; conda: `conda install c-compiler`.
    `WORKBENCH_CC=clang` chooses one, `WORKBENCH_CC=none` does without; `workbench doctor` shows which one is found.
    """

    code = "U020"


class CompilerBroken(CompilerUnavailable):
    """The C compiler ended with an error, or made a library that cannot be loaded; the message has its first words.

    `workbench doctor` tries the compiler on a file of one line. `WORKBENCH_CC=clang` chooses another.
    """

    code = "U021"


class CompilerSlow(CompilerUnavailable):
    """The C compiler did not end within its time and was stopped. WORKBENCH_CC_TIMEOUT=300 allows it 300 seconds."""

    code = "U022"


class NotExportable(UsageError):
    """A run cannot be written in the format that was asked for: its dynamics have no formulas or layers to print (a
    module of a plugin's own), or use a function that the language does not have.

    `workbench export RUN csv` and `netcdf` write every run's data and prediction.
    """

    code = "U030"


class FormatUnknown(UsageError):
    """`export` was asked for a format that it does not write; the message names those that there are."""

    code = "U031"
