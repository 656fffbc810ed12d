"""Runs: the record of one fit, in one HDF5 file that is whole at every moment and can be read without any plugin."""

from .layout import content_sha256
from .listing import Summary, catalog, resolve
from .lock import tidy
from .names import new_name, path_of
from .record import Record
from .run import Run, verify
from .schema import layout_table
from .writer import RunWriter, new_run

__all__ = [
    "Record",
    "Run",
    "RunWriter",
    "Summary",
    "catalog",
    "content_sha256",
    "layout_table",
    "new_name",
    "new_run",
    "path_of",
    "resolve",
    "tidy",
    "verify",
]
