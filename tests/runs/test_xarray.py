"""Each group of a run file opens in xarray as it is."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.runs import Record, RunWriter

xarray = pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
pytest.importorskip("h5netcdf", reason="the extra `xarray` is not installed")

GROUPS = {
    "/": {"t": ("observation",), "part": ("observation",), "row_size": ("trajectory",)},
    "observed": {"y": ("observation", "channel")},
    "covariates": {"Wt": ("trajectory",)},
    "inputs": {"t": ("sample",), "u": ("sample", "input"), "row_size": ("trajectory",)},
    "prediction": {"y": ("observation", "channel"), "states": ("observation", "state")},
    "residual": {"y": ("observation", "channel")},
    "history": {"loss": ("entry",), "rung": ("entry",)},
    "metrics": {"value": ("name",)},
    "diagnostics": {"value": ("name",)},
    "parameters": {"value": ("name",)},
    "equations": {"equation": ("equation",)},
}

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def run(make_record: Callable[..., Record], tmp_path: Path) -> Path:
    with RunWriter(tmp_path / "run.h5") as writer:
        writer.commit(make_record())
    return tmp_path / "run.h5"


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_opens_with_its_axes_named_and_without_a_warning(run: Path, group: str) -> None:
    with xarray.open_dataset(run, group=group, engine="h5netcdf") as dataset:
        dataset.load()
        for name, dims in GROUPS[group].items():
            assert dataset[name].dims == dims


def test_a_record_of_data_alone_opens_too(tmp_path: Path) -> None:
    from workbench.dataset import Dataset

    data = Dataset(t=[0.0, 1.0], values=[[1.0], [2.0]], row_size=[2], channels=("x",))
    with RunWriter(tmp_path / "bare.h5") as writer:
        writer.commit(Record(config={}, dataset=data, part=np.zeros(2, dtype=np.int8)))
    for group in GROUPS:
        with xarray.open_dataset(tmp_path / "bare.h5", group=group, engine="h5netcdf") as dataset:
            dataset.load()


def test_values_text_and_names_are_what_was_stored(run: Path, make_record: Callable[..., Record]) -> None:
    record = make_record()
    with xarray.open_dataset(run, engine="h5netcdf") as root:
        assert root.channel.values.tolist() == ["hare", "lynx λ"]
        assert json.loads(root.config.item()) == record.config
        assert root.attrs["status"] == "converged"
    with xarray.open_dataset(run, group="observed", engine="h5netcdf") as observed:
        np.testing.assert_array_equal(observed.y, record.dataset.values)
    with xarray.open_dataset(run, group="history", engine="h5netcdf") as history:
        assert history.rung.values.tolist() == ["scale", "", "größer"]
        assert history.kept.values.tolist() == [True, False, True]
    with xarray.open_dataset(run, group="metrics", engine="h5netcdf") as metrics:
        assert metrics.value.sel(name="holdout/fit_percent") == 71.25
