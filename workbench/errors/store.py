"""Errors about run files and other output (codes R…)."""

from .base import WorkbenchError


class StoreError(WorkbenchError):
    """A run file could not be written or read; what was committed before is untouched."""

    code = "R001"


class RunDamaged(StoreError):
    """A run file does not match its seal: bytes were changed after it was committed, or the file was cut short.

    Nothing of it was read and it will not be written over. Take the file from a copy, or move it aside and fit again.
    """

    code = "R002"


class NotARun(StoreError):
    """A file has no seal of a run file: it is something else, or its first bytes are damaged; nothing was read."""

    code = "R003"


class NewerFormat(StoreError):
    """A run file was written by a newer version of the workbench than this one; the message names both versions."""

    code = "R004"


class RunLocked(StoreError):
    """Another process is writing this run; the message names its process number.

    The lock ends with that process, however it ends; a lock file that stays behind does no harm.
    """

    code = "R005"


class DiskFull(StoreError):
    """There is no space left for a commit; the last committed state is untouched and still valid."""

    code = "R006"


class NotWritable(StoreError):
    """The folder of a run may not be written to; what was committed before is untouched."""

    code = "R007"


class WriteFailed(StoreError):
    """The operating system could not write a commit; the message gives its reason, the last commit is still valid."""

    code = "R008"


class NotReadable(StoreError):
    """A run file cannot be read: it is not there, not a plain file, or may not be opened."""

    code = "R009"


class HDF5Refused(StoreError):
    """An HDF5 file holds something that could read other files, run code or exhaust memory, and was not read.

    Allowed are groups and data sets of whole numbers, floats and fixed-length text under hard links, with plain names,
    at most 12 levels deep, stored in this very file, compressed by deflate, shuffle and fletcher32 only, at most 4 GiB
    in all and at most 1000 times the size of the file.
    """

    code = "R010"


class LayoutWrong(StoreError):
    """A sealed run file does not hold what the layout of run files says; the message names the data set."""

    code = "R011"


class RecordUnstorable(StoreError):
    """A record holds something that a run file cannot keep exactly; the message names the entry and what it is."""

    code = "R012"


class RunExists(StoreError):
    """A run of this name is there already, and runs are never written over unless that is asked for."""

    code = "R013"


class OutsideStore(StoreError):
    """A name leads out of the folder of runs, by a link or by its spelling; it was not followed."""

    code = "R014"
