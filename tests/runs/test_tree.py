"""Checkpoints come back to the bit, whatever plain values they hold."""

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.errors.store import RecordUnstorable
from workbench.runs.tree import flatten, unflatten

DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.unicode_string_dtypes(min_len=1, max_len=3),
)
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0)))
LEAVES = st.none() | st.booleans() | st.integers(-(2**140), 2**140) | st.floats() | st.text() | ARRAYS
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, (np.ndarray, np.generic)):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@given(TREES)
def test_any_tree_of_plain_values_comes_back_to_the_bit(tree: Any) -> None:
    text, arrays = flatten(tree, "checkpoint")
    text.encode("ascii")
    assert same(unflatten(text, arrays), tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"$array": "no array", "a": {"$": 1}},
        {1: "whole", "1": "text"},
        [np.float32(0.1), np.int64(-3), np.bool_(True), np.float64("nan")],
        {"a.b": np.zeros(1), "a": {"b": np.ones(1)}, "a_b": np.ones(2)},
        {"tree": np.zeros(2), "": np.ones(1), "../..": np.ones(3)},
        10**400,
        -math.inf,
        np.random.default_rng(3).bit_generator.state,
        np.array(["2026-01-01"], dtype="M8[D]"),
    ],
)
def test_awkward_trees_come_back(tree: Any) -> None:
    text, arrays = flatten(tree, "checkpoint")
    assert same(unflatten(text, arrays), tree)


def test_a_generator_goes_on_as_if_it_had_not_been_stored() -> None:
    rng = np.random.default_rng(5)
    rng.normal(size=3)
    text, arrays = flatten(rng.bit_generator.state, "checkpoint")
    again = np.random.default_rng()
    again.bit_generator.state = unflatten(text, arrays)
    assert again.normal(size=9).tobytes() == rng.normal(size=9).tobytes()


def test_the_order_of_an_array_in_memory_is_kept_for_sums_depend_on_it() -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    text, arrays = flatten([array], "checkpoint")
    (back,) = unflatten(text, arrays)
    assert back.flags.f_contiguous
    assert back.tolist() == array.tolist()


def test_what_comes_back_can_be_written_to() -> None:
    text, arrays = flatten([np.zeros(2), np.zeros(2, dtype=bool)], "checkpoint")
    for array in unflatten(text, arrays):
        array[0] = 1


def test_names_of_arrays_show_where_they_stand() -> None:
    _, arrays = flatten({"optimizer": {"m": [np.zeros(1), np.ones(1)]}}, "checkpoint")
    assert list(arrays) == ["optimizer.m.0", "optimizer.m.1"]


@pytest.mark.parametrize("leaf", [object(), b"bytes", {1, 2}, np.ma.zeros(2), np.zeros(2, dtype=[("a", "f8")]), 1j])
def test_anything_but_plain_values_is_refused_by_name(leaf: Any) -> None:
    with pytest.raises(RecordUnstorable, match=r"checkpoint\.deep\.0"):
        flatten({"deep": [leaf]}, "checkpoint")


def test_a_tree_that_is_too_deep_is_refused() -> None:
    tree: list[Any] = []
    for _ in range(70):
        tree = [tree]
    with pytest.raises(RecordUnstorable, match="64 levels"):
        flatten(tree, "checkpoint")
