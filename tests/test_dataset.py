"""Datasets: contiguous ragged arrays, padded and selected without a loop, and never changed."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset import Dataset, Inputs
from workbench.errors.data import ColumnMissing, DatasetInconsistent


def ragged(sizes: list[int], channels: int = 2) -> Dataset:
    """Trajectories of these sizes; every value is different from every other."""
    n = sum(sizes)
    return Dataset(
        t=np.concatenate([np.arange(size) + 0.5 for size in sizes]),
        values=np.arange(n * channels, dtype=float).reshape(n, channels),
        row_size=sizes,
        channels=tuple(f"x{i}" for i in range(channels)),
        inputs=Inputs(
            ("u",), np.concatenate([[0.0, 1.0]] * len(sizes)), np.arange(2.0 * len(sizes))[:, None], [2] * len(sizes)
        ),
        covariates={"dose": np.arange(len(sizes)) * 10.0},
    )


sizes = st.lists(st.integers(1, 7), min_size=1, max_size=9)


@given(sizes)
def test_padding_and_taking_the_index_again_gives_the_observations(sizes: list[int]) -> None:
    data = ragged(sizes)
    ts, ys, index = data.padded()
    assert ts.shape == (len(sizes), max(sizes))
    inside = index >= 0
    assert np.array_equal(index[inside], np.arange(sum(sizes)))
    assert np.array_equal(ts[inside], data.t)
    assert np.array_equal(ys[inside], data.values)
    assert np.isnan(ts[~inside]).all()
    assert np.isnan(ys[~inside]).all()


@given(sizes, st.randoms(use_true_random=False))
def test_selecting_gives_each_trajectory_as_it_was(sizes: list[int], random: object) -> None:
    data = ragged(sizes)
    chosen = list(range(len(sizes)))
    random.shuffle(chosen)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    part = data.select(chosen)
    for new, old in enumerate(chosen):
        assert np.array_equal(part.values[part.rows(new)], data.values[data.rows(old)])
        assert part.trajectories[new] == data.trajectories[old]
        assert part.covariates["dose"][new] == data.covariates["dose"][old]
        assert part.inputs is not None
        assert data.inputs is not None
        assert np.array_equal(part.inputs.values[part.inputs.rows(new)], data.inputs.values[data.inputs.rows(old)])
    assert data.select(range(len(sizes))).content_sha256() == data.content_sha256()


def test_trajectories_are_selected_by_name_too() -> None:
    assert ragged([2, 3]).select(["2"]).row_size.tolist() == [3]
    with pytest.raises(ColumnMissing, match="no trajectory is named 'b'"):
        ragged([2, 3]).select(["b"])
    with pytest.raises(ColumnMissing, match="there are 2"):
        ragged([2, 3]).select([2])


def test_channels_are_chosen_in_the_order_asked_for() -> None:
    assert ragged([2]).with_channels(["x1", "x0"]).values.tolist() == [[1.0, 0.0], [3.0, 2.0]]
    with pytest.raises(ColumnMissing, match=r"did you mean 'x1'\?"):
        ragged([2]).with_channels(["X1"])


def test_every_array_is_read_only_and_apart_from_the_one_it_was_made_from() -> None:
    mine = np.array([[1.0], [2.0]])
    data = Dataset(
        t=np.array([0.0, 1.0]), values=mine, row_size=[2], channels=("x",), covariates={"c": np.array([1.0])}
    )
    mine[:] = 7.0
    assert data.values.tolist() == [[1.0], [2.0]]
    for array in (data.t, data.values, data.row_size, data.mask, data.starts, data.trajectory_of, data.covariates["c"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_missing_values_are_what_the_mask_says() -> None:
    data = Dataset(t=[0, 1], values=[[1, np.nan], [np.nan, 2]], row_size=[2], channels=("x", "y"))
    assert data.mask.tolist() == [[True, False], [False, True]]


def test_the_content_hash_sees_values_names_and_missing_ones_but_not_notes_or_files() -> None:
    data = ragged([2, 3])
    same = pickle.loads(pickle.dumps(data))
    assert same.content_sha256() == data.content_sha256()

    def hash_with(**changes: object) -> str:
        fields = {name: getattr(data, name) for name in ("t", "values", "row_size", "channels", "inputs", "covariates")}
        return Dataset(**(fields | changes)).content_sha256()  # type: ignore[arg-type]

    assert hash_with(source="elsewhere.csv", notes=("said",)) == data.content_sha256()
    other = data.values.copy()
    other[0, 0] = np.nextafter(other[0, 0], 1)
    assert hash_with(values=other) != data.content_sha256()
    assert hash_with(channels=("x0", "y")) != data.content_sha256()
    assert hash_with(row_size=[3, 2], t=[0, 1, 2, 0, 1]) != data.content_sha256()
    assert hash_with(covariates={"dose": [0, 1]}) != data.content_sha256()
    assert hash_with(inputs=None) != data.content_sha256()
    zero, minus = (Dataset(t=[0, 1], values=[[z], [1]], row_size=[2], channels=("x",)) for z in (0.0, -0.0))
    assert zero.content_sha256() == minus.content_sha256()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": [[1.0], [2.0]]}, r"values have shape \(2, 1\)"),
        ({"row_size": [2]}, "add up to the 3 rows"),
        ({"row_size": [3, 0]}, "positive"),
        ({"t": [0, 2, 1]}, "times must increase"),
        ({"t": [0, 1, np.nan]}, "times must be finite"),
        ({"values": [[1.0], [np.inf], [2.0]]}, "values must be finite"),
        ({"trajectories": ("a", "b")}, "2 distinct trajectory names for 1"),
        ({"covariates": {"c": [1.0, 2.0]}}, r"covariate 'c' has shape \(2,\)"),
        ({"inputs": Inputs(("u",), [0, 0], [[1], [2]], [1, 1])}, "inputs for 2 trajectories"),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(changes: dict[str, object], message: str) -> None:
    arrays = {"t": [0, 1, 2], "values": [[1.0], [2.0], [3.0]], "row_size": [3], "channels": ("x",)}
    with pytest.raises(DatasetInconsistent, match=message):
        Dataset(**(arrays | changes))  # type: ignore[arg-type]


def test_equal_times_are_replicates_of_observations_but_not_of_inputs() -> None:
    assert Dataset(t=[0, 1, 1], values=[[1.0], [2.0], [3.0]], row_size=[3], channels=("x",)).n_observations == 3
    with pytest.raises(DatasetInconsistent, match="times must increase"):
        Inputs(("u",), [0, 1, 1], [[1], [2], [3]], [3])
    with pytest.raises(DatasetInconsistent, match="not finite"):
        Inputs(("u",), [0, 1], [[1], [np.nan]], [2])
