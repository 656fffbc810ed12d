"""Errors about problem files and formulas (codes S…)."""

from __future__ import annotations

from collections.abc import Sequence

from .base import Where, WorkbenchError


class ProblemFileWrong(WorkbenchError):
    """A problem file says something that cannot be used; the message names the key, what stood there and is meant."""

    code = "S001"


class FormulaRefused(WorkbenchError):
    """A formula holds something outside the small language of formulas.

    That is: numbers, declared names, + - * / ^, parentheses and the listed functions.
    """

    code = "S002"


class ProblemUnreadable(ProblemFileWrong):
    """A problem file is no TOML: a syntax error, an encoding other than UTF-8, more than 1 MB, or nested too deeply."""

    code = "S030"


class KeyUnknown(ProblemFileWrong):
    """A problem file has a key that means nothing at its place; the message names the nearest key that does."""

    code = "S031"


class KeyMissing(ProblemFileWrong):
    """A problem file lacks a key that cannot be done without, such as the equation or the initial value of a state."""

    code = "S032"


class ValueWrong(ProblemFileWrong):
    """A key of a problem file holds a value of the wrong type or outside its range; the message says what is meant."""

    code = "S033"


class NameTaken(ProblemFileWrong):
    """Two things that formulas can mention bear one name, or a name is kept for something else, as `t` is for time."""

    code = "S034"


class NameWrong(ProblemFileWrong):
    """A name that formulas mention must be a letter followed by at most 63 letters, digits or single underscores."""

    code = "S035"


class NameMisplaced(ProblemFileWrong):
    """A formula mentions something that exists but has no value where the formula stands.

    An initial value or an event's time may depend on parameters and covariates, a derived quantity on parameters.
    """

    code = "S036"


class BoundsExclude(ProblemFileWrong):
    """A start value lies outside its bounds, or where its transform has no value: log below 0, logit outside bounds."""

    code = "S037"


class ExpressionsCircular(ProblemFileWrong):
    """Named expressions refer to each other in a circle, so that none of them has a value."""

    code = "S038"


class SeveralMistakes(ProblemFileWrong):
    """A problem file has several mistakes; each is one line of the message, in the order of the file."""

    code = "S040"

    def __init__(self, mistakes: Sequence[WorkbenchError]) -> None:
        super().__init__(f"{len(mistakes)} mistakes", where=mistakes[0].where)
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)

    def as_json(self) -> dict[str, object]:
        """The error as one JSON object, with every mistake in it."""
        return super().as_json() | {"mistakes": [mistake.as_json() for mistake in self.mistakes]}


class ChannelsUnmatched(ProblemFileWrong):
    """No column of the data can be told to measure what the problem observes; map them by name."""

    code = "S041"


class DriveMissing(ProblemFileWrong):
    """The data lack an input or a covariate that the problem's equations mention."""

    code = "S042"


class StartTooLate(ProblemFileWrong):
    """`time.start` lies after the first observation of a trajectory, so that it could not be predicted."""

    code = "S043"


class ProblemNotFound(ProblemFileWrong):
    """There is no problem file at the path that was given, or it cannot be read."""

    code = "S044"


class ParameterIdle(ProblemFileWrong):
    """A parameter that is to be fitted is mentioned in no equation, start or observation: no data can tell it."""

    code = "S045"


class NetworkIdle(ProblemFileWrong):
    """A learned term is called in no equation, directly or through an expression: no data can tell it."""

    code = "S046"


class FormulaWrong(FormulaRefused):
    """A formula cannot be used; the message names the column, counted from 1 at the formula's first character."""

    code = "S010"

    def __init__(self, message: str, formula: str, column: int, *, help: str = "") -> None:
        super().__init__(message, help=help, where=Where("formula", column=column))
        self.formula = formula
        self.column = column

    def at(self, where: Where) -> FormulaWrong:
        """The same error at the file and line where the formula stands; the column stays that of the formula."""
        if self.where == Where("formula", column=self.column):
            self.where = Where(where.file, where.line, self.column)
        return self


class FormulaUnreadable(FormulaWrong):
    """A formula breaks off, or two parts of it do not go together.

    An operand, an operator or a parenthesis is missing or too many; a product is always written with `*`.
    """

    code = "S011"


class CharacterRefused(FormulaWrong):
    """A formula holds a character outside the language: ASCII letters, digits, `_ . + - * / ^ ( ) ,` and spaces.

    Comparisons are written where(c, a, b), which is a where c > 0 and b elsewhere. Double underscores are refused.
    """

    code = "S012"


class FormulaTooLarge(FormulaWrong):
    """A formula has more than 20,000 characters or 2,000 operators, is nested over 100 deep or has a number of 41
    digits.

    Name parts of it in `[expressions]`.
    """

    code = "S013"


class NameUndeclared(FormulaWrong):
    """A formula mentions a name that is no state, parameter, input, covariate or named expression.

    The message names the nearest one that is. Undeclared, only `pi` and `E` mean something.
    """

    code = "S014"


class FunctionUnknown(FormulaWrong):
    """A formula calls something that is neither a function of the language nor a declared learned term."""

    code = "S015"


class ArgumentCountWrong(FormulaWrong):
    """A function of a formula is given too few or too many arguments."""

    code = "S016"


class NotAValue(FormulaWrong):
    """A formula uses a function as if it were a number: its arguments are missing."""

    code = "S017"


class ConstantRefused(FormulaWrong):
    """A constant part of a formula has no finite real value in float64: 1/0, log(-1), 10^400."""

    code = "S018"


class ExponentTooLarge(FormulaWrong):
    """A constant exponent of a formula lies outside -64 … 64, powers of powers multiplied out."""

    code = "S019"


class NotLowerable(FormulaRefused):
    """An expression holds something that cannot be evaluated.

    That is: an undeclared symbol, a function that is not of the language of formulas, a number that is not real.
    """

    code = "S020"
