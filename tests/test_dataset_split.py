"""The split: the end of each trajectory or whole trajectories are set aside, equal times together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset import TEST, TRAIN, VALIDATION, Dataset, describe, split
from workbench.errors.data import TooFewToSplit
from workbench.errors.usage import UsageError


def with_times(*times: list[float]) -> Dataset:
    """One channel observed at these times, a list a trajectory."""
    t = np.concatenate([np.asarray(each, dtype=float) for each in times])
    return Dataset(t=t, values=t[:, None] + 1, row_size=[len(each) for each in times], channels=("x",))


@given(st.lists(st.integers(8, 40), min_size=1, max_size=6), st.sampled_from(["10%", "20%", "33.3%", "2"]))
def test_in_each_trajectory_the_parts_follow_each_other_and_the_last_ones_are_the_test(
    sizes: list[int], amount: str
) -> None:
    data = with_times(*[list(range(size)) for size in sizes])
    part = split(data, f"last:{amount}")
    for i, size in enumerate(sizes):
        mine = part[data.rows(i)]
        assert (np.diff(mine) >= 0).all()
        wanted = max(1, round(size * float(amount[:-1]) / 100)) if amount.endswith("%") else int(amount)
        assert (mine == TEST).sum() == wanted
        trained = size - wanted
        validated = (mine == VALIDATION).sum()
        assert validated == (max(3, round(0.15 * trained)) if trained >= 6 else 0)


def test_the_pelts_of_21_years_give_14_3_and_4() -> None:
    data = with_times(list(range(1900, 1921)))
    assert describe(data, split(data, "last:20%")) == "21 observations: 14 train, 3 validate, 4 test"
    assert (split(data, "last:6") == TEST).sum() == 6


def test_everything_trains_where_nothing_is_set_aside() -> None:
    assert (split(with_times([0, 1, 2]), "none") == TRAIN).all()


def test_no_validation_when_none_is_asked_for() -> None:
    part = split(with_times(list(range(20))), "last:20%", validation=0)
    assert [(part == which).sum() for which in (TRAIN, VALIDATION, TEST)] == [16, 0, 4]


def test_whole_trajectories_are_the_last_ones_and_the_others_validate_on_their_ends() -> None:
    data = with_times(*[list(range(10))] * 5)
    part = split(data, "trajectories:20%")
    assert (part[data.rows(4)] == TEST).all()
    assert (part[: 4 * 10] != TEST).all()
    assert part[data.rows(0)].tolist() == [TRAIN] * 7 + [VALIDATION] * 3
    assert describe(data, part).endswith("(1 of 5 trajectories)")
    assert (split(data, "trajectories:2")[30:] == TEST).all()


def test_observations_at_one_time_are_never_parted() -> None:
    data = with_times([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 8, 9, 9, 9])
    part = split(data, "last:20%")
    for time in np.unique(data.t):
        assert len(set(part[data.t == time])) == 1
    assert set(data.t[part == TEST]) == {8.0, 9.0}  # a fifth of ten distinct times


def test_too_short_a_trajectory_is_named() -> None:
    with pytest.raises(TooFewToSplit, match=r"trajectory '2'.*1 times to train on"):
        split(with_times([0, 1, 2, 3], [0, 1]), "last:20%")
    with pytest.raises(TooFewToSplit, match="none of 1 trajectory"):
        split(with_times([0, 1, 2, 3]), "trajectories:20%")


@pytest.mark.parametrize(
    "spec", ["", "first:20%", "last", "last:", "last:0%", "last:100%", "last:1.5", "last:-2", "trajectories:nan%"]
)
def test_a_split_that_cannot_be_read_is_a_usage_error(spec: str) -> None:
    with pytest.raises(UsageError, match="--split last:20%"):
        split(with_times([0, 1, 2, 3]), spec)


def test_ten_thousand_trajectories_are_split_at_once() -> None:
    n, size = 10_000, 10
    t = np.tile(np.arange(float(size)), n)
    data = Dataset(t=t, values=t[:, None], row_size=np.full(n, size), channels=("x",))
    part = split(data, "last:20%").reshape(n, size)
    assert (part == part[0]).all()
