"""Unknowns: named blocks as one flat vector x and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import Block, Unknowns
from workbench.unknowns import to_free_scale, to_physical

EPS = np.finfo(float).eps
KINDS = np.array(["identity", "log", "logit"])
LOWER, UPPER = np.array([-np.inf, 0.0, -3.0]), np.array([np.inf, np.inf, 5.0])


def blocks() -> list[Block]:
    """Two shared parameters, one of them held; two trajectories' own k; initial values of which one is held."""
    return [
        Block(
            "parameters",
            ("a", "b", "c"),
            np.array([2.0, 7.0, 1.0]),
            free=np.array([True, False, True]),
            lower=np.array([0.0, -np.inf, -1.0]),
            upper=np.array([np.inf, np.inf, 4.0]),
            transform=("log", "identity", "logit"),
        ),
        Block(
            "own", ("k",), np.array([[0.5], [0.25]]), lower=0.0, upper=1.0, transform=("identity",), per="trajectory"
        ),
        Block(
            "initial",
            ("x", "y"),
            np.array([[1.0, 2.0], [3.0, 4.0]]),
            free=np.array([[True, True], [False, True]]),
            per="trajectory",
        ),
    ]


@given(st.lists(st.floats(-20, 20), min_size=3, max_size=3))
def test_transformed_values_come_back_to_the_digits_that_their_own_scale_keeps(x: list[float]) -> None:
    there, _ = to_physical(np.array(x), KINDS, LOWER, UPPER)
    back = to_free_scale(there, KINDS, LOWER, UPPER)
    # identity is exact; log keeps EPS/|1| of x absolutely; the log-odds lose 1/share(1 − share), at most exp(20) here
    assert back[0] == x[0]
    assert abs(back[1] - x[1]) <= 4 * EPS * max(1.0, abs(x[1]))
    share = (there[2] - LOWER[2]) / 8.0
    assert abs(back[2] - x[2]) <= 4 * EPS * (1.0 + abs(x[2]) + 1 / max(share * (1 - share), EPS))


@pytest.mark.parametrize("x", [-3.0, -0.1, 0.0, 0.7, 4.0])
def test_each_slope_is_the_derivative_by_complex_step(x: float) -> None:
    step = 1e-30
    along = {"identity": x + 1j * step, "log": np.exp(x + 1j * step), "logit": -3 + 8 / (1 + np.exp(-(x + 1j * step)))}
    value, slope = to_physical(np.full(3, x), KINDS, LOWER, UPPER)
    # a complex step has no cancellation: both sides are a handful of rounded operations
    np.testing.assert_allclose(value, [along[kind].real for kind in KINDS], rtol=8 * EPS, atol=8 * EPS)
    np.testing.assert_allclose(slope, [along[kind].imag / step for kind in KINDS], rtol=16 * EPS)


def test_x_holds_the_free_entries_block_after_block_and_their_labels_name_trajectories() -> None:
    unknowns = Unknowns(blocks())
    assert unknowns.labels == ("a", "c", "k[0]", "k[1]", "x(0)[0]", "y(0)[0]", "y(0)[1]")
    # the log-odds of 1 between −1 and 4 are log(2/3)
    expected = [np.log(2), np.log(2 / 3), 0.5, 0.25, 1, 2, 4]
    np.testing.assert_allclose(unknowns.start, expected, rtol=4 * EPS)


def test_a_single_trajectory_needs_no_number_in_its_labels() -> None:
    unknowns = Unknowns([Block("initial", ("x",), np.array([[1.0]]), per="trajectory")])
    assert unknowns.labels == ("x(0)",)


def test_bounds_are_those_of_the_transformed_scale() -> None:
    unknowns = Unknowns(blocks())
    inf = np.inf
    np.testing.assert_array_equal(unknowns.lower, [-inf, -inf, 0, 0, -inf, -inf, -inf])
    np.testing.assert_array_equal(unknowns.upper, [inf, inf, 1, 1, inf, inf, inf])


def test_a_logarithm_bounds_its_value_by_zero_whatever_the_block_says() -> None:
    unknowns = Unknowns([Block("parameters", ("k",), np.array([2.0]), transform=("log",))])
    assert unknowns.lower.tolist() == [-np.inf]
    assert unknowns.upper.tolist() == [np.inf]


def test_values_at_the_start_are_the_blocks_with_held_entries_in_place() -> None:
    unknowns, given_blocks = Unknowns(blocks()), blocks()
    values = unknowns.values(unknowns.start)
    for block in given_blocks:
        np.testing.assert_allclose(values[block.name], block.value, rtol=8 * EPS)
    moved = unknowns.values(unknowns.start + 1.0)
    assert moved["parameters"][1] == 7.0
    assert moved["initial"][1, 0] == 3.0
    assert moved["own"].ravel().tolist() == [1.5, 1.25]


def test_physical_slopes_are_central_differences_of_values() -> None:
    unknowns, h = Unknowns(blocks()), 1e-5
    value, slope = unknowns.physical(unknowns.start)
    for i, x in enumerate(np.eye(len(value)) * h):
        difference = (unknowns.physical(unknowns.start + x)[0] - unknowns.physical(unknowns.start - x)[0]) / (2 * h)
        # h²/6 times a third derivative (below 5 here) and the rounding eps·|value|/h
        assert abs(difference[i] - slope[i]) <= 5 * h**2 + 4 * EPS * abs(value[i]) / h
        assert np.count_nonzero(difference) == 1


def test_a_mask_tells_the_entries_of_some_blocks() -> None:
    unknowns = Unknowns(blocks())
    assert unknowns.mask("initial").tolist() == [False] * 4 + [True] * 3
    assert unknowns.mask("parameters", "own").tolist() == [True] * 4 + [False] * 3
    assert not unknowns.mask("weights").any()


def test_the_precision_of_a_prior_follows_its_block() -> None:
    first, *rest = blocks()
    unknowns = Unknowns([Block("weights", ("w0", "w1"), np.zeros(2), shrink=0.5), first, *rest])
    assert unknowns.shrink.tolist() == [0.5, 0.5] + [0.0] * 7


def test_there_may_be_nothing_to_fit_at_all() -> None:
    unknowns = Unknowns([Block("parameters", ("k",), np.array([2.0]), free=False)])
    assert unknowns.start.shape == (0,)
    assert unknowns.values(unknowns.start)["parameters"].tolist() == [2.0]


def test_entries_without_a_transform_are_measured_from_their_origin() -> None:
    block = Block("weights", ("a", "b"), np.array([3.0, 2.0]), lower=0.0, transform=("identity", "log"), origin=1.0)
    unknowns = Unknowns([block])
    assert unknowns.start.tolist() == [2.0, np.log(2.0)]
    assert unknowns.lower.tolist() == [-1.0, -np.inf]
    np.testing.assert_allclose(unknowns.values(unknowns.start)["weights"], [3.0, 2.0])
    np.testing.assert_allclose(unknowns.physical(unknowns.start + 1.0)[1], [1.0, 2.0 * np.e])
