"""Runs: the record of one fit, or of one experiment, in one sealed HDF5 file that can be read without any plugin."""

from .layout import content_sha256
from .listing import Summary, catalog, resolve
from .lock import tidy
from .names import new_name, path_of
from .opening import open_file
from .record import Record
from .reproduction import Reproduction
from .run import Run
from .schema import layout_table
from .writer import RunWriter, new_run

__all__ = [
    "Record",
    "Reproduction",
    "Run",
    "RunWriter",
    "Summary",
    "catalog",
    "content_sha256",
    "layout_table",
    "new_name",
    "new_run",
    "open_file",
    "path_of",
    "resolve",
    "tidy",
]
