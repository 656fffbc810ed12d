"""Small models run fastest, and always alike, on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread(torch_is_used: bool) -> Iterator[None]:
    """torch on one thread inside, as many as before outside; nothing is imported where torch is not used."""
    if not torch_is_used:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
