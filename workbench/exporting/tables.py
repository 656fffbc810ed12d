"""A run's data and prediction as CSV, and as netCDF that xarray, MATLAB and R read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..dataset import Dataset
from .naming import comment


@dataclass(frozen=True)
class Curves:
    """What was observed and predicted at each observation; None is "not computed"."""

    title: str
    data: Dataset
    part: np.ndarray  # (observation,) 0 train, 1 validation, 2 test
    prediction: np.ndarray | None  # (observation, channel)
    lower: np.ndarray | None
    upper: np.ndarray | None
    states: np.ndarray | None  # (observation, state)
    state_names: tuple[str, ...]

    def columns(self) -> Iterator[tuple[str, str, np.ndarray]]:
        """(name, unit, values (observation,)) of every column but time and trajectory."""
        units = self.data.units
        kinds = {"": self.data.values, "_predicted": self.prediction, "_lower": self.lower, "_upper": self.upper}
        for kind, values in kinds.items():
            if values is not None:
                for c, name in enumerate(self.data.channels):
                    yield f"{name}{kind}", units.get(name, ""), values[:, c]
        if self.states is not None:
            for s, name in enumerate(self.state_names):
                yield f"{name}_state", units.get(name, ""), self.states[:, s]


def csv_text(curves: Curves) -> str:
    """One line an observation: trajectory, time, part, and the columns; numbers keep every digit, gaps are empty."""
    data, columns = curves.data, list(curves.columns())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["trajectory", data.time, "part", *(name for name, _, _ in columns)])
    words = ("train", "validation", "test")
    for i, t in enumerate(data.t.tolist()):
        values = ["" if values[i] != values[i] else repr(float(values[i])) for _, _, values in columns]
        writer.writerow([data.trajectories[data.trajectory_of[i]], repr(t), words[curves.part[i]], *values])
    return out.getvalue()


def write_netcdf(curves: Curves, path: Path) -> None:
    """NetCDF 3 (64-bit offsets): contiguous ragged arrays along `observation` (CF 1.8, section 9.3.3)."""
    from scipy.io import netcdf_file

    data = curves.data
    with netcdf_file(str(path), "w", version=2) as file:
        file.Conventions, file.title = "CF-1.8", comment(curves.title)
        file.createDimension("observation", len(data.t))
        file.createDimension("trajectory", data.n_trajectories)
        size = file.createVariable("row_size", "i4", ("trajectory",))
        size[:] = data.row_size
        size.sample_dimension = "observation"
        time = file.createVariable("time", "f8", ("observation",))
        time[:] = data.t
        time.long_name, time.units = comment(data.time), comment(data.units.get(data.time, "") or "1")
        part = file.createVariable("part", "i1", ("observation",))
        part[:] = curves.part
        part.flag_values, part.flag_meanings = np.array([0, 1, 2], dtype="i1"), "train validation test"
        taken = {"time", "part", "row_size"}
        for name, unit, values in curves.columns():
            variable = file.createVariable(_word(name, taken), "f8", ("observation",))
            variable[:] = values
            variable.long_name, variable.units = comment(name), comment(unit or "1")


def _word(name: str, taken: set[str]) -> str:
    """A name that netCDF takes, and that nothing else has."""
    word = "".join(sign if sign.isascii() and (sign.isalnum() or sign == "_") else "_" for sign in name)
    word = word if word[:1].isalpha() else f"v_{word}"
    while word in taken:
        word += "_"
    taken.add(word)
    return word
