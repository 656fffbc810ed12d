"""What was observed: columns of a file (Table), what they mean (assemble), and the result (Dataset, split)."""

from .assemble import assemble
from .dataset import Dataset, Inputs
from .joining import joined
from .split import TEST, TRAIN, VALIDATION, describe, split
from .table import Table

__all__ = [
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Dataset",
    "Inputs",
    "Table",
    "assemble",
    "describe",
    "joined",
    "split",
]
