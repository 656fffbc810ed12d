"""File formats that become observations: separated text, NumPy archives, HDF5, Parquet, netCDF and MATLAB files."""

from workbench import Offer, hookimpl


@hookimpl
def offer_readers() -> list[Offer]:
    """Readers of csv, tsv, npz, hdf5, parquet, netcdf and mat files."""
    from .offers import csv, hdf5, mat, netcdf, npz, parquet, tsv

    return [
        Offer("csv", csv, "text with a header, columns separated by commas, semicolons, tabs or spaces"),
        Offer("tsv", tsv, "text with a header, columns separated by tabs"),
        Offer("npz", npz, "NumPy archive: one array a column, or times with a matrix of values"),
        Offer("hdf5", hdf5, "HDF5: one-dimensional data sets of one length, each a column"),
        Offer("parquet", parquet, "Parquet: a flat table of numbers, dates and text (extra `data`)"),
        Offer("netcdf", netcdf, "netCDF 3 and 4: one array a column, row_size for trajectories"),
        Offer("mat", mat, "MATLAB files of all versions: matrices, or those of one struct"),
    ]
