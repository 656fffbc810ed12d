"""Errors about observations (codes D…)."""

from .base import WorkbenchError


class DataError(WorkbenchError):
    """The observations cannot be used as they are; the message names the place and the flag that would change it."""

    code = "D001"


class ColumnMissing(DataError):
    """A column, channel or trajectory that was asked for is not there; the message lists what is."""

    code = "D010"


class NotANumber(DataError):
    """A cell of a column of numbers holds something else. A number is written 12, -0.5 or 1.5e-3: no thousands
    separators, percent signs, units or Fortran exponents. Correct the cell, or name the marker of missing values with
    --missing.
    """

    code = "D011"


class RowWidth(DataError):
    """A row has more or fewer fields than the header, so that it is unclear which value belongs to which column."""

    code = "D012"


class TimeUnsorted(DataError):
    """A time is earlier than the one in the row before it. Name the trajectory column with --trajectory if times start
    anew there, or put the rows in order with --sort.
    """

    code = "D013"


class TimeRepeated(DataError):
    """A time stands twice in one trajectory. Keep both as separate observations with --replicates, merge them with
    --dedupe mean, or keep one with --dedupe first or last.
    """

    code = "D014"


class TooFewRows(DataError):
    """A trajectory has fewer than two distinct times, so that nothing can be said about its dynamics."""

    code = "D015"


class ConstantChannel(DataError):
    """A channel has the same value in every row, so that there is nothing to explain and no scale to judge an error by.
    Leave it out of --states, or use it as a covariate.
    """

    code = "D016"


class ValueMissing(DataError):
    """A cell that is needed is blank or NaN. Missing values are accepted only when asked for: --missing blank,
    --missing nan, --missing blank,NA. A time may never be missing.
    """

    code = "D017"


class DecimalComma(DataError):
    """Numbers in the file are written with a decimal comma; --decimal , reads them."""

    code = "D018"


class FileEmpty(DataError):
    """The file holds nothing."""

    code = "D019"


class NoRows(DataError):
    """The file has a header and nothing below it."""

    code = "D020"


class NotAFile(DataError):
    """A folder or a device was given where a file of observations is wanted."""

    code = "D021"


class FileUnreadable(DataError):
    """The file does not exist or may not be read."""

    code = "D022"


class EncodingUnknown(DataError):
    """The file is not UTF-8 text; other encodings are not guessed. Convert it, for example with iconv."""

    code = "D023"


class NotText(DataError):
    """The file is not text, although its name says so (a spreadsheet, an archive, an HDF5 file …)."""

    code = "D024"


class HeaderRepeated(DataError):
    """Two columns have the same name, so that the name does not say which one is meant."""

    code = "D025"


class HeaderMissing(DataError):
    """The first line holds numbers where the names of the columns are wanted."""

    code = "D026"


class NameWrong(DataError):
    """The name of a column or a trajectory is empty or holds control characters."""

    code = "D027"


class SeparatorUnclear(DataError):
    """The header can be split at more than one character. Name it with -S reader.separator=comma, semicolon, tab or
    space.
    """

    code = "D028"


class QuoteWrong(DataError):
    """A quoted cell does not end where it should: quotes are closed on their own line, and doubled inside a cell."""

    code = "D029"


class UnitsRowWrong(DataError):
    """The line below the header seems to hold units, which --units-row reads as such; or it holds numbers although
    --units-row was given.
    """

    code = "D030"


class ColumnsUnclear(DataError):
    """No guess can be made which column is the time or which are the states; say it with --time and --states."""

    code = "D031"


class CovariateVaries(DataError):
    """A covariate is one value per trajectory, but the column changes within a trajectory; use it as an input
    (--inputs) instead.
    """

    code = "D032"


class TooFewToSplit(DataError):
    """There are not enough observations or trajectories to set some aside for the test; --split none uses them all."""

    code = "D033"


class ArraysUnsuitable(DataError):
    """The arrays of a file (npz, HDF5, Parquet, netCDF, MATLAB) do not form a table: columns are one-dimensional,
    numeric and of one length.
    """

    code = "D034"


class DatasetInconsistent(DataError):
    """The arrays of a Dataset made in Python do not fit each other."""

    code = "D035"


class TooLarge(DataError):
    """A line or the number of columns is beyond what a table of observations has."""

    code = "D036"


class DateWrong(DataError):
    """A column of dates mixes dates with times of day, or times with and without a zone, or holds something else."""

    code = "D037"


class BeforeStart(DataError):
    """An observation lies before the time at which the solve is to start."""

    code = "D038"


class OutOfRange(DataError):
    """A number is infinite or larger than a float64 can hold (about 1.8e308)."""

    code = "D039"


class ColumnTwice(DataError):
    """One column was given two roles, such as time and state."""

    code = "D040"


class InputMissing(DataError):
    """An input has no value at a time at which another input has one, or two different values at one time."""

    code = "D041"


class FileMissing(DataError):
    """There is no file at the path that was given; the nearest name in that folder is suggested."""

    code = "D002"


class FormatUnknown(DataError):
    """No reader takes files of this kind; `workbench plugins` shows the readers and their suffixes."""

    code = "D003"


class NothingToPlot(DataError):
    """The run does not hold what the figure shows: it has not got so far, or its model has none."""

    code = "D060"


class OutsideSupport(DataError):
    """An observation cannot have the noise that its channel was given: lognormal noise is of positive values only,
    Poisson and negative binomial noise of counts, which are whole and not negative.
    """

    code = "D061"


class DeviationWrong(DataError):
    """A standard deviation beside a value is 0 or negative: no value is known so well."""

    code = "D062"


class AllBeyond(DataError):
    """Every value of a channel that is fitted lies at or beyond a limit, so that none of them says how large it is."""

    code = "D063"


class ExtraMissing(DataError):
    """Files of this kind are read by a package that is not installed; the help names the extra that brings it."""

    code = "D070"
