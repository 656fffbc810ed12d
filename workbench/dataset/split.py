"""Which observations are for training, for validation and for the test."""

from __future__ import annotations

import re

import numpy as np

from ..errors.data import TooFewToSplit
from ..errors.usage import UsageError
from .dataset import Dataset

TRAIN, VALIDATION, TEST = 0, 1, 2
LEAST = 3  # fewest validation times, and fewest training times that validation must leave

_SPEC = re.compile(r"(last|trajectories):(\d+(?:\.\d+)?)(%?)")


def split(data: Dataset, spec: str, validation: float = 0.15) -> np.ndarray:
    """The part of each observation (observation,) int8: TRAIN 0, VALIDATION 1 or TEST 2.

    `spec` is `last:20%` (the last fifth of the times of each trajectory is the test; `last:6` its last six times),
    `trajectories:20%` (the last fifth of the trajectories, whole; `trajectories:2` the last two) or `none` (everything
    trains, nothing validates). `validation` is the share of the training times of each trajectory that validates: its
    last ones, at least 3, and none where fewer than 3 would be left to train on. Rows at one time stay together.

    Raises TooFewToSplit (D033) where a trajectory would be left with fewer than 2 training times, or all trajectories
    would be test; UsageError where the spec cannot be read.

    >>> data = Dataset(t=range(10), values=np.arange(10.0)[:, None], row_size=[10], channels=("x",))
    >>> split(data, "last:20%").tolist()
    [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]
    """
    if not 0 <= validation < 1:
        raise UsageError(f"a validation share of {validation} was given; it lies in [0, 1)", help="validation=0.15")
    if not isinstance(spec, str):
        raise UsageError(f"{spec!r} is not a split", help='split="last:20%", "trajectories:20%" or "none"')
    part = np.zeros(len(data.t), dtype=np.int8)
    if spec.strip() == "none":
        return part
    match = _SPEC.fullmatch(spec.replace(" ", ""))
    if match is None or (match[3] == "" and "." in match[2]):
        raise UsageError(f"{spec!r} is not a split", help="--split last:20%, trajectories:20% or none")
    by_time, amount, percent = match[1] == "last", float(match[2]), match[3] == "%"
    if amount <= 0 or (percent and amount >= 100):
        raise UsageError(f"{spec!r} sets nothing or everything aside", help="--split last:20%, or --split none")

    times, rank = _distinct_times(data)
    tested = np.zeros(data.n_trajectories, dtype=np.int64)  # test times of each trajectory
    if by_time:
        tested[:] = np.maximum(1, np.rint(times * amount / 100)) if percent else amount
        _check_left(data, times - tested, spec)
    else:
        whole = _whole_trajectories(data, amount, percent, spec)
        tested[-whole:] = times[-whole:]
    trained = times - tested
    validated = np.maximum(LEAST, np.rint(trained * validation)).astype(np.int64) if validation else 0 * trained
    validated[trained - validated < LEAST] = 0
    row = data.trajectory_of
    part[rank >= (trained - validated)[row]] = VALIDATION
    part[rank >= trained[row]] = TEST
    return part


def describe(data: Dataset, part: np.ndarray) -> str:
    """The split `part` (observation,) of data in words.

    >>> data = Dataset(t=range(10), values=np.arange(10.0)[:, None], row_size=[10], channels=("x",))
    >>> describe(data, split(data, "last:20%"))
    '10 observations: 5 train, 3 validate, 2 test'
    """
    train, validate, test = (int((part == which).sum()) for which in (TRAIN, VALIDATION, TEST))
    text = f"{len(data.t)} observations: {train} train, {validate} validate, {test} test"
    whole = int((np.minimum.reduceat(part, data.starts) == TEST).sum())
    return text + (f" ({whole} of {data.n_trajectories} trajectories)" if whole else "")


def _distinct_times(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """How many distinct times each trajectory has (trajectory,), and the rank of each row's time (observation,)."""
    new = np.ones(len(data.t), dtype=np.int64)
    new[1:] = np.diff(data.t) != 0
    new[data.starts] = 1
    count = np.cumsum(new)
    rank = count - count[data.starts][data.trajectory_of]
    return np.maximum.reduceat(rank, data.starts) + 1, rank


def _check_left(data: Dataset, left: np.ndarray, spec: str) -> None:
    """Raise TooFewToSplit where fewer than two times would be left to train on."""
    worst = int(np.argmin(left))
    if left[worst] < 2:
        which = f"trajectory {data.trajectories[worst]!r}" if data.n_trajectories > 1 else "the data"
        raise TooFewToSplit(
            f"{spec} would leave {which} ({int(data.row_size[worst])} observations) with {max(0, int(left[worst]))} "
            "times to train on; 2 are needed",
            help="--split none, or trajectories:20% where there are several trajectories",
        )


def _whole_trajectories(data: Dataset, amount: float, percent: bool, spec: str) -> int:
    """How many trajectories are the test."""
    n = data.n_trajectories
    whole = max(1, round(n * amount / 100)) if percent else int(amount)
    if whole >= n:
        raise TooFewToSplit(
            f"{spec} would leave none of {n} trajector{'y' if n == 1 else 'ies'} to train on",
            help="--split last:20%, or --split none",
        )
    return whole
