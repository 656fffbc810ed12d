"""Intensities without a model: a constant, a histogram, a kernel; each chosen on the events that it is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .records import Record

PSEUDO = 0.5  # events added to a bin, so that an empty one excludes nothing (Jeffreys' prior)


def constant(record: Record) -> np.ndarray:
    """The mean rate on the record's grid (time,)."""
    return np.full(len(record.grid), len(record.t) / (record.end - record.start))


def histogram(record: Record) -> np.ndarray:
    """Bins of equal width (time,), as many as foretell each event best from the others."""
    scores = {bins: _left_out(record, bins) for bins in range(1, max(2, min(len(record.t) // 2, 60)))}
    bins = max(scores, key=scores.__getitem__)
    counts, edges = np.histogram(record.t, bins, (record.start, record.end))
    place = np.clip(np.searchsorted(edges, record.grid, side="right") - 1, 0, bins - 1)
    found: np.ndarray = (counts[place] + PSEUDO) / (edges[1] - edges[0])
    return found


def _left_out(record: Record, bins: int) -> float:
    """Σ over events of log λ there, λ made of the others, less the events that λ expects."""
    counts, edges = np.histogram(record.t, bins, (record.start, record.end))
    seen = counts[counts > 0]
    return float(np.sum(seen * np.log((seen - 1 + PSEUDO) / (edges[1] - edges[0]))) - bins * PSEUDO)


def kernel(record: Record) -> np.ndarray:
    """Gaussian kernels (time,), divided by their share inside the record; their width foretells each event best.

    Diggle (1985), Applied Statistics 34, 138–147; the choice of width by left-out likelihood: Loader (1999), Local
    Regression and Likelihood, section 5.4.
    """
    widths = (record.end - record.start) * np.geomspace(0.01, 1.0, 30)
    scores = [_kernel_left_out(record, width) for width in widths]
    return _kernel(record.grid, record, float(widths[int(np.argmax(scores))]))


def _kernel(at: np.ndarray, record: Record, width: float) -> NDArray[np.float64]:
    from scipy.stats import norm

    inside = norm.cdf((record.end - at) / width) - norm.cdf((record.start - at) / width)
    found: NDArray[np.float64] = norm.pdf((at[:, None] - record.t) / width).sum(axis=1) / width / inside
    return found


def _kernel_left_out(record: Record, width: float) -> float:
    own = 1 / np.sqrt(2 * np.pi) / width
    from scipy.stats import norm

    inside = norm.cdf((record.end - record.t) / width) - norm.cdf((record.start - record.t) / width)
    others = _kernel(record.t, record, width) - own / inside
    expected = np.trapezoid(_kernel(record.grid, record, width), record.grid)
    return float(np.sum(np.log(np.maximum(others, 1e-300))) - expected)
