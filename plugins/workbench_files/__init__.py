"""File formats that become observations: comma- and tab-separated text, NumPy archives, HDF5."""

from workbench import Offer, hookimpl


@hookimpl
def offer_readers() -> list[Offer]:
    """Readers of csv, tsv, npz and hdf5 files."""
    from .offers import csv, hdf5, npz, tsv

    return [
        Offer("csv", csv, "text with a header, columns separated by commas, semicolons, tabs or spaces"),
        Offer("tsv", tsv, "text with a header, columns separated by tabs"),
        Offer("npz", npz, "NumPy archive: one array a column, or times with a matrix of values"),
        Offer("hdf5", hdf5, "HDF5: one-dimensional data sets of one length, each a column"),
    ]
