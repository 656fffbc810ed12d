"""Images of digits with their labels, split into training and test: what scikit-learn ships, or files of MNIST."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.errors.data import FileMissing
from workbench.errors.usage import UsageError

from .mnist import CSV, read_csv, read_idx


@dataclass(frozen=True)
class Images:
    """Brightness in [0, 1] (image, 1, row, column), float32, and digits (image,); `name` says where they are from."""

    name: str
    train: np.ndarray
    train_digits: np.ndarray
    test: np.ndarray
    test_digits: np.ndarray

    @property
    def size(self) -> int:
        """Rows and columns of an image."""
        return self.train.shape[-1]


def small_digits(rng: np.random.Generator, at_most: int) -> Images:
    """The 1797 digits of 8×8 pixels that scikit-learn ships, a fifth of each digit held out.

    Source: Alpaydin & Kaynak (1998), UCI machine learning repository, optical recognition of handwritten digits.
    Raises UsageError where scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UsageError(
            "the 8×8 digits come with scikit-learn, which is not installed",
            help="python -m pip install 'dynamics-workbench[digits]', or give MNIST files by --data FOLDER",
        ) from None
    found = load_digits()
    return _split("8×8 digits", found.images / 16.0, found.target, rng, at_most)


def mnist(folder: Path, rng: np.random.Generator, at_most: int) -> Images:
    """MNIST from a folder: IDX files as they are published (.gz or not), or `mnist_5k.csv` for the training images.

    Without the IDX files of the 10 000 test images a fifth of each digit is held out. Raises FileMissing where
    there are no training images, FileUnreadable for files that are not what their names say.
    """
    train = read_idx(folder, "train") or read_csv(folder)
    if train is None:
        raise FileMissing(
            f"there are neither train-images-idx3-ubyte(.gz) nor {CSV}(.gz) in {folder}",
            help="give the folder of the MNIST files, or leave --data out for the 8×8 digits of scikit-learn",
        )
    test = read_idx(folder, "t10k")
    if test is None:
        return _split("MNIST, a fifth held out", *train, rng, at_most)
    images, digits = _some(*train, rng, at_most)
    return Images(f"MNIST, {len(test[1])} test images", _stack(images), digits, _stack(test[0]), test[1])


def _split(name: str, images: np.ndarray, digits: np.ndarray, rng: np.random.Generator, at_most: int) -> Images:
    """A fifth of each digit held out."""
    held = np.zeros(len(digits), dtype=bool)
    for digit in np.unique(digits):
        those = rng.permutation(np.flatnonzero(digits == digit))
        held[those[: round(len(those) / 5)]] = True
    train = _some(images[~held], digits[~held], rng, at_most)
    return Images(name, _stack(train[0]), train[1], _stack(images[held]), digits[held])


def _some(images: np.ndarray, digits: np.ndarray, rng: np.random.Generator, at_most: int) -> tuple[np.ndarray, ...]:
    if len(digits) <= at_most:
        return images, digits
    chosen = np.sort(rng.permutation(len(digits))[:at_most])
    return images[chosen], digits[chosen]


def _stack(images: np.ndarray) -> np.ndarray:
    return images[:, None].astype(np.float32)
