"""The memory of one forward and backward pass, counted."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass

import torch

from ..saved_tensors import counting_saved
from .network import Network, gradient, solved, start


@dataclass(frozen=True)
class Measured:
    """Bytes at most, the gradient, and seconds of one forward and one backward pass."""

    peak: int
    gradient: torch.Tensor
    seconds: float


def measure(mode: str, steps: int, seed: int) -> Measured:
    """rk4 with equal steps in a mode of `network.MODES`.

    Counted are the bytes that NumPy and Python hold at most beyond what they held before (tracemalloc), and those of
    all tensors that torch's autograd saves for the way back: the graph of the steps, for backprop.
    """
    f, y0 = Network(seed), start(seed)
    gradient(f, y0, solved(f, y0, mode, "rk4", step=0.2))  # what is made once is made now
    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        began = time.perf_counter()
        with counting_saved() as saved:
            found = solved(f, y0, mode, "rk4", step=1.0 / steps)
        seconds = time.perf_counter() - began
        kept = sum(saved().values())
        del saved  # its notes are no memory of the way back
        began = time.perf_counter()
        taken = gradient(f, y0, found)
        seconds += time.perf_counter() - began
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        if not tracing:
            tracemalloc.stop()
    return Measured(peak + kept, taken, seconds)
