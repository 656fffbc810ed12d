"""Independent pieces of work, several at a time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import torch

Job = TypeVar("Job")
Done = TypeVar("Done")


def side_by_side(work: Callable[[Job], Done], jobs: Sequence[Job], processes: int) -> Iterator[Done]:
    """What `work` makes of each job, in their order, in as many processes; with one, here and one after another.

    Each has one thread. `work`, jobs and results are pickled, and processes begin afresh: a script that asks for more
    than one stands under `if __name__ == "__main__":`.

    >>> list(side_by_side(abs, [-1, 2], 1))
    [1, 2]
    """
    if processes == 1:
        yield from map(work, jobs)
        return
    afresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, afresh, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield from pool.map(work, jobs)
