"""States as a run file keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts import Tree
from ..runs.tree import flatten, unflatten


def stored(state: Tree) -> Tree:
    """The state as it comes back from a run file, sharing nothing with what went in; raises RecordUnstorable."""
    text, arrays = flatten(state, "state")
    return unflatten(text, {name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in arrays.items()})


def bits(tree: Any) -> Any:
    """Something that compares equal exactly where two trees have the same bits, NaN and the sign of zero included."""
    text, arrays = flatten(tree, "state")
    return text, {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}
