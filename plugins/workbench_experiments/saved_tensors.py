"""The bytes that torch's autograd saves for the way back."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class Held:
    """A saved tensor, which lives as long as the graph that it was saved for."""

    tensor: torch.Tensor


@contextmanager
def counting_saved() -> Iterator[Callable[[], dict[int, int]]]:
    """While open, what is saved is noted; called, it gives address → bytes of every storage still saved, each once."""
    noted: list[weakref.ref[Held]] = []

    def hold(tensor: torch.Tensor) -> Held:
        held = Held(tensor.detach())  # an output would hold the node that holds it
        noted.append(weakref.ref(held))
        return held

    def saved() -> dict[int, int]:
        gc.collect()  # graphs in cycles are gone for all but the collector, which would come by chance
        storages = [held.tensor.untyped_storage() for ref in noted if (held := ref()) is not None]
        return {storage.data_ptr(): storage.nbytes() for storage in storages}

    with torch.autograd.graph.saved_tensors_hooks(hold, lambda held: held.tensor):
        yield saved
