"""Named arrays as the columns of a table: vectors, matrices with a column a state, and stacks of trajectories."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.errors import Where
from workbench.errors.data import ArraysUnsuitable, NoRows

_NAME_LISTS = ("names", "columns", "channels", "states", "labels")


def columns_of(
    arrays: Mapping[str, np.ndarray], file: str, names: tuple[str, ...] = ()
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The columns (row,) that the arrays hold, and what is to be said about them.

    A vector is a column. A matrix (time, state) gives a column a state, named by `names`, by an array of text called
    names, columns, channels, states or labels, or as x_1, x_2 … after the array x. With an array (trajectory, time,
    state) times may be (time,) or (trajectory, time), vectors (trajectory,) are constants of a trajectory, and a column
    `trajectory` numbers them. Single numbers are left out. Raises ArraysUnsuitable (D034) or NoRows (D020).
    """
    where = Where(file)
    plain = {name: plain_array(name, array, where) for name, array in arrays.items()}
    scalars = [name for name, array in plain.items() if array.ndim == 0]
    labels = {name: plain.pop(name) for name in list(plain) if name in _NAME_LISTS and plain[name].dtype == object}
    plain = {name: array for name, array in plain.items() if array.ndim}
    if not plain:
        raise ArraysUnsuitable("there are no arrays of numbers", help="store one vector a column", where=where)
    stack = next((array for array in plain.values() if array.ndim == 3), None)
    shape = stack.shape[:2] if stack is not None else (1, max(len(array) for array in plain.values()))
    if not np.prod(shape):
        raise NoRows("the arrays are empty", help="at least two rows are wanted", where=where)
    given = names or next((tuple(str(each) for each in array) for array in labels.values()), ())
    columns: dict[str, np.ndarray] = {}
    for name, array in plain.items():
        spread = _spread(name, array, shape, stack is not None, where)  # (trajectory, time, state)
        for suffix, column in _named(name, spread, given, array.ndim > (1 if stack is None else 2), where):
            if suffix in columns:
                raise ArraysUnsuitable(f"two columns are named {suffix!r}", help="rename an array", where=where)
            columns[suffix] = column
    if stack is not None and "trajectory" not in columns:
        columns["trajectory"] = np.repeat(np.arange(1.0, shape[0] + 1), shape[1])
    notes = (f"single numbers left out: {', '.join(scalars)}",) if scalars else ()
    return columns, notes


def plain_array(name: str, array: np.ndarray, where: Where) -> np.ndarray:
    """The array as float64, or as text where it holds text or dates."""
    if array.dtype.kind in "buif" and array.dtype.itemsize <= 16:
        with np.errstate(over="ignore"):  # longer floats become inf, which is refused where it is used
            return array.astype(np.float64)
    if array.dtype.kind == "M":
        return np.datetime_as_string(array, unit="D" if array.dtype == "datetime64[D]" else "us").astype(object)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "U":
        return np.char.strip(array).astype(object)
    raise ArraysUnsuitable(
        f"array {name!r} is of type {array.dtype}; numbers, dates or text are wanted",
        help="store real numbers",
        where=where,
    )


def _spread(name: str, array: np.ndarray, shape: tuple[int, int], stacked: bool, where: Where) -> np.ndarray:
    """The array as (trajectory, time, state), repeated along the axes that it lacks."""
    n, times = shape
    if not stacked and array.ndim <= 2 and len(array) == times:
        return array.reshape(1, times, -1)
    if stacked and array.shape[:2] == shape and array.ndim <= 3:
        return array.reshape(n, times, -1)
    if stacked and array.shape == (times,):
        return np.broadcast_to(array[None, :, None], (n, times, 1))
    if stacked and array.shape == (n,):
        return np.broadcast_to(array[:, None, None], (n, times, 1))
    wanted = f"({n}, {times}), ({n}, {times}, k), ({times},) or ({n},)" if stacked else f"({times},) or ({times}, k)"
    raise ArraysUnsuitable(
        f"array {name!r} has shape {array.shape}; beside the others {wanted} is wanted",
        help="make the first axis of every array the time" if not stacked else "order the axes trajectory, time, state",
        where=where,
    )


def _named(
    name: str, spread: np.ndarray, given: tuple[str, ...], matrix: bool, where: Where
) -> list[tuple[str, np.ndarray]]:
    """The columns of one array with their names."""
    width = spread.shape[2]
    if not matrix:
        return [(name, spread.reshape(-1))]
    if given and len(given) != width:
        raise ArraysUnsuitable(
            f"{len(given)} names for the {width} columns of {name!r}", help="name every column", where=where
        )
    labels = given or tuple(f"{name}_{i + 1}" for i in range(width))
    return [(label, np.ascontiguousarray(spread[:, :, i]).reshape(-1)) for i, label in enumerate(labels)]
